"""Ray Tune's schedulers that end trials early, and what they are to know of a sweep that is gone on with."""

from collections.abc import Iterable
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from raytrain.tune.config import Schedule
from raytrain.tune.ledger import Record
from raytrain.tune.trainable import STEP

NEVER = 10**12


def judge_of(config: Schedule, grace_steps: int, max_steps: int) -> TrialScheduler | None:
    """Who ends trials early; None if nobody does. ``grace_steps`` holds where the config says nothing."""
    grace = config.grace_steps or grace_steps
    if config.kind == "asha":
        # ``max_t`` is beyond the end: a trial ends by itself, when its model is written.
        return AsyncHyperBandScheduler(
            time_attr=STEP, grace_period=grace, max_t=max_steps + 1, reduction_factor=config.reduction
        )
    if config.kind == "median":
        # A trial that is paused would have to be gone on with from a checkpoint of Ray Tune's own: none is.
        return _Median(
            time_attr=STEP, grace_period=grace, min_samples_required=config.startup_trials, min_time_slice=NEVER
        )
    return None


def rungs(config: Schedule, grace_steps: int, max_steps: int) -> list[int]:
    """The steps at which ASHA decides, ascending; none for others."""
    if config.kind != "asha":
        return []
    found, step = [], config.grace_steps or grace_steps
    while step < max_steps:
        found.append(step)
        step *= config.reduction
    return found


class _Median(MedianStoppingRule):  # type: ignore[misc]
    """In a replay it may see on a trial's next score that it would have ended it; Ray Tune takes that for a defect."""

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        self._stopped_trials.discard(trial)
        return super().on_trial_result(tune_controller, trial, result)


class _Known:
    """A trial as a judge sees it: the same before and after its driver, or its actor, died."""

    def __init__(self, number: int) -> None:
        self.trial_id = f"trial_{number:05d}"


class _NobodyWaits:
    """A controller without trials that wait, for judges that look at them."""

    def get_live_trials(self) -> list[Any]:
        return []


class Judged(FIFOScheduler):  # type: ignore[misc]
    """Asks a judge about each score once: a trial that is begun again tells its scores once more, and must not be
    judged at an early step by what others have reached since."""

    def __init__(self, judge: TrialScheduler, records: Iterable[Record]) -> None:
        super().__init__()
        self._judge, self._controller = judge, _NobodyWaits()
        self._seen: dict[int, _Known] = {}
        self._told: dict[int, set[int]] = {}
        self._replay(list(records))

    def _replay(self, records: list[Record]) -> None:
        """Tells the judge, in the order of events, what trials scored before; what it decides is of no interest."""
        events: list[tuple[int, int, dict[str, Any] | None]] = []
        for record in records:
            number = record.trial.number
            for point, when in zip(record.trial.curve, record.points, strict=True):
                events.append((when, number, {STEP: point.step, **point.values}))
            if record.ended is not None and record.points:
                events.append((record.ended, number, None))
        last: dict[int, dict[str, Any]] = {}
        for _, number, result in sorted(events, key=lambda event: event[0]):
            if result is None:
                self._judge.on_trial_complete(self._controller, self._as_known(number), last[number])
            else:
                self._ask(number, result)
                last[number] = result

    def _as_known(self, number: int) -> _Known:
        if number not in self._seen:
            self._seen[number], self._told[number] = _Known(number), set()
            self._judge.on_trial_add(self._controller, self._seen[number])
        return self._seen[number]

    def _ask(self, number: int, result: dict[str, Any]) -> Any:
        known = self._as_known(number)
        if result[STEP] in self._told[number]:
            return TrialScheduler.CONTINUE
        self._told[number].add(result[STEP])
        return self._judge.on_trial_result(self._controller, known, result)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        """The judge's decision; a result without a score is none of its business."""
        return self._ask(trial.config["number"], result) if STEP in result else TrialScheduler.CONTINUE

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Takes the last score of a trial."""
        number = trial.config["number"]
        if STEP in result:
            self._judge.on_trial_complete(self._controller, self._as_known(number), result)
