"""The search space: what stands in place of which value of the job file, and how a searcher sees it. Pure.

A searcher knows numbers and choices only. A mix of k languages is given to it as k - 1 numbers between 0 and 1, each
saying how much of what is left the next language takes (stick breaking). Equally likely numbers give shares that are
Dirichlet-distributed: the i-th stick of Dirichlet(a) is Beta(a_i, a_i+1 + … + a_k) (Connor and Mosimann, 1969).
"""

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from raytrain.tune.config import DIGITS, Dimension, rounded
from raytrain.tune.results import Axis, Change

# Every process that reads a job file imports this, so optuna and scipy are imported by who needs them only.
if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SMALLEST_SHARE = 1e-6  # of a language: less is no share that a plan can give
FEW = 64  # combinations that are all checked
_EDGE = 1e-9  # nearer to 0 or 1 than this scipy finds no root
MIX = "train.mix.weights"
_BESIDE_WEIGHTS = ("max_passes", "group_small")

Params = dict[str, Any]  # a searcher's own numbers and choices, by name
Settings = dict[str, Any]  # key of the job file → value


@dataclass(frozen=True)
class Space:
    """Keys of the job file and what may stand there, in order of the file."""

    dimensions: Mapping[str, Dimension]

    def distributions(self) -> "dict[str, BaseDistribution]":
        """What a searcher draws from, by its own names."""
        found: dict[str, BaseDistribution] = {}
        for key, dimension in self.dimensions.items():
            found |= _distributions(key, dimension)
        return found

    @property
    def is_finite(self) -> bool:
        """Whether a draw may well be the same as one before."""
        from optuna.distributions import FloatDistribution

        kinds = self.distributions().values()
        return not any(isinstance(kind, FloatDistribution) and kind.step is None for kind in kinds)

    def settings(self, params: Mapping[str, Any]) -> Settings:
        """What a searcher's draw means: as exact as the job file of the trial says it, six digits."""
        return {key: _value(key, dimension, params) for key, dimension in self.dimensions.items()}

    def params(self, settings: Mapping[str, Any]) -> Params | None:
        """The draw that means these settings, or None if the space does not hold them: how the job file itself is
        told to a searcher."""
        found: Params = {}
        for key, dimension in self.dimensions.items():
            drawn = _draw(key, dimension, settings.get(key))
            if drawn is None:
                return None
            found |= drawn
        return found

    def axes(self) -> list[Axis]:
        """The space for people and plots."""
        return [_axis(key, dimension) for key, dimension in self.dimensions.items()]

    def corners(self) -> list[Settings]:
        """Settings that between them hold every option and both ends of every range; in all combinations where those
        are few."""
        ends = {key: _ends(dimension) for key, dimension in self.dimensions.items()}
        if math.prod(map(len, ends.values())) <= FEW:
            return [dict(zip(ends, values, strict=True)) for values in itertools.product(*ends.values())]
        return [
            {key: values[min(i, len(values) - 1)] for key, values in ends.items()}
            for i in range(max(map(len, ends.values())))
        ]


