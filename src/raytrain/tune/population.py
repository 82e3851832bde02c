"""Ray Tune's population-based training: the worst trials go on from the best ones' checkpoints with other settings."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.distributions import FloatDistribution
from ray.tune.schedulers import PopulationBasedTraining, TrialScheduler
from ray.tune.schedulers.pb2 import PB2

from raytrain.tune.config import Search
from raytrain.tune.ledger import Record
from raytrain.tune.search import ATTEMPTS, propose
from raytrain.tune.space import Settings, Space
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
    searcher would take later scores for those of its draw; the conductor does not), trials whose process was begun
    again and tells its scores once more, and changes that are none of another trial's: two that went on from one
    checkpoint with equal settings would be the same run, in the same folder."""

    def begin(self, space: Space, seed: int, records: Mapping[int, Record]) -> None:
        self._space, self._seed = space, seed
        trials = [record.trial for record in records.values()]
        self._taken = [held for t in trials for held in (t.settings, *(change.settings for change in t.changes))]
        self._known = {n: {point.step for point in record.trial.curve} for n, record in records.items()}
        self._told: dict[Any, set[int]] = {}  # by trial

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        super().on_trial_add(_NoSearcher(), trial)  # type: ignore[misc]
        self._told.setdefault(trial, set(self._known.get(trial.config["number"], ())))
        self._taken.append(_settings(self._space, trial.config))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        step = result.get(STEP)
        if step is None or step in self._told[trial]:
            if step is not None:
                self._trial_state[trial].last_perturbation_time = step  # type: ignore[attr-defined]
            return TrialScheduler.CONTINUE
        self._told[trial].add(step)
        return super().on_trial_result(tune_controller, trial, result)  # type: ignore[misc]

    def _explored(self, trial: Any, trial_to_clone: Any) -> dict[str, Any]:
        """Another change for each trial that goes on from the same one, and each time."""
        step = self._trial_state[trial_to_clone].last_train_time  # type: ignore[attr-defined]
        rng = random.Random(f"{self._seed} {trial.trial_id} {step}")
        return explored(self._space, trial_to_clone.config, rng, self._taken)


class _PBT(_Taught, PopulationBasedTraining):  # type: ignore[misc]
    def _get_new_config(self, trial: Any, trial_to_clone: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        config = self._explored(trial, trial_to_clone)
        self._taken.append(_settings(self._space, config))
        return config, {}


class _PB2(_Taught, PB2):  # type: ignore[misc]
    def _get_new_config(self, trial: Any, trial_to_clone: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What Ray Tune's gives, unless some trial has that: until its model has enough to go by, it is what the one
        to go on from has."""
        rows = len(self.data)
        config, told = super()._get_new_config(trial, trial_to_clone)
        if _is_among(_settings(self._space, config), self._taken):
            config = self._explored(trial, trial_to_clone)
            self._model(config, rows)
        self._taken.append(_settings(self._space, config))
        return config, told

    def _model(self, config: Mapping[str, Any], rows: int) -> None:
        """Tells the model what was given in place of its choice, which it noted last. ``rows``: it had before that."""
        names = list(self._hyperparam_bounds_flat)
        values = [config[name] for name in names]
        self.current[-1] = values
        if len(self.data) > rows:
            self.data.loc[len(self.data) - 1, names] = values


def explored(
    space: Space, config: Mapping[str, Any], rng: random.Random, taken: Sequence[Settings] = ()
) -> dict[str, Any]:
    """The config of a trial that goes on from the one that had ``config``: near it, or drawn anew; never as it is, nor
    with settings that are ``taken``, unless ATTEMPTS find no others, which takes a space without ranges or mixes.
    """
    drawn = {name: config[name] for name in space.distributions()}
    others = [space.settings(drawn), *taken]
    params = drawn
    for _ in range(ATTEMPTS):
        if rng.random() < RESAMPLED:
            fresh = propose(space, Search(kind="random", seed=rng.getrandbits(32)), 1, 1, [])
            assert fresh is not None  # nothing is known, so nothing is taken
            params = fresh
        else:
            params = perturbed(space, drawn, lambda: rng.choice(FACTORS))
        if not _is_among(space.settings(params), others):
            break
    return {**config, **params}


def _settings(space: Space, config: Mapping[str, Any]) -> Settings:
    return space.settings({name: config[name] for name in space.distributions()})


def _is_among(settings: Settings, others: Sequence[Settings]) -> bool:
    return any(all(_alike(value, other[key]) for key, value in settings.items()) for other in others)


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are the same but for rounding: shares that all grew by one factor are."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(share, other[name]) for name, share in one.items())
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return bool(one == other)


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
