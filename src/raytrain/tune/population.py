"""Ray Tune's population-based training: the worst trials go on from the best ones' checkpoints with other settings."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from optuna.distributions import FloatDistribution
from ray.tune.schedulers import PopulationBasedTraining, TrialScheduler
from ray.tune.schedulers.pb2 import PB2

from raytrain.tune.config import Search
from raytrain.tune.ledger import Record
from raytrain.tune.search import propose
from raytrain.tune.space import Space
from raytrain.tune.trainable import STEP

RESAMPLED = 0.25  # of the changes: drawn anew, not near what was good
FACTORS = (0.8, 1.2)  # of the others, as Ray Tune's own (arXiv 1711.09846)


def population_of(
    kind: str, space: Space, seed: int, every_steps: int, records: Mapping[int, Record]
) -> TrialScheduler:
    """The scheduler of kind pbt or pb2. ``records``: what is known of trials that are gone on with."""
    options = {"time_attr": STEP, "perturbation_interval": every_steps, "log_config": False, "require_attrs": False}
    if kind == "pb2":
        floats = {name: d for name, d in space.distributions().items() if isinstance(d, FloatDistribution)}
        found = _PB2(hyperparam_bounds={name: [d.low, d.high] for name, d in floats.items()}, **options)
    else:
        found = _PBT(custom_explore_fn=dict, **options)
    found.begin(space, seed, records)
    return found


class _NoSearcher:
    search_alg = None


class _Taught:
    """What both have in common beside Ray Tune's own: first settings that a searcher drew (Ray Tune refuses that, for a
    searcher would take later scores for those of its draw; the conductor does not), and trials whose process was begun
    again and tells its scores once more."""

    def begin(self, space: Space, seed: int, records: Mapping[int, Record]) -> None:
        self._space, self._seed = space, seed
        self._known = {n: {point.step for point in record.trial.curve} for n, record in records.items()}
        self._told: dict[Any, set[int]] = {}  # by trial

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        super().on_trial_add(_NoSearcher(), trial)  # type: ignore[misc]
        self._told.setdefault(trial, set(self._known.get(trial.config["number"], ())))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        step = result.get(STEP)
        if step is None or step in self._told[trial]:
            if step is not None:
                self._trial_state[trial].last_perturbation_time = step  # type: ignore[attr-defined]
            return TrialScheduler.CONTINUE
        self._told[trial].add(step)
        return super().on_trial_result(tune_controller, trial, result)  # type: ignore[misc]


class _PBT(_Taught, PopulationBasedTraining):  # type: ignore[misc]
    def _get_new_config(self, trial: Any, trial_to_clone: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Another change for each trial that goes on from the same one, and each time; the same for the same seed."""
        step = self._trial_state[trial_to_clone].last_train_time
        mark = f"{self._seed} {trial.trial_id} {step}"
        return explored(self._space, trial_to_clone.config, random.Random(mark)), {}


class _PB2(_Taught, PB2):  # type: ignore[misc]
    pass


def explored(space: Space, config: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """The config of a trial that goes on from the one that had ``config``: near it, or drawn anew."""
    drawn = {name: config[name] for name in space.distributions()}
    if rng.random() < RESAMPLED:
        fresh = propose(space, Search(kind="random", seed=rng.getrandbits(32)), 1, 1, [])
        return {**config, **(fresh or drawn)}
    return {**config, **perturbed(space, drawn, lambda: rng.choice(FACTORS))}


def perturbed(space: Space, params: Mapping[str, Any], factor: Callable[[], float]) -> dict[str, Any]:
    """A draw whose every value, and every share of a mix, was multiplied by a factor of its own, within the space.
    Choices stay."""
    settings = space.settings(params)
    for key, dimension in space.dimensions.items():
        if dimension.dirichlet is not None:
            settings[key] = {label: share * factor() for label, share in settings[key].items()}
        elif dimension.choice is None:
            settings[key] = dimension.nearest(settings[key] * factor())
    found = space.params(settings)
    assert found is not None
    return found
