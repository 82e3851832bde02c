"""The training loop of one rank. Knows torch.distributed and storage, not Ray."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist

from raytrain.artifact import File, write_file
from raytrain.config import Train
from raytrain.errors import UserError
from raytrain.parquet import write_parquet
from raytrain.plan import Plan, lanes_of
from raytrain.storage import Location
from raytrain.train.checkpoint import log_folder, prune, save_checkpoint
from raytrain.train.engine import engine_state, set_learning_rate, step_engine
from raytrain.train.learning_rate import learning_rate
from raytrain.train.ledger import Ledger
from raytrain.train.step import RankBatch, Shape, rank_loss

Report = Callable[[dict[str, Any]], None]


@dataclass
class Log:
    """What happened since the last checkpoint, and the files of all steps before it."""

    first: int
    files: list[File]
    metrics: list[dict[str, Any]] = field(default_factory=list)
    ledger: Ledger | None = None


def train_rank(
    engine: Any,
    batches: Iterator[RankBatch],
    *,
    config: Train,
    plan: Plan,
    run: Location,
    pad_id: int,
    start: int,
    log: list[File],
    report: Report,
) -> None:
    """Trains from step ``start`` to ``config.max_steps``, with a checkpoint every so often and at the end.

    Every rank of the process group calls it, with its own engine and batches. ``log`` are the log files of the
    steps before ``start``. Raises UserError on a loss that is not finite, before the weights are touched.
    """
    rank, world = dist.get_rank(), dist.get_world_size()
    shape = _shape(config, plan, rank, world, pad_id)
    lanes = lanes_of(rank, world, plan.lanes)
    engine.train()
    pending = Log(start, log, ledger=Ledger(rank) if config.ledger else None)
    waited = time.monotonic()
    for batch in batches:
        began = time.monotonic()
        _seed_step(config.seed, batch.step, lanes[0])
        part = rank_loss(engine, batch, shape, engine.device)
        loss = _global_loss(part, batch)
        rate = _rate(config, batch.step)
        set_learning_rate(engine, rate)
        # The engine takes the mean over ranks, and the parts are to be added.
        engine.backward(part * world)
        norm = step_engine(engine)
        ended = time.monotonic()
        metrics = _metrics(batch, loss, rate, norm, ended - began, began - waited)
        pending.metrics.append(metrics)
        if pending.ledger:
            pending.ledger.add(batch)
        done = batch.step + 1
        report(metrics)
        if done % config.checkpoint_every == 0 or done == config.max_steps:
            pending = _checkpoint(engine, run, done, pending, config)
        waited = time.monotonic()
    if pending.first != config.max_steps:
        raise UserError(f"train: the stream ended at step {pending.first} of {config.max_steps}")


def _shape(config: Train, plan: Plan, rank: int, world: int, pad_id: int) -> Shape:
    rows = tuple(len(lanes_of(r, world, plan.lanes)) * plan.lane_rows for r in range(world))
    return Shape(rank, rows, pad_id, config.tokens_per_chunk, config.temperature, config.zero_stage == 3)


def _seed_step(seed: int, step: int, lane: int) -> None:
    """Dropout depends on (seed, step, the rank's first lane) and not on what came before, so that a resumed run
    goes on as if nothing had happened."""
    key = hashlib.blake2b(f"{seed} dropout {step} {lane}".encode(), digest_size=7)
    torch.manual_seed(int.from_bytes(key.digest(), "little"))


def _rate(config: Train, step: int) -> float:
    return learning_rate(
        step,
        peak=config.learning_rate,
        warmup=config.warmup_steps,
        total=config.max_steps,
        schedule=config.schedule,
    )


def _global_loss(part: torch.Tensor, batch: RankBatch) -> float:
    """The mean loss over the rows of all ranks. Raises UserError if it is not finite; all ranks do at once."""
    whole = part.detach().clone()
    dist.all_reduce(whole)
    loss = float(whole)
    if not math.isfinite(loss):
        languages = ", ".join(sorted(set(batch.languages)))
        raise UserError(
            f"train: the loss of step {batch.step} is {loss} (languages here: {languages}; first ids: "
            f"{', '.join(batch.ids[:3])}); the last checkpoint is untouched: lower train.learning_rate"
        )
    return loss


def _metrics(batch: RankBatch, loss: float, rate: float, norm: float, seconds: float, waited: float) -> dict[str, Any]:
    return {
        "step": batch.step,
        "loss": loss,
        "learning_rate": rate,
        "gradient_norm": norm,
        "tokens": int(batch.queries.lengths.sum() + batch.passages.lengths.sum()),
        "seconds": round(seconds, 4),
        "data_wait_seconds": round(waited, 4),
    }


def _checkpoint(engine: Any, run: Location, done: int, pending: Log, config: Train) -> Log:
    """Commits a checkpoint with the log so far; gives the empty log of what follows. All ranks call it."""
    folder = log_folder(pending.first, done)
    written: list[File] = []
    if pending.ledger:
        path = f"{folder}/ledger-{dist.get_rank():05d}.parquet"
        written.append(write_parquet(pending.ledger.table(), run, path, 65_536))
    state = engine_state(engine)
    gathered: list[list[File]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(gathered, written)  # also the barrier: no manifest before all files are there
    files = [*pending.files, *(file for files in gathered for file in files)]
    if dist.get_rank() == 0:
        files.append(_write_metrics(run, folder, pending.metrics))
        save_checkpoint(run, done, dist.get_world_size(), state, files)
        prune(run, config.keep_checkpoints)
    dist.barrier()
    return Log(done, files, ledger=Ledger(dist.get_rank()) if pending.ledger else None)


def _write_metrics(run: Location, folder: str, metrics: list[dict[str, Any]]) -> File:
    data = "".join(json.dumps(line) + "\n" for line in metrics).encode()
    return write_file(data, run, f"{folder}/metrics.jsonl")
