"""Before training starts: the memory it needs against what a worker has, and the CPUs that its data needs."""

import json
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from raytrain.artifact import Artifact
from raytrain.config import Job, Train
from raytrain.errors import UserError
from raytrain.model.tokens import tokenised
from raytrain.storage import Location, storage_errors
from raytrain.train.data_rate import REACHED, data_cpus, pairs_a_second, peak_of
from raytrain.train.memory import FP32, Encoder, Load, MemoryEstimate, estimate
from raytrain.train.room import Room
from raytrain.train.stream import Feed, columns_of

GIB = 2**30
# Python and its libraries, or what CUDA itself takes of a GPU. Rough, so a run is not refused for it.
OF_THE_PROCESS = int(0.6 * GIB)
NEAR = 0.9  # of a device's memory: what may need more is told
TOO_MUCH = 1.15  # of it: what needs more is refused. The estimate may be so much too high (ZeRO 3), and is no less
SAMPLED_LANGUAGES, SAMPLED_ROWS = 8, 32
HEADER_BYTES = 1 << 20  # of a file of weights, read at once: enough for thousands of tensors


@dataclass(frozen=True)
class Sample:
    """What some rows of the plan's languages with the most pairs are like. ``tokens``: of the language with most."""

    passages: float  # of a row
    tokens: float  # of a row, its question and passages
    row_bytes: float  # of its text


@dataclass(frozen=True)
class Setting:
    """What can be set so that a worker needs less; ``told``: how a job file says it."""

    train: Train
    workers: int
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Needs:
    """What training needs of its workers; ``room`` is None where nobody said what they have."""

    encoder: Encoder
    train: Train
    workers: int
    length: int  # tokens of the longest text
    sample: Sample
    room: Room | None
    cpus: float  # of a worker

    def memory(self, setting: Setting | None = None) -> MemoryEstimate:
        """Of one worker, as the job says or with another setting."""
        train, workers = (setting.train, setting.workers) if setting else (self.train, self.workers)
        device = self.room.device if self.room else "cuda"
        load = Load.of(train, workers, self.sample.passages, self.sample.tokens, self.length)
        return estimate(
            self.encoder, train, load, world=workers, device=device, graph_bytes=graph_gib(train, self.room) * GIB
        )

    @property
    def restart(self) -> int:
        """Bytes of a whole checkpoint, which each worker reads when it goes on from one, into the machine's memory."""
        return 3 * FP32 * self.encoder.parameters

    def peak(self, found: MemoryEstimate) -> int:
        """Bytes on the device with the process; where that is the machine itself, with what checkpoints take there."""
        device = self.room.device if self.room else "cuda"
        if device != "cpu":
            return OF_THE_PROCESS + found.total
        going_on = found.weights + found.optimizer + self.restart
        return OF_THE_PROCESS + max(found.total + found.checkpoint, going_on)


def graph_gib(train: Train, room: Room | None) -> float:
    """GiB for graphs, as ``rank.graph_gib_on`` decides where the job names none."""
    if train.graph_gib is not None:
        return train.graph_gib
    return room.memory / GIB / 2 if room and room.device == "cuda" else 2.0


def needs_of(job: Job, feed: Feed, model: Artifact, room: Room | None) -> Needs:
    """Reads the header of the weights, and some rows."""
    longest = max(job.model.query_max_len, job.model.passage_max_len)
    encoder = encoder_of(model.location / "model", job.train.attention_dropout)
    cpus = float(job.cluster.threads_per_worker or job.cluster.cpus_per_worker)
    return Needs(encoder, job.train, job.cluster.fewest_workers, longest, sample_of(feed, job.train), room, cpus)