def with_settings(job: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A job file, as plain data, with settings in place of what stood there; without its study and its search.

    Raises ValueError for a key that leads nowhere.
    """
    data: dict[str, Any] = {**copy.deepcopy(dict(job)), "study": None, "tune": None}
    for key, value in settings.items():
        *sections, last = key.split(".")
        place: Any = data
        for section in sections:
            place = _inside(place, section, key)
        if key == MIX:  # shares say all: nothing else of the mix that stood there holds
            kept = {name: place[name] for name in _BESIDE_WEIGHTS if name in place}
            place.clear()
            place.update(kept)
        if isinstance(place, list):
            _inside(place, last, key)
            place[int(last)] = value
        else:
            place[last] = value
    return data


def _inside(place: Any, name: str, key: str) -> Any:
    if isinstance(place, list) and name.isdigit() and int(name) < len(place):
        return place[int(name)]
    if isinstance(place, dict):
        if place.get(name) is None:
            place[name] = {}
        return place[name]
    raise ValueError(f"tune.space.{key}: the job file has no {name} there")


def with_changes(train: dict[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The section ``train`` of a trial whose settings changed while it ran, as it says so itself."""
    return {**train, "changes": [_in_words(change) for change in changes]}


def _in_words(change: Change) -> dict[str, Any]:
    told: dict[str, Any] = {"at": change.at}
    for key, value in change.settings.items():
        if key == MIX:
            told["mix"] = {"weights": value}
        elif key == "train.learning_rate":
            told["learning_rate"] = value
        else:  # train.losses.NAME.weight
            told.setdefault("losses", {})[key.split(".")[2]] = value
    return told


def current(job: Mapping[str, Any], key: str) -> Any:
    """What stands at a key of a job file, as plain data; None where nothing does."""
    place: Any = job
    for name in key.split("."):
        if isinstance(place, list) and name.isdigit() and int(name) < len(place):
            place = place[int(name)]
        elif isinstance(place, dict):
            place = place.get(name)
        else:
            return None
    return place


def _names(key: str, dimension: Dimension) -> list[str]:
    assert dimension.dirichlet
    return [f"{key}:{language}" for language in list(dimension.dirichlet)[:-1]]


def _distributions(key: str, dimension: Dimension) -> "dict[str, BaseDistribution]":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.dirichlet is not None:
        return {name: FloatDistribution(0.0, 1.0) for name in _names(key, dimension)}
    if dimension.choice is not None:
        return {key: CategoricalDistribution(range(len(dimension.choice)))}
    low, high = dimension.bounds
    if dimension.whole:
        return {key: IntDistribution(int(low), int(high), log=dimension.log)}
    return {key: FloatDistribution(low, high, log=dimension.log, step=dimension.step)}


def _value(key: str, dimension: Dimension, params: Mapping[str, Any]) -> Any:
    if dimension.dirichlet is not None:
        drawn = [params[name] for name in _names(key, dimension)]
        return shares_of(drawn, dimension.dirichlet)
    if dimension.choice is not None:
        return dimension.choice[params[key]]
    return int(params[key]) if dimension.whole else rounded(params[key])


def _draw(key: str, dimension: Dimension, value: Any) -> Params | None:
    if dimension.dirichlet is not None:
        if not isinstance(value, dict) or set(value) != set(dimension.dirichlet):
            return None
        return dict(zip(_names(key, dimension), sticks_of(value, dimension.dirichlet), strict=True))
    if dimension.choice is not None:
        places = [i for i, option in enumerate(dimension.choice) if option == value]
        return {key: places[0]} if places else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    low, high = dimension.bounds
    near = min(max(value, low), high)  # a setting is rounded, and may be beyond an end by that
    return {key: near} if rounded(near) == rounded(value) and dimension.nearest(near) == near else None


def shares_of(sticks: Sequence[float], concentration: Mapping[str, float]) -> dict[str, float]:
    """Shares of the languages of ``concentration``, sum 1, from len - 1 numbers between 0 and 1."""
    from scipy.special import betaincinv

    languages, a = list(concentration), np.array(list(concentration.values()))
    left, shares = 1.0, []
    for i, stick in enumerate(sticks):
        taken = float(betaincinv(a[i], a[i + 1 :].sum(), min(max(stick, _EDGE), 1.0 - _EDGE)))
        shares.append(left * taken)
        left *= 1.0 - taken
    floored = np.maximum([*shares, left], SMALLEST_SHARE)
    shared = np.round(floored / floored.sum(), DIGITS)
    largest = int(np.argmax(shared))
    shared[largest] = np.round(shared[largest] + 1.0 - shared.sum(), DIGITS)  # so that they sum to 1
    return dict(zip(languages, shared.tolist(), strict=True))


def sticks_of(weights: Mapping[str, float], concentration: Mapping[str, float]) -> list[float]:
    """The inverse of ``shares_of``, up to its rounding; weights need not sum to 1."""
    from scipy.special import betainc

    languages, a = list(concentration), np.array(list(concentration.values()))
    shares = np.array([max(weights[language], SMALLEST_SHARE) for language in languages])
    shares = shares / shares.sum()
    left = 1.0 - np.concatenate([[0.0], np.cumsum(shares[:-1])])
    return [
        float(betainc(a[i], a[i + 1 :].sum(), min(shares[i] / max(left[i], SMALLEST_SHARE), 1.0)))
        for i in range(len(shares) - 1)
    ]


def _axis(key: str, dimension: Dimension) -> Axis:
    if dimension.dirichlet is not None:
        return Axis(key=key, kind="mix", languages=list(dimension.dirichlet))
    if dimension.choice is not None:
        return Axis(key=key, kind="choice", options=dimension.choice)
    low, high = dimension.bounds
    return Axis(key=key, kind="range", low=low, high=high, log=dimension.log, whole=dimension.whole)


def _ends(dimension: Dimension) -> list[Any]:
    if dimension.dirichlet is not None:
        return [dict.fromkeys(dimension.dirichlet, rounded(1.0 / len(dimension.dirichlet)))]
    if dimension.choice is not None:
        return dimension.choice
    low, high = dimension.bounds
    return [int(low), int(high)] if dimension.whole else [low, high]
