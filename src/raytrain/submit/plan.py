"""What ``raytrain submit --plan`` shows: tokens, hours, nodes and money of a job, and how each number is known.

Nothing is run. Only what earlier runs have left under the job's root is read.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raytrain.artifact import Artifact
from raytrain.config import Cluster, Job
from raytrain.errors import UserError
from raytrain.pipeline import root_of
from raytrain.submit import measured
from raytrain.submit.cost import (
    UTILISATION,
    Cost,
    How,
    Known,
    Pool,
    Range,
    Shape,
    Work,
    cost_of,
    estimated_rate,
    known,
    tokens_at_most,
    total,
)
from raytrain.submit.work import released_passages, shape_of, training_runs, untrained_models
from raytrain.train.data_rate import GPU_PEAKS, OTHERWISE, peak_of

STAGES = ("plan", "train", "embed", "untrained-embed", "passages-embed", "benchmark", "passages", "model")
NOT_COUNTED = (
    "not counted: preparing the corpus, BM25, building and searching the index, scoring; nodes while they start, wait "
    "or hold no worker (the head, CPU nodes); steps that a preempted node makes again. What the root holds already is "
    "not taken off"
)


@dataclass(frozen=True)
class Line:
    """Some work of the job, its speed, and what it takes."""

    work: Work
    rate: Known | None
    cost: Cost


@dataclass(frozen=True)
class JobPlan:
    """All work of a job; ``notes``: what is not known, and what would tell."""

    name: str
    currency: str
    pool: Pool
    lines: list[Line]
    total: Cost
    stored: int | None  # bytes of all embeddings
    notes: list[str]


@dataclass(frozen=True)
class _Seen:
    """The finished artifacts under the root, by stage."""

    artifacts: Mapping[str, Sequence[Artifact]]

    def of(self, *stages: str) -> list[Artifact]:
        return [artifact for stage in stages for artifact in self.artifacts.get(stage, ())]


def print_plan(console: Console, job: Job) -> None:
    """Prints what a job would take. Raises UserError for a throughput that names no known GPU."""
    plan = plan_of(job)
    console.print(Text(f"{plan.name}: what it takes, an estimate"), style="bold")
    console.print(_table(plan))
    for line in [*_bases(plan), *plan.notes, NOT_COUNTED]:
        console.print(Text(line), soft_wrap=True)


def plan_of(job: Job) -> JobPlan:
    """What a job would take. Raises UserError as ``print_plan``."""
    notes: list[str] = []
    seen = _seen(job, notes)
    shape = shape_of(job) or measured.fetched_shape(job, seen.of("model"))
    sample = _sample(job, seen, notes)
    works = [_training(job, seen, sample), *_embedding(job, seen, sample, notes)]
    rates = [_rate(job, work, shape, seen, notes) for work in works]
    pool = _pool(job.cluster, notes)
    if job.tune:
        notes.append("not counted: the trials of tune; raytrain tune tells what they take before it begins")
    lines = [Line(work, rate, cost_of(work, rate, pool)) for work, rate in zip(works, rates, strict=True)]
    vectors = sum(work.runs * work.texts for work in works if work.stage == "embed")
    stored = vectors * shape.width * {"fp32": 4, "fp16": 2}[job.index.dtype] if shape else None
    return JobPlan(
        job.name,
        job.cluster.currency,
        pool,
        lines,
        total(line.cost for line in lines),
        stored,
        list(dict.fromkeys(notes)),
    )


def _seen(job: Job, notes: list[str]) -> _Seen:
    try:
        root = root_of(job)
        return _Seen({stage: measured.finished(root, stage) for stage in STAGES})
    except UserError as error:
        notes.append(f"nothing measured: {error}")
        return _Seen({})


def _sample(job: Job, seen: _Seen, notes: list[str]) -> Mapping[str, Known]:
    """Tokens of a text, by the stage that takes it, from what the job has prepared."""
    if not seen.of("plan"):  # to find out more would ask the hub
        return {}
    from raytrain.submit.sampled import sampled_pairs, sampled_passages

    try:
        pairs = known(sampled_pairs(job), "measured", "a sample of the corpus, by the mix of the plan")
        if not job.evaluate.benchmarks:
            return {"train": pairs}
        return {"train": pairs, "embed": known([sampled_passages(job)], "measured", "a sample of the benchmarks")}
    except UserError as error:
        notes.append(f"texts were not sampled: {error}")
        return {}


def _training(job: Job, seen: _Seen, sample: Mapping[str, Known]) -> Work:
    pairs = job.train.max_steps * job.train.batch_size
    limit = job.model.query_max_len + job.model.passage_max_len
    tokens = _tokens(job, "tokens_per_pair", sample.get("train"), measured.tokens_a_pair(job, seen.of("train")), limit)
    return Work("train", "pairs", training_runs(job), pairs, tokens)


def _embedding(job: Job, seen: _Seen, sample: Mapping[str, Known], notes: list[str]) -> list[Work]:
    """The passages of the benchmarks, by every trained model and the untrained ones, and the job's own passages."""
    key, limit = "tokens_per_passage", job.model.passage_max_len
    trained, works = training_runs(job), []
    counts = [_passages(job, name, seen, notes) for name in job.evaluate.benchmarks]
    if sum(counts):
        found = measured.tokens_a_passage(job, seen.of("embed", "untrained-embed"), "benchmarks")
        models = trained + untrained_models(job)
        tokens = _tokens(job, key, sample.get("embed"), found, limit)
        works.append(Work("embed", "passages of benchmarks", models, sum(counts), tokens))
    if job.evaluate.models:
        called = ", ".join(model.called for model in job.evaluate.models)
        notes.append(f"not counted: {called} of evaluate.models, which embed the same passages")
    if job.index.passages:
        own = measured.own_passages(job, seen.of("passages"))
        if own is None:
            notes.append("not counted: index.passages, whose number is known once they were read under the root")
        else:
            found = measured.tokens_a_passage(job, seen.of("passages-embed"), "passages")
            works.append(Work("embed", "passages of its own", trained, own, _tokens(job, key, None, found, limit)))
    return works


