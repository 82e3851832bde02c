"""The training loop of one rank. Knows torch.distributed and storage, not Ray."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch.distributed as dist

from raytrain.config import Train
from raytrain.errors import UserError
from raytrain.plan import Plan
from raytrain.storage import Location
from raytrain.train import exchange
from raytrain.train.changes import in_force
from raytrain.train.checkpoint import Checkpoint
from raytrain.train.engine import Engine
from raytrain.train.learning_rate import rate_factor
from raytrain.train.ledger import Ledger
from raytrain.train.rank_batch import RankBatch
from raytrain.train.saving import Part, Saving
from raytrain.train.skipped import FILE as SKIPPED
from raytrain.train.skipped import Skip, check_skipped, skip_of
from raytrain.train.step import StepRules, Taken, take_step

Report = Callable[[dict[str, Any]], None]
Warn = Callable[[str], None]


@dataclass
class Log:
    """What happened since the last checkpoint."""

    first: int
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
    warn: Warn,
    asked: Callable[[], bool],
    committed: Callable[[Checkpoint], None],
) -> None:
    """Trains from a checkpoint to ``config.max_steps``, with a new one every so often and at the end.

    Every rank of the process group calls it, with its own engine, whose state is the checkpoint's, and batches.
    ``kept_tokens`` and ``packed`` as in StepRules. A step without a finite loss and gradient is left out: its rows
    count as consumed, and are written down. ``report`` takes the metrics of each step; of a run that skipped steps
    also their number as ``skipped_steps``. ``warn`` takes a line for the user, on rank 0. Once ``asked`` says so on
    any rank, all end after the same step, with a checkpoint. ``committed`` as in Saving.

    Raises UserError, after a checkpoint, when more than ``config.max_skipped`` steps were left out.
    """
    rules = StepRules(config.losses, plan.languages, pad_id, config.tokens_per_chunk, kept_tokens, config.seed, packed)
    log = _begin(checkpoint, config)
    check_skipped(log.skipped, config.max_skipped, run)
    warned, end, saved = False, False, 0.0
    waited = time.monotonic()
    with Saving(run, checkpoint.log if checkpoint else [], committed) as saving:
        for batch in batches:
            began = time.monotonic()
            metrics, skip = _make_step(engine, batch, rules, config)
            metrics |= {"seconds": round(time.monotonic() - began, 4), "data_wait_seconds": round(began - waited, 4)}
            metrics |= {"checkpoint_seconds": round(saved, 4)} if saved else {}
            waited, saved = time.monotonic(), 0.0
            _note(log, batch, metrics, skip)
            told = metrics | ({"skipped_steps": log.skipped} if log.skipped else {})
            if skip and not warned:
                warned = True
                if dist.get_rank() == 0:
                    warn(f"train: left out {skip}; further ones are counted, and the rows of all written to {SKIPPED}")
            report(told)
            done = batch.step + 1
            too_many = log.skipped > config.max_skipped
            end = done == config.max_steps or too_many or exchange.any_rank(asked(), engine.device)
            if end or any(done % every == 0 for every in _rhythms(config)):
                saving.save(_part(engine, log, done))
                log = Log(done, log.skipped, Ledger(dist.get_rank()) if config.ledger else None)
                saved = time.monotonic() - waited
                waited = time.monotonic()  # what it took is no wait for data
            saving.check()
            if end:
                saving.wait()
                check_skipped(log.skipped, config.max_skipped, run, skip)
                break
    if not end:
        raise UserError(f"train: the stream ended at step {log.first} of {config.max_steps}")


def _begin(checkpoint: Checkpoint | None, config: Train) -> Log:
    step, skipped = (checkpoint.step, checkpoint.skipped) if checkpoint else (0, 0)
    return Log(step, skipped, Ledger(dist.get_rank()) if config.ledger else None)


def _rhythms(config: Train) -> list[int]:
    """After every so many steps a checkpoint is made."""
    return [config.checkpoint_every, *([config.validate_on.every] if config.validate_on else [])]


def _note(log: Log, batch: RankBatch, metrics: dict[str, Any], skip: Skip | None) -> None:
    log.metrics.append(metrics)
    if log.ledger:
        log.ledger.add(batch)
    if skip:
        log.skipped += 1
        log.skips.append(skip)


def _part(engine: Engine, log: Log, done: int) -> Part:
    """The state after ``done`` steps and the log up to there; every rank must call it."""
    lines = {"metrics.jsonl": log.metrics, SKIPPED: [skip.line for skip in log.skips]}
    return Part(log.first, done, log.skipped, engine.state(), log.ledger.table() if log.ledger else None, lines)


def _make_step(engine: Engine, batch: RankBatch, rules: StepRules, config: Train) -> tuple[dict[str, Any], Skip | None]:
    """Makes a step, or leaves it out; all ranks decide alike, since losses and norms are of the whole batch."""
    now = in_force(config, batch.step)
    factor = rate_factor(batch.step, warmup=config.warmup_steps, total=config.max_steps, schedule=config.schedule)
    taken = take_step(engine, batch, replace(rules, losses=now.losses))
    norm = engine.step(factor, now.learning_rate) if taken.finite else math.nan
    metrics = _metrics(batch.step, taken, now.learning_rate * factor, norm)
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
