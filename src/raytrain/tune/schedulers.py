"""Ray Tune's schedulers, which end trials early, and what they are to know of a sweep that is gone on with."""

from collections.abc import Iterable
from typing import Any

from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from raytrain.tune.config import Schedule
from raytrain.tune.ledger import Record
from raytrain.tune.trainable import STEP

NEVER = 10**12


def scheduler_of(config: Schedule, grace_steps: int, max_steps: int) -> TrialScheduler:
    """The scheduler. ``grace_steps``: those of the first validation, where the config says nothing."""
    grace = config.grace_steps or grace_steps
    if config.kind == "asha":
        # ``max_t`` is beyond the end: a trial ends by itself, when its model is written.
        return AsyncHyperBandScheduler(
            time_attr=STEP, grace_period=grace, max_t=max_steps + 1, reduction_factor=config.reduction
        )
    if config.kind == "median":
        # A trial that is paused would have to be gone on with from a checkpoint of Ray Tune's own: none is.
        return MedianStoppingRule(
            time_attr=STEP,
            grace_period=grace,
            min_samples_required=config.startup_trials,
            min_time_slice=NEVER,
        )
    return FIFOScheduler()


def rungs(config: Schedule, grace_steps: int, max_steps: int) -> list[int]:
    """The steps at which ASHA decides, ascending; none for others."""
    if config.kind != "asha":
        return []
    found, step = [], config.grace_steps or grace_steps
    while step < max_steps:
        found.append(step)
        step *= config.reduction
    return found


class _Past:
    """A trial of an earlier process, as far as a scheduler asks."""

    def __init__(self, number: int) -> None:
        self.trial_id = f"past_{number:05d}"


class _NobodyRuns:
    """A controller without trials, for schedulers that look at what else runs."""

    def get_live_trials(self) -> list[Any]:
        return []


def tell_past(scheduler: TrialScheduler, records: Iterable[Record]) -> None:
    """Tells a new scheduler, in the order of events, what ended trials scored, so that others are judged by them."""
    events: list[tuple[int, int, dict[str, Any] | None]] = []
    past = {}
    for record in records:
        if record.ended is None:
            continue
        past[record.trial.number] = _Past(record.trial.number)
        for point, when in zip(record.trial.curve, record.points, strict=True):
            events.append((when, record.trial.number, {STEP: point.step, **point.values}))
        events.append((record.ended, record.trial.number, None))
    last: dict[int, dict[str, Any]] = {}
    controller: Any = _NobodyRuns()
    for _, number, result in sorted(events, key=lambda event: event[0]):
        trial: Any = past[number]
        if result is None:
            if number in last:
                scheduler.on_trial_complete(controller, trial, last[number])
            continue
        if number not in last:
            scheduler.on_trial_add(controller, trial)
        scheduler.on_trial_result(controller, trial, result)
        last[number] = result