def _passages(job: Job, name: str, seen: _Seen, notes: list[str]) -> int:
    languages = job.evaluate.languages
    read = measured.passages_of(seen.of("benchmark"), name, languages)
    if read is not None:
        return read
    count = released_passages(name, languages)
    if count is None:
        notes.append(f"not counted: the passages of {name}, whose number is known once they were read under the root")
    else:
        notes.append(f"{name}: {count:,} passages as it was released; not read yet")
    return count or 0


def _tokens(job: Job, key: str, sampled: Known | None, found: Mapping[str, float], limit: int) -> Known:
    """Tokens of a text: as given, as sampled, as in finished runs, or at most what texts are cut to."""
    given: float | None = getattr(job.cluster.throughput, key)
    if given is not None:
        return known([given], "given", f"cluster.throughput.{key}")
    if sampled is not None:
        return sampled
    if found:
        return known(found.values(), "measured", _places(found))
    return tokens_at_most(limit, f"what texts are cut to; raytrain plan, or cluster.throughput.{key}, would tell")


def _rate(job: Job, work: Work, shape: Shape | None, seen: _Seen, notes: list[str]) -> Known | None:
    """Tokens a second of a worker: as given, as measured, or estimated from operations."""
    settings, key = job.cluster.throughput, f"{work.stage}_tokens_per_second"
    given: float | None = getattr(settings, key)
    if given is not None:
        return known([given], "given", f"cluster.throughput.{key}")
    if work.stage == "train":
        found = measured.train_rates(job, seen.of("train"))
    else:
        found = measured.embed_rates(job, seen.of("embed", "untrained-embed", "passages-embed"))
    if found:
        return known([rate for rates in found.values() for rate in rates], "measured", _places(found))
    if shape is None:
        notes.append(
            f"not known: tokens a second of {work.stage}, for no run like this one is finished under the root, and the "
            f"size of the encoder is not known; give cluster.throughput.{key}"
        )
        return None
    return _estimated(job, work, shape)


