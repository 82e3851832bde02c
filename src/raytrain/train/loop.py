"""The training loop of one rank. Knows torch.distributed and storage, not Ray."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch.distributed as dist

from raytrain.artifact import File, write_file
from raytrain.config import Train
from raytrain.errors import UserError
from raytrain.parquet import write_parquet
from raytrain.plan import Plan
from raytrain.storage import Location
from raytrain.train.checkpoint import Checkpoint, log_folder, prune, save_checkpoint
from raytrain.train.engine import Engine
from raytrain.train.learning_rate import rate_factor
from raytrain.train.ledger import Ledger
from raytrain.train.rank_batch import RankBatch
from raytrain.train.skipped import FILE as SKIPPED
from raytrain.train.skipped import Skip, check_skipped, skip_of
from raytrain.train.step import StepRules, Taken, take_step

Report = Callable[[dict[str, Any]], None]


@dataclass
class Log:
    """What happened since the last checkpoint, and what is known of all steps before it."""

    first: int
    files: list[File]
    skipped: int  # steps of the whole run
    ledger: Ledger | None
    metrics: list[dict[str, Any]] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


def train_rank(
    engine: Engine,
    batches: Iterator[RankBatch],
    *,
    config: Train,
    plan: Plan,
    run: Location,
    pad_id: int,
    kept_tokens: int,
    packed: bool,
    checkpoint: Checkpoint | None,
    report: Report,
) -> None:
    """Trains from a checkpoint to ``config.max_steps``, with a new one every so often and at the end.

    Every rank of the process group calls it, with its own engine, whose state is the checkpoint's, and batches.
    ``kept_tokens`` and ``packed`` as in StepRules. A step without a finite loss and gradient is left out: its rows
    count as consumed, and are written down. ``report`` takes the metrics of each step; of a run that skipped steps
    also their number as ``skipped_steps``, and once a line for the user as ``warning``.

    Raises UserError, after a checkpoint, when more than ``config.max_skipped`` steps were left out.
    """
    rules = StepRules(config.losses, plan.languages, pad_id, config.tokens_per_chunk, kept_tokens, config.seed, packed)
    log = _begin(checkpoint, config)
    check_skipped(log.skipped, config.max_skipped, run)
    warned = False
    waited = time.monotonic()
    for batch in batches:
        began = time.monotonic()
        metrics, skip = _make_step(engine, batch, rules, config)
        metrics |= {"seconds": round(time.monotonic() - began, 4), "data_wait_seconds": round(began - waited, 4)}
        waited = time.monotonic()
        log.metrics.append(metrics)
        if log.ledger:
            log.ledger.add(batch)
        if skip:
            log.skipped += 1
            log.skips.append(skip)
        told = metrics | ({"skipped_steps": log.skipped} if log.skipped else {})
        if skip and not warned:
            warned = True
            told["warning"] = _warn(skip)
        report(told)
        done = batch.step + 1
        stop = log.skipped > config.max_skipped
        if done % config.checkpoint_every == 0 or done == config.max_steps or stop:
            log = _checkpoint(engine, run, done, log, config)
            waited = time.monotonic()  # what it took is no wait for data
        check_skipped(log.skipped, config.max_skipped, run, skip)
    if log.first != config.max_steps:
        raise UserError(f"train: the stream ended at step {log.first} of {config.max_steps}")


def _begin(checkpoint: Checkpoint | None, config: Train) -> Log:
    ledger = Ledger(dist.get_rank()) if config.ledger else None
    if checkpoint is None:
        return Log(0, [], 0, ledger)
    return Log(checkpoint.step, checkpoint.log, checkpoint.skipped, ledger)


def _make_step(engine: Engine, batch: RankBatch, rules: StepRules, config: Train) -> tuple[dict[str, Any], Skip | None]:
    """Makes a step, or leaves it out; all ranks decide alike, since losses and norms are of the whole batch."""
    factor = rate_factor(batch.step, warmup=config.warmup_steps, total=config.max_steps, schedule=config.schedule)
    taken = take_step(engine, batch, rules)
    norm = engine.step(factor) if taken.finite else math.nan
    metrics = _metrics(batch.step, taken, config.learning_rate * factor, norm)
    if math.isfinite(norm):
        return metrics, None
    counted = any(value is not None for value in taken.terms.values())
    skip = skip_of(batch, "gradient" if taken.finite else "loss" if counted else "scores")
    return metrics | {"skipped": skip.why}, skip


def _metrics(step: int, taken: Taken, rate: float, norm: float) -> dict[str, Any]:
    """What is logged of a step. ``padding`` is the share of padded tokens that are padding, ``recomputed`` the share
    of chunks that were embedded twice."""
    metrics = {
        "step": step,
        "loss": taken.loss,
        "terms": taken.terms,
        "languages": taken.languages,
        **({"temperatures": taken.temperatures} if taken.temperatures else {}),
        "learning_rate": rate,
        "gradient_norm": norm,
        "tokens": taken.tokens,
        "padding": round(1 - taken.tokens / taken.padded_tokens, 4),
        "recomputed": round(1 - taken.kept / taken.chunks, 4),
    }
    return {name: _finite(value) for name, value in metrics.items()}


def _finite(value: Any) -> Any:
    """JSON has no word for NaN and infinity: null."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _warn(skip: Skip) -> str:
    line = f"train: left out {skip}; further ones are counted, and the rows of all are written to {SKIPPED}"
    if dist.get_rank() == 0:
        print(line, file=sys.stderr, flush=True)
    return line


def _checkpoint(engine: Engine, run: Location, done: int, log: Log, config: Train) -> Log:
    """Commits a checkpoint with the log so far; gives the empty log of what follows. All ranks call it."""
    folder = log_folder(log.first, done)
    written: list[File] = []
    if log.ledger:
        path = f"{folder}/ledger-{dist.get_rank():05d}.parquet"
        written.append(write_parquet(log.ledger.table(), run, path, 65_536))
    state = engine.state()
    gathered: list[list[File]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(gathered, written)  # also the barrier: no manifest before all files are there
    files = [*log.files, *(file for files in gathered for file in files)]
    if dist.get_rank() == 0:
        files.append(_write_lines(run, f"{folder}/metrics.jsonl", log.metrics))
        if log.skips:
            files.append(_write_lines(run, f"{folder}/{SKIPPED}", [skip.line for skip in log.skips]))
        save_checkpoint(run, state, step=done, skipped=log.skipped, world_size=dist.get_world_size(), log=files)
        prune(run, config.keep_checkpoints)
    dist.barrier()
    return Log(done, files, log.skipped, Ledger(dist.get_rank()) if log.ledger else None)


def _write_lines(run: Location, path: str, lines: list[dict[str, Any]]) -> File:
    data = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode()
    return write_file(data, run, path)