def encoder_of(folder: Location, attention_dropout: float | None) -> Encoder:
    """The encoder in a Hugging Face model folder. ``attention_dropout`` replaces the model's own."""
    from transformers import AutoConfig

    from raytrain.model.encoder import ATTENTION_DROPOUT

    config = AutoConfig.for_model(**json.loads((folder / "config.json").read_text()))
    sizes = {
        name: size
        for info in folder.list()
        if info.path.endswith(".safetensors")
        for name, size in tensor_sizes(folder / info.path).items()
    }
    own = [getattr(config, name, None) for name in ATTENTION_DROPOUT]
    elsewhere = ("hidden_dropout_prob", "dropout", "mlp_dropout", "embedding_dropout")
    return Encoder(
        sizes=tuple(sizes.values()),
        looked_up=sum(size for name, size in sizes.items() if "embedding" in name),
        width=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        dropout=any(getattr(config, name, None) for name in elsewhere),
        attention_dropout=bool(attention_dropout) if attention_dropout is not None else any(own),
    )


def tensor_sizes(file: Location) -> dict[str, int]:
    """Elements of each tensor of a safetensors file, from its header (8 bytes of length, then JSON)."""
    with storage_errors(file.uri, "read"), file.open_input() as opened:
        begin = opened.read(HEADER_BYTES)
        (length,) = struct.unpack("<Q", begin[:8])
        header = begin[8 : 8 + length]
        header += opened.read(length - len(header))
    tensors: dict[str, dict[str, Any]] = json.loads(header)
    return {name: math.prod(tensor["shape"]) for name, tensor in tensors.items() if name != "__metadata__"}


def sample_of(feed: Feed, train: Train) -> Sample:
    """The first rows of the languages with the most pairs; the corpus is shuffled, so they are like all."""
    taken = feed.plan.rows_taken(feed.last_step)
    languages = sorted(taken, key=lambda language: -taken[language])[:SAMPLED_LANGUAGES]
    found = []
    for language in languages:
        texts = feed.corpus.first_rows(language, SAMPLED_ROWS, columns_of(feed.corpus))
        found.append(_sample_of(texts, tokenised(texts, feed.rules), train.negatives_per_row))
    return Sample(*(max(getattr(one, name) for one in found) for name in ("passages", "tokens", "row_bytes")))


def _sample_of(texts: pa.Table, tokens: pa.Table, negatives: int | None) -> Sample:
    rows = texts.num_rows
    lengths = [pc.sum(pc.list_value_length(tokens.column(name))).as_py() for name in ("query", "passage")]
    passages, used = float(rows), float(sum(lengths))
    for name, most in (("positives", None), ("negatives", negatives)):
        for row in tokens.column(name).to_pylist() if name in tokens.column_names else ():
            chosen = (row or [])[:most]
            passages += len(chosen)
            used += sum(map(len, chosen))
    size = sum(texts.column(name).nbytes for name in ("question", "answer"))
    return Sample(passages / rows, used / rows, size / rows)


def check_memory(needs: Needs) -> str | None:
    """A line of warning if a worker may run out of memory; None if there is enough, or nobody knows.

    Raises UserError if it can't but run out: without any text it needs more than there is, whatever is not exact.
    """
    room, found = needs.room, needs.memory()
    if room is None or not room.memory:
        return None
    there = f"{size(room.each)} of {_owner(room)}"
    if found.fixed > TOO_MUCH * room.each:
        advice = advice_of(needs, lambda need, each: need.fixed <= each)
        raise UserError(
            f"train: without any text each worker needs {size(found.fixed)} and has {there}; most of it are "
            f"the {_largest(found)}: {advice}"
        )
    whole = needs.peak(found)
    if whole <= NEAR * room.each:
        return None
    advice = advice_of(needs, lambda need, each: needs.peak(need) <= NEAR * each)
    return f"train: each worker may need {size(whole)} and has {there}; if it runs out: {advice}"


def _owner(room: Room) -> str:
    shared = f", a share of {room.workers}" if room.workers > 1 else ""
    return f"its {room.name}{shared}"


def _largest(found: MemoryEstimate) -> str:
    parts = {
        "weights": found.weights + found.gathered,
        "optimizer's masters and moments": found.optimizer,
        "gradients": max(found.gradients, found.update),
    }
    name = max(parts, key=lambda name: parts[name])
    return f"{name} ({size(parts[name])})"


