"""What to try next, as a pure function of what is known: so a sweep can be stopped, gone on with, and checked.

Nothing is remembered between two proposals. Each is made by a sampler of its own, seeded by the sweep's seed and the
number of the trial, from the trials that were known at that moment.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from raytrain.tune.config import Search
from raytrain.tune.known import Known
from raytrain.tune.results import State
from raytrain.tune.space import Params, Space, sticks_of

ATTEMPTS, LEARNED_ATTEMPTS = 100, 5

optuna.logging.set_verbosity(optuna.logging.WARNING)


def propose(space: Space, search: Search, objectives: int, number: int, known: Sequence[Known]) -> Params | None:
    """The draw for trial ``number``, with settings that no known trial has: equal ones would be the same run.

    None where a grid has no more, or where a small space gave nothing new in ATTEMPTS draws. The order of ``known``
    does not matter.
    """
    grid_only = search.kind == "grid"
    taken = [space.settings(trial.params) for trial in known] if grid_only or space.is_finite else []
    if grid_only:
        return next((params for params in grid(space, search.points) if space.settings(params) not in taken), None)
    distributions = space.distributions()
    told = [_told(trial, distributions, objectives) for trial in sorted(known, key=lambda trial: trial.number)]
    for attempt in range(ATTEMPTS):
        sampler = _sampler(search, number, attempt)
        study = optuna.create_study(directions=["maximize"] * objectives, sampler=sampler)
        if search.kind == "tpe":
            study.add_trials(told)
        params = dict(study.ask(distributions).params)
        if space.settings(params) not in taken:
            return params
    return None


def _sampler(search: Search, number: int, attempt: int) -> BaseSampler:
    seed = int(np.random.SeedSequence([search.seed, number, attempt]).generate_state(1)[0])
    blind = number <= search.startup_trials or attempt >= LEARNED_ATTEMPTS  # what it learned may say the same again
    if search.kind == "random" or blind:
        return RandomSampler(seed=seed)
    # ``constant_liar``: of a trial that still runs it is taken that it will do badly, so that others try elsewhere.
    return TPESampler(seed=seed, n_startup_trials=search.startup_trials, constant_liar=True)


_STATES: Mapping[State, TrialState] = {
    "waiting": TrialState.RUNNING,
    "running": TrialState.RUNNING,
    "finished": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


def _told(trial: Known, distributions: dict[str, BaseDistribution], objectives: int) -> FrozenTrial:
    """A trial in Optuna's terms. With several objectives it knows no pruned ones: those count as they last were."""
    state, values = _STATES[trial.state], trial.values
    if state is TrialState.PRUNED and (objectives > 1 or not trial.curve):
        state, values = (TrialState.COMPLETE, trial.curve[-1][1]) if trial.curve else (TrialState.FAIL, ())
    one = objectives == 1
    return create_trial(
        state=state,
        params=trial.params,
        distributions=distributions,
        values=list(values) if state is TrialState.COMPLETE else None,
        intermediate_values={step: of[0] for step, of in trial.curve} if one else None,
    )


def grid(space: Space, points: int) -> Iterator[Params]:
    """All combinations: of each range so many values, evenly (or evenly over the logarithm), of a mix all shares that
    are multiples of 1 / (points - 1), of a choice all options."""
    axes: list[list[Params]] = []
    for key, dimension in space.dimensions.items():
        if dimension.dirichlet is not None:
            names = [name for name in space.distributions() if name.startswith(f"{key}:")]
            lattice = _lattice(list(dimension.dirichlet), points - 1)
            drawn = [sticks_of(shares, dimension.dirichlet) for shares in lattice]
            axes.append([dict(zip(names, sticks, strict=True)) for sticks in drawn])
        else:
            axes.append([{key: value} for value in _levels(space.distributions()[key], points)])
    for combination in itertools.product(*axes):
        yield {name: value for part in combination for name, value in part.items()}


def grid_size(space: Space, points: int) -> int:
    """How many combinations ``grid`` gives."""
    return sum(1 for _ in grid(space, points))


def _levels(distribution: Any, points: int) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    space = np.geomspace if distribution.log else np.linspace
    values = space(distribution.low, distribution.high, points)
    if isinstance(distribution, IntDistribution):
        return sorted({round(value) for value in values.tolist()})
    if distribution.step is not None:
        steps = sorted({round((value - distribution.low) / distribution.step) for value in values.tolist()})
        return [distribution.low + step * distribution.step for step in steps]
    return [float(value) for value in values]


def _lattice(languages: list[str], parts: int) -> Iterator[dict[str, float]]:
    """All ways to deal so many equal parts to the languages."""
    for bars in itertools.combinations(range(parts + len(languages) - 1), len(languages) - 1):
        edges = [-1, *bars, parts + len(languages) - 1]
        counts = [edges[i + 1] - edges[i] - 1 for i in range(len(languages))]
        yield {language: count / parts for language, count in zip(languages, counts, strict=True)}
