"""What Ray, DeepSpeed and the step itself cost, step for step, against a bare torch loop over the same chunks.

    .venv/bin/python benchmarks/step_overhead.py [--pairs FOLDER] [--batch-size 64] [--steps 16] [--repeats 3]

Five kinds take the same batches, one worker each, with the same weights, threads and precision:

    bare     a loop of torch: chunks prepared before, all graphs kept, cross-entropy, AdamW
    step     `take_step` (counts, keys and masks of collisions, sums by language) with AdamW, batches read before
    engine   the same under DeepSpeed
    alone    `raytrain.train.alone` under torchrun: reads its rows, writes a log; no Ray
    ray      `raytrain train`: placed by Ray Train, rows tokenised and brought by Ray Data

A step lasts from the end of the one before to its own: the report of that one and the wait for rows (in the log:
`data_wait_seconds`), and the work (`seconds`). Checkpoints are not in it. The first three kinds are in one process and
take turns step by step; then come the other two, and all again, `--repeats` times. The first `--warmup` steps of each
run are left out.

Rows come in rounds of `--steps-per-round` steps (`cluster.rows_per_round`), each read and tokenised by a task of its
own. Only the first must be there before the first step; the others are read beside the steps, and brought one by one.
Ray Data reads ahead of the worker, and reading takes a small part of the time of training: in a run as short as this
most of it falls on the first steps, so few of them are left out.

A cost that comes once a round is in no median of steps. `÷ bare` is therefore the time of all counted steps of a run,
divided by that of the bare loop in the same repeat: the median of the repeats, the lowest and the highest. `wait ms`
is a mean as well. `ms` is the median over steps, and `step ÷ bare` the median of the ratios of each step to the same
step of the bare loop: what a step costs that nothing disturbs. Ray's part is `ray ÷ alone`, DeepSpeed's
`engine ÷ step`. Ray's own processes and the reading of rows need a CPU beside the worker's `--threads`, as raytrain
asks for; the other kinds leave that one idle.

Without `--pairs` (a folder that `raytrain prepare` takes, of one language or several) texts are made up: words by
Zipf's law, lengths log-normal as of real questions and answers (medians of about 12 and 60 tokens).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from torch.distributed import HashStore  # type: ignore[attr-defined]  # it does
from torch.nn.functional import cross_entropy

from raytrain.jobfile import load_job
from raytrain.model.encoder import BiEncoder
from raytrain.model.texts import ENOUGH_TOKENS, Texts, cut_padded
from raytrain.train.alone import finished_inputs, rank_blocks, run_of
from raytrain.train.batches import rank_batches
from raytrain.train.engine import Engine, make_engine
from raytrain.train.grad_cache import Output
from raytrain.train.rank import load_trainee
from raytrain.train.rank_batch import RankBatch
from raytrain.train.run import Run
from raytrain.train.step import StepRules, take_step
from raytrain.train.trainee import Trainee

KINDS = ("bare", "step", "engine", "alone", "ray")
Times = list[tuple[float, float]]  # seconds of a step, and what of it was waiting for data


def write_pairs(folder: Path, rows: int) -> Path:
    """Made-up pairs of one language."""
    rng = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, n)) for n in rng.integers(2, 9, 5_000)])
    often = 1 / np.arange(1, len(words) + 1)
    folder.mkdir(parents=True)
    with (folder / "eng.jsonl").open("w") as file:
        for _ in range(rows):
            lengths = np.clip(rng.lognormal(np.log([6, 30]), [0.4, 0.8]), 2, 200).astype(int)
            texts = [" ".join(rng.choice(words, n, p=often / often.sum())) for n in lengths]
            file.write(json.dumps({"question": f"{texts[0]}?", "answer": f"{texts[1]}."}) + "\n")
    return folder


def write_job(folder: Path, options: argparse.Namespace) -> Path:
    """A job of as many steps as are measured."""
    pairs = options.pairs or write_pairs(folder / "raw", max(4_000, options.batch_size * options.steps))
    job = {
        "name": "overhead",
        "root": str(folder / "root"),
        "corpus": {"source": str(pairs), "clean": False, "identify": False, "deduplicate": False},
        "model": {
            "from_scratch": {"layers": options.layers, "hidden": options.hidden, "heads": options.hidden // 64},
            "query_max_len": 64,
            "passage_max_len": 256,
        },
        "train": {
            "batch_size": options.batch_size,
            "max_steps": options.steps,
            "warmup_steps": 0,
            "schedule": "constant",
            "checkpoint_every": options.steps,
            "tokens_per_chunk": options.tokens_per_chunk,
            "zero_stage": options.zero_stage,
            "graph_gib": 64,
        },
        "cluster": {
            "threads_per_worker": options.threads,
            "local_cpus": 2,
            "rows_per_round": options.steps_per_round * options.batch_size,
        },
    }
    file = folder / "job.yaml"
    file.write_text(yaml.dump(job))
    return file


def with_ray(job: Path) -> Times:
    """`raytrain train`; the artifact goes, for the next repeat."""
    _call("-m", "raytrain", "train", str(job))
    return _logged(Path(load_job(job).root) / "train")


def alone(job: Path) -> Times:
    """The same under torchrun."""
    out = job.parent / "alone"
    run = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1")
    _call(*run, "-m", "raytrain.train.alone", str(job), "--out", str(out))
    return _logged(out)


def _logged(folder: Path) -> Times:
    (metrics,) = folder.rglob("metrics.jsonl")
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    shutil.rmtree(folder)
    return [(line["seconds"] + line["data_wait_seconds"], line["data_wait_seconds"]) for line in lines]


def in_process(job: Path) -> dict[str, Times]:
    """The kinds that need no launcher, in a fresh process."""
    out = job.parent / "times.json"
    _call(__file__, "--measure", str(out), "--job", str(job))
    found = json.loads(out.read_text())
    return {kind: [(seconds, 0.0) for seconds in times] for kind, times in found.items()}


def _call(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")


def measure(job_file: Path, out: Path) -> None:
    """Writes the seconds of each step of the kinds that are taken in this process, step by step in turn."""
    job = load_job(job_file)
    inputs, _ = finished_inputs(job, str(job_file))
    run = run_of(job, inputs, inputs["plan"].location / "none", 0)  # a run that has no checkpoint
    torch.set_num_threads(run.threads)
    plan = run.feed.plan
    batches = list(rank_batches(rank_blocks(run.feed, 0, 1), plan, range(plan.lanes), 0))
    os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}  # DeepSpeed asks
    torch.distributed.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    config, trainees = run.train, [load_trainee(run).train() for _ in range(3)]
    turns = zip(
        bare(run, trainees[0].encoder, batches),
        steps(run, Plain(trainees[1], config.learning_rate), batches),
        steps(run, make_engine(trainees[2], config, "cpu"), batches),
        strict=True,
    )
    times = zip(*turns, strict=True)
    out.write_text(json.dumps(dict(zip(KINDS, times, strict=False))))


def bare(run: Run, encoder: BiEncoder, batches: Sequence[RankBatch]) -> Iterator[float]:
    """What anybody would write who had the chunks."""
    prepared = [_prepared(batch, run) for batch in batches]
    optimizer = torch.optim.AdamW(encoder.parameters(), run.train.learning_rate)
    for batch, (chunks, place) in zip(batches, prepared, strict=True):
        began = time.perf_counter()
        vectors = torch.cat([encoder(ids, mask) for ids, mask in chunks]).index_select(0, place)
        questions, passages = vectors[: len(batch.ids)], vectors[len(batch.ids) :]
        loss = cross_entropy(questions @ passages.T / 0.05, torch.arange(len(questions)))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        float(loss.detach())
        yield time.perf_counter() - began


def _prepared(batch: RankBatch, run: Run) -> tuple[list[list[torch.Tensor]], torch.Tensor]:
    """The chunks of a step as tensors, and where each text is in all of them."""
    texts = Texts.join([batch.queries, batch.passages])
    chunks = cut_padded(texts.lengths, run.train.tokens_per_chunk, ENOUGH_TOKENS["cpu"])
    place = np.argsort(np.concatenate(chunks), kind="stable")
    padded = [[torch.from_numpy(a) for a in texts.padded(chunk, run.pad_id)] for chunk in chunks]
    return padded, torch.from_numpy(place)


class Plain:
    """An engine of AdamW alone."""

    device = torch.device("cpu")

    def __init__(self, trainee: Trainee, rate: float) -> None:
        self._trainee = trainee
        self._optimizer = torch.optim.AdamW(trainee.parameters(), rate)

    def embed(self, ids: torch.Tensor, mask: torch.Tensor) -> Output:
        """A forward pass."""
        found: Output = self._trainee(ids, mask)
        return found

    def backward(self, value: torch.Tensor, last: bool) -> None:
        """A backward pass."""
        value.backward()  # type: ignore[no-untyped-call]

    def step(self, factor: float) -> float:
        """Clips and updates."""
        norm = float(torch.nn.utils.clip_grad_norm_(self._trainee.parameters(), 1.0))
        self._optimizer.step()
        self._optimizer.zero_grad()
        return norm


def steps(run: Run, engine: Plain | Engine, batches: Sequence[RankBatch]) -> Iterator[float]:
    """`take_step` and the update; all graphs are kept."""
    config = run.train
    languages = run.feed.plan.languages
    rules = StepRules(config.losses, languages, run.pad_id, config.tokens_per_chunk, 1 << 40, config.seed)
    for batch in batches:
        began = time.perf_counter()
        take_step(engine, batch, rules)
        engine.step(1.0)
        yield time.perf_counter() - began


def show(found: dict[str, list[Times]], warmup: int) -> None:
    """Prints the table."""
    # (repeats, steps, 2) of each kind
    times = {kind: np.array(repeats)[:, warmup:] for kind, repeats in found.items()}
    wholes = {kind: taken[:, :, 0].sum(axis=1) for kind, taken in times.items()}
    names = ("kind", "ms", "wait ms", "÷ bare", "lowest", "highest", "step ÷ bare")
    print("".join(f"{name:>12}" for name in names))
    for kind, taken in times.items():
        seconds, waits = taken[:, :, 0], taken[:, :, 1]
        ratios = wholes[kind] / wholes["bare"]
        steps = np.median(seconds / times["bare"][:, :, 0])
        cells = [f"{1_000 * x:.1f}" for x in (np.median(seconds), waits.mean())]
        cells += [f"{x:.3f}" for x in (np.median(ratios), ratios.min(), ratios.max(), steps)]
        print("".join(f"{cell:>12}" for cell in (kind, *cells)))
    for kind, to in (("ray", "alone"), ("alone", "engine"), ("engine", "step"), ("step", "bare")):
        print(f"{kind} ÷ {to}: {np.median(wholes[kind] / wholes[to]):.3f}")


def main() -> None:
    """Runs all kinds in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--tokens-per-chunk", type=int, default=4_096)
    parser.add_argument("--zero-stage", type=int, default=1)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--steps-per-round", type=int, default=4)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    for hidden in ("--measure", "--job"):  # of the process that it starts itself
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Path(options.job), Path(options.measure))
        return
    with tempfile.TemporaryDirectory() as folder:
        job = write_job(Path(folder), options)
        _call("-m", "raytrain", "plan", str(job))
        found: dict[str, list[Times]] = {kind: [] for kind in KINDS}
        for _ in range(options.repeats):
            taken = {**in_process(job), "alone": alone(job), "ray": with_ray(job)}
            for kind, times in taken.items():
                found[kind].append(times)
                middle = statistics.median(seconds for seconds, _ in times)
                print(f"{kind}: {1_000 * middle:.0f} ms", file=sys.stderr, flush=True)
        show(found, options.warmup)


if __name__ == "__main__":
    main()