def _estimated(job: Job, work: Work, shape: Shape) -> Known:
    cluster, on_gpu = job.cluster, job.cluster.gpus_per_worker > 0
    gpu = cluster.throughput.gpu or OTHERWISE
    if not any(name in gpu for name in GPU_PEAKS):
        raise UserError(f"cluster.throughput.gpu: {gpu} is none of {', '.join(GPU_PEAKS)}: give tokens per second")
    half = job.train.bf16 or work.stage == "embed"  # embedding on a GPU is always in half precision
    cpus = cluster.threads_per_worker or cluster.cpus_per_worker
    peak = peak_of("cuda", gpu, half, cpus) if on_gpu else peak_of("cpu", "", False, cpus)
    length = work.tokens_a_text.value.high / (2 if work.stage == "train" else 1)
    low, high = UTILISATION
    device = gpu if on_gpu else f"{cpus:g} CPUs"
    return Known(
        estimated_rate(work.stage, shape, length, peak),
        "estimated",
        f"{low:.0%} to {high:.0%} of the {peak / 1e12:g} TFLOP/s of {device}",
    )


def _pool(cluster: Cluster, notes: list[str]) -> Pool:
    settings, prices, price = cluster.throughput, cluster.prices, price_of(cluster)
    if price is None:
        why = f"which of {', '.join(prices)}? cluster.throughput.node" if prices else "cluster.prices"
        notes.append(f"not known: what a node with workers costs an hour: {why} would tell")
    return Pool(
        cluster.fewest_workers,
        cluster.most_workers,
        settings.workers_per_node,
        price,
    )


def price_of(cluster: Cluster) -> float | None:
    """What a node with workers costs an hour; None where the job file does not say."""
    prices = cluster.prices
    node = cluster.throughput.node or (next(iter(prices)) if len(prices) == 1 else None)
    return None if node is None else prices[node]


def _places(found: Mapping[str, object]) -> str:
    first, *others = found
    return f"{first}{f' and {len(others)} more' if others else ''}"


def _table(plan: JobPlan) -> Table:
    pool = plan.pool
    nodes = _numbers(Range(pool.nodes(pool.fewest), pool.nodes(pool.most)))
    workers = _numbers(Range(pool.fewest, pool.most))
    title = f"{workers} workers on {nodes} nodes"
    table = Table(box=None, pad_edge=False, title=Text(title), title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("runs", "texts each", "tokens", "hours", "worker-hours", "node-hours", plan.currency):
        table.add_column(name, justify="right", no_wrap=True)
    for line in plan.lines:
        work = line.work
        table.add_row(f"{work.stage}: {work.what}", f"{work.runs:,}", f"{work.texts:,}", *_cells(line.cost))
    table.add_row("in all", "", "", *_cells(plan.total))
    return table


def _cells(cost: Cost) -> list[str]:
    ranges = (cost.tokens, cost.hours, cost.worker_hours, cost.node_hours, cost.money)
    return ["?" if one is None else _numbers(one) for one in ranges]


_WORDS: Mapping[How, str] = {
    "measured": "measured in",
    "given": "given as",
    "estimated": "estimated:",
    "at most": "at most:",
}


def _bases(plan: JobPlan) -> list[str]:
    """How each number is known."""
    lines = []
    for line in plan.lines:
        text, rate = line.work.tokens_a_text, line.rate
        lines.append(f"{line.work.what}: {_numbers(text.value)} tokens each, {_WORDS[text.how]} {text.source}")
        if rate:
            speed = _numbers(rate.value)
            lines.append(f"{line.work.stage}: {speed} tokens/s of a worker, {_WORDS[rate.how]} {rate.source}")
    if plan.stored:
        lines.append(f"embeddings kept under the root: {_numbers(Range(plan.stored, plan.stored))}B")
    return list(dict.fromkeys(lines))


def _numbers(found: Range) -> str:
    """An interval to two digits; of one that begins at 0 its end."""
    low, high = _short(found.low), _short(found.high)
    if found.low == 0 < found.high:
        return f"up to {high}"
    return low if low == high else f"{low}–{high}"


def _short(number: float) -> str:
    """Two digits: 1,234,567 → 1.2M."""
    if number == 0:
        return "0"
    rounded = float(f"{number:.1e}")
    power = min(int(math.log10(rounded) // 3), 4) if rounded >= 1000 else 0
    scaled, letter = rounded / 1000**power, ("", "k", "M", "G", "T")[power]
    return f"{scaled:.0f}{letter}" if scaled >= 10 else f"{scaled:.2g}{letter}"
