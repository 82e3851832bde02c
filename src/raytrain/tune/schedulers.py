"""Ray Tune's schedulers, which end trials early or change them, and what they are to know of a sweep that goes on."""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from optuna.distributions import FloatDistribution
from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    PopulationBasedTraining,
    TrialScheduler,
)
from ray.tune.schedulers.pb2 import PB2

from raytrain.tune.config import Schedule, Search
from raytrain.tune.ledger import Record
from raytrain.tune.search import propose
from raytrain.tune.space import Space
from raytrain.tune.trainable import STEP

NEVER = 10**12


RESAMPLED = 0.25  # of the changes: drawn anew, not near what was good
FACTORS = (0.8, 1.2)  # of the others, as Ray Tune's own (arXiv 1711.09846)


def scheduler_of(config: Schedule, space: Space, seed: int, grace_steps: int, max_steps: int) -> TrialScheduler:
    """The scheduler. ``grace_steps``: those between validations, where the config says nothing."""
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
    if config.is_population:
        options = {"time_attr": STEP, "perturbation_interval": config.every_steps or grace, "log_config": False}
        if config.kind == "pb2":
            floats = {n: d for n, d in space.distributions().items() if isinstance(d, FloatDistribution)}
            bounds = {name: [found.low, found.high] for name, found in floats.items()}
            return _PB2(hyperparam_bounds=bounds, **options)
        return _PBT(custom_explore_fn=_Explore(space, seed), require_attrs=False, **options)
    return FIFOScheduler()


class _NoSearcher:
    search_alg = None


class _Proposed:
    """A population whose first settings a searcher drew: Ray Tune refuses that, for a searcher would take later scores
    for those of its draw. The conductor does not."""

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        super().on_trial_add(_NoSearcher(), trial)  # type: ignore[misc]


class _PBT(_Proposed, PopulationBasedTraining):  # type: ignore[misc]
    pass


class _PB2(_Proposed, PB2):  # type: ignore[misc]
    pass


class _Explore:
    """Settings near those that were good, or drawn anew: the same for the same settings and seed."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed

    def __call__(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a trial that goes on from the one that had ``config``."""
        distributions = self._space.distributions()
        drawn = {name: config[name] for name in distributions}
        rng = random.Random(f"{self._seed} {sorted(drawn.items())}")
        if rng.random() < RESAMPLED:
            fresh = propose(self._space, Search(kind="random", seed=rng.getrandbits(32)), 1, 1, [])
            return {**config, **(fresh or drawn)}
        return {**config, **perturbed(self._space, drawn, lambda: rng.choice(FACTORS))}


def perturbed(space: Space, params: Mapping[str, Any], factor: Callable[[], float]) -> dict[str, Any]:
    """A draw whose every value, and every share of a mix, was multiplied by a factor of its own, within the space.
    Choices stay."""
    settings = space.settings(params)
    for key, dimension in space.dimensions.items():
        if dimension.dirichlet is not None:
            settings[key] = {label: share * factor() for label, share in settings[key].items()}
        elif dimension.choice is None:
            low, high = dimension.bounds
            value = min(max(settings[key] * factor(), low), high)
            steps = dimension.step or (1 if dimension.whole else None)
            settings[key] = low + round((value - low) / steps) * steps if steps else value
    found = space.params(settings)
    assert found is not None
    return found


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
