"""The settings of a sweep as coordinates of its trials: a language of a mix is one of its own. Data only."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raytrain.tune.results import Axis, Sweep, Trial


@dataclass(frozen=True)
class Coordinate:
    """A setting, or the share of one language in a mix, with the scale that it is searched on.

    ``low`` and ``high`` take in the values of trials beyond the range that is searched, as the job file's own may be,
    and those that were changed under way; so do ``options``, which are empty for numbers.
    """

    key: str
    language: str = ""
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    options: tuple[Any, ...] = field(default=(), hash=False)  # may be lists

    def value(self, settings: Mapping[str, Any]) -> Any:
        """What settings have there; None if they have nothing. Of a mix the share, after normalisation."""
        value = settings.get(self.key)
        if not self.language:
            return value
        shares = _shares(value)
        return shares.get(self.language, 0.0) if shares else None

    def position(self, settings: Mapping[str, Any]) -> float | None:
        """Where that is between the ends of the scale, in [0, 1]; of options, at even distances.

        None for what has no place: no value, or a zero on a logarithmic scale.
        """
        value = self.value(settings)
        if self.options:
            return self.options.index(value) / max(1, len(self.options) - 1) if value in self.options else None
        number = _number(value)
        return None if number is None else self.place(number)

    def place(self, number: float) -> float | None:
        """The position of a number on the scale; None if it has none."""
        if self.log and number <= 0:
            return None
        low, high, at = (math.log(x) if self.log else x for x in (self.low, self.high, number))
        return (at - low) / (high - low) if high > low else 0.5

    @property
    def ordered(self) -> bool:
        """Whether larger and smaller mean anything: not for options that are no numbers."""
        return all(_number(option) is not None for option in self.options)


def coordinates_of(sweep: Sweep) -> list[Coordinate]:
    """The coordinates in the order of the space; of a mix one a language."""
    return [found for axis in sweep.space for found in _of_axis(axis, sweep.trials)]


def _of_axis(axis: Axis, trials: list[Trial]) -> list[Coordinate]:
    held = [settings for trial in trials for settings in (trial.settings, *(c.settings for c in trial.changes))]
    values = [settings[axis.key] for settings in held if settings.get(axis.key) is not None]
    if axis.kind == "mix":
        mixes = [_shares(value) for value in values]
        most = max((share for mix in mixes for share in mix.values()), default=1.0)
        high = min(1.0, math.ceil(most * 10) / 10)  # one scale for all its languages
        named = dict.fromkeys([*axis.languages, *(language for mix in mixes for language in mix)])
        return [Coordinate(axis.key, language, high=high) for language in named]
    if axis.kind == "choice":
        options: list[Any] = []
        for option in [*axis.options, *values]:
            if option not in options:
                options.append(option)
        if all(_number(option) is not None for option in options):
            options.sort()
        return [Coordinate(axis.key, options=tuple(options))]
    numbers = [x for x in (axis.low, axis.high, *map(_number, values)) if x is not None and (x > 0 or not axis.log)]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    return [Coordinate(axis.key, low=low, high=high, log=axis.log and low > 0)]


def _shares(mix: Any) -> dict[str, float]:
    weights = {name: x for name, weight in mix.items() if (x := _number(weight)) is not None} if mix else {}
    total = sum(weights.values())
    if math.isclose(total, 1.0, abs_tol=1e-9):
        return weights  # as they are, to the last digit
    return {name: weight / total for name, weight in weights.items()} if total > 0 else {}


def _number(value: Any) -> float | None:
    """A finite number, and not a switch."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None