def advice_of(needs: Needs, fits: Callable[[MemoryEstimate, int], bool]) -> str:
    """What to change so that it fits: as few keys as possible, each as little as does. Each advice was estimated."""
    room, choices = needs.room, _choices(needs)
    assert room is not None
    for changes in range(1, len(choices) + 1):
        found = []
        for keys in combinations(choices, changes):
            fitting = (s.told for s in _settings(needs, keys) if fits(needs.memory(s), _each(room, s.workers)))
            found += [" and ".join(told) for told in islice(fitting, 1)]
        if found:
            return f"set {', or '.join(found)}"
    return "no key of the job file helps enough: take a smaller model, or workers with more memory"


def _each(room: Room, workers: int) -> int:
    """Bytes for each of so many workers: a GPU is nobody else's, a machine is shared."""
    return room.memory // (min(room.workers, workers) if room.device == "cpu" else 1)


def _choices(needs: Needs) -> list[list[tuple[str, Any]]]:
    """Keys that can lower what a worker needs, each with its values: what costs least comes first."""
    train, room = needs.train, needs.room
    on_gpu = room is not None and room.device == "cuda"
    gib = graph_gib(train, room)
    workers = [n for k in range(1, 10) if (n := needs.workers << k) <= train.lanes]
    choices: list[list[tuple[str, Any]]] = [
        [("train.graph_gib", round(gib / part, 2)) for part in (2, 4, 16)] if gib else [],
        [("train.bf16", True)] if on_gpu and not train.bf16 else [],
        [("train.gradient_checkpointing", True)] if not train.gradient_checkpointing else [],
        [("train.zero_stage", stage) for stage in range(train.zero_stage + 1, 3 if train.compile else 4)],
        [("cluster.workers", n) for n in (workers if on_gpu else reversed(range(1, needs.workers)))],
    ]
    return [choice for choice in choices if choice]


def _settings(needs: Needs, keys: Sequence[Sequence[tuple[str, Any]]]) -> Iterator[Setting]:
    """The settings that give each of some keys one of its values."""
    for values in product(*keys):
        new = {key.removeprefix("train."): value for key, value in values if key.startswith("train.")}
        train = needs.train.model_copy(update=new)
        if train.zero_stage or not train.bf16:  # there is no bf16 at stage 0
            told = tuple(f"{key}: {str(value).lower()}" for key, value in values)
            yield Setting(train, dict(values).get("cluster.workers", needs.workers), told)


def data_line(needs: Needs, tokenised: bool, free: float) -> str:
    """How many CPUs the data of a worker needs, and what that is guessed from.

    ``tokenised``: whether token ids were made before; ``free``: CPUs that no worker has.
    """
    device, name = (needs.room.device, needs.room.name) if needs.room else ("cuda", "")
    sample, texts = needs.sample, 1 + needs.sample.passages
    peak = peak_of(device, name, needs.train.bf16, needs.cpus)
    pairs = pairs_a_second(needs.encoder, sample.tokens, sample.tokens / texts, peak)
    wanted = data_cpus(pairs, sample.row_bytes, tokenised)
    line = (
        f"train: data of each worker needs {f'about {wanted:.1f}' if wanted >= 0.1 else 'less than 0.1'} CPUs, guessed "
        f"from {REACHED:.0%} of {peak / 1e12:g} TFLOP/s, {pairs:,.0f} pairs/s of {sample.tokens:.0f} tokens"
    )
    if wanted * needs.workers <= free:
        return line
    how = "more machines without workers" if tokenised else "token ids made before (corpus.tokenise: true)"
    return f"{line}; {free:g} CPUs are left for {needs.workers} workers, so they may wait: {how} would help"


def size(number: float) -> str:
    """Bytes in words."""
    return f"{number / GIB:,.1f} GiB" if number >= GIB else f"{number / 2**20:,.0f} MiB"
