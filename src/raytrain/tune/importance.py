"""How much each setting of a sweep matters for an objective, and in which direction. Mathematics only."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from scipy.stats import rankdata

from raytrain.study.statistics import ALPHA
from raytrain.tune.comparable import Comparable, comparable
from raytrain.tune.coordinates import Coordinate, coordinates_of
from raytrain.tune.results import Sweep

FEWEST = 10  # trials; below that an order of settings is one of chance
BEST = 0.25  # of the trials, which the others are compared with
FEWEST_BEST = 5  # of them: what the documentation of Optuna's evaluator asks for
SHUFFLES = 50
RESAMPLES = 1000
SEED = 20230420

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Influence:
    """One setting's. ``share``: of all importance, None where it is not shown; ``chance``: what it stays below 19
    times out of 20 if scores have nothing to do with settings, in the same unit.

    ``correlation``: Spearman's with the objective, with its 95 % interval; None without an order, or without change.
    """

    setting: Coordinate
    share: float | None
    chance: float | None
    correlation: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Importance:
    """Of all settings for one objective, the most important first.

    ``best``: how many of the ``trials`` the others are compared with; ``lacking``: left out as they have no value of
    some setting, or one that is not on its scale; ``why_not`` says why no importance is shown.
    """

    objective: str
    trials: int
    lacking: int
    best: int
    why_not: str
    influences: list[Influence]


def importances(sweep: Sweep) -> list[Importance]:
    """One an objective, over the trials that are comparable; settings that no two of them differ in are left out."""
    found = comparable(sweep)
    return [_for_objective(sweep, found, objective) for objective in sweep.objectives]


def _for_objective(sweep: Sweep, found: Comparable, objective: str) -> Importance:
    trials = [trial for trial in sweep.trials if trial.number in found.scores]
    places = {c: [c.position(trial.settings) for trial in trials] for c in coordinates_of(sweep)}
    # A setting that most trials have is compared among those, as where only the job file itself lacks it.
    places = {c: column for c, column in places.items() if column.count(None) <= len(trials) / 2}
    whole = [i for i in range(len(trials)) if all(column[i] is not None for column in places.values())]
    columns = {c: np.clip([column[i] for i in whole], 0.0, 1.0) for c, column in places.items()}
    varied = {c: column for c, column in columns.items() if len(np.unique(column)) > 1}
    scores = np.array([found.scores[trials[i].number][objective] for i in whole])
    best = min(len(whole), max(FEWEST_BEST, round(BEST * len(whole))))
    why_not = _why_not(sweep, scores, best, varied)
    shares = {} if why_not else _shares(varied, scores, best)
    influences = [
        Influence(c, *shares.get(c, (None, None)), *_correlation(c, column, scores)) for c, column in varied.items()
    ]
    influences.sort(key=lambda one: -(one.share if one.share is not None else abs(one.correlation or 0.0)))
    return Importance(objective, len(whole), len(trials) - len(whole), best, why_not, influences)


def _why_not(sweep: Sweep, scores: FloatArray, best: int, varied: dict[Coordinate, FloatArray]) -> str:
    if sweep.schedule.get("kind") in ("pbt", "pb2"):
        return "Not shown: settings changed while trials ran, so that a score belongs to no single value."
    if len(scores) < FEWEST:
        return (
            f"Not shown: {len(scores)} {'trial' if len(scores) == 1 else 'trials'} can be compared, and with fewer "
            f"than {FEWEST} an order of settings would be one of chance."
        )
    if np.sort(scores)[-best] == scores.min():
        return "Not shown: too many trials score the same to tell the best from the others."
    return "" if varied else "Not shown: no two trials differ in a setting."


def _shares(
    columns: dict[Coordinate, FloatArray], scores: FloatArray, best: int
) -> dict[Coordinate, tuple[float, float]]:
    """Share and chance level by PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023).

    It asks how the distribution of a setting among the best trials differs from that among all, and needs no model of
    the scores. Unlike fANOVA it does not take settings for independent, which the shares of a mix are not, nor the
    space for evenly sampled, which a searcher sees to that it is not. Chance: the same for scores dealt out anew.
    """
    distributions: dict[str, BaseDistribution] = {}
    for i, (c, column) in enumerate(columns.items()):
        discrete = CategoricalDistribution(sorted(set(column.tolist())))
        distributions[str(i)] = discrete if c.options else FloatDistribution(0, 1)
    with _quiet():
        study = optuna.create_study()
        for row, score in enumerate(scores):
            params = {str(i): float(column[row]) for i, column in enumerate(columns.values())}
            study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=-float(score)))
        rng = np.random.default_rng(SEED)
        observed = _divergences(study, scores, best, list(distributions))
        dealt = [_divergences(study, rng.permutation(scores), best, list(distributions)) for _ in range(SHUFFLES)]
    total = observed.sum() or 1.0
    level = np.quantile(dealt, 1 - ALPHA, axis=0)
    return {c: (float(observed[i] / total), float(level[i] / total)) for i, c in enumerate(columns)}


def _divergences(study: optuna.Study, scores: FloatArray, best: int, names: Sequence[str]) -> FloatArray:
    found = get_param_importances(
        study,
        evaluator=PedAnovaImportanceEvaluator(target_quantile=best / len(scores)),
        params=list(names),
        target=lambda trial: -float(scores[trial.number]),  # it takes the lowest for the best
        normalize=False,
    )
    return np.array([found[name] for name in names])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's line about a study in memory, and its warning that low values are taken for good ones."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator computes", UserWarning)
            warnings.filterwarnings("ignore", "Argument ``normalize`` is", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _correlation(c: Coordinate, column: FloatArray, scores: FloatArray) -> tuple[float | None, ...]:
    """Spearman's rank correlation and its percentile interval over trials drawn anew (Efron and Tibshirani 1993)."""
    if not c.ordered or len(scores) < 3 or np.ptp(scores) == 0:
        return None, None, None
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(scores), (RESAMPLES, len(scores)))
    found = _spearman(column[drawn], scores[drawn])
    low, high = np.nanquantile(found, [ALPHA / 2, 1 - ALPHA / 2])
    (observed,) = _spearman(column[None], scores[None])
    return float(observed), float(low), float(high)


def _spearman(x: FloatArray, y: FloatArray) -> FloatArray:
    """Of each row of two arrays (rows, n), equal values at their mean rank; NaN for a row without change."""
    x, y = (rankdata(values, axis=1) for values in (x, y))
    x, y = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (x, y))
    both = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    found: FloatArray = np.divide((x * y).sum(axis=1), both, out=np.full(len(both), np.nan), where=both > 0)
    return found
