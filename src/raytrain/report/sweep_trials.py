"""What the report of a sweep says of its trials: scores, settings in words, and which of them are marked."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from raytrain.report.plots import Style
from raytrain.tune.coordinates import Coordinate
from raytrain.tune.results import Sweep, Trial

DEFAULT = 0  # the job file itself
STYLES = {  # of the marks in all plots
    "default": Style("#D55E00", "s"),
    "best": Style("#0072B2", "*"),
    "finished": Style("#59636f", "o"),
    "stopped early": Style("#c3c9d2", "o"),
    "failed": Style("#b0303c", "X"),
}


def scores_of(trial: Trial) -> dict[str, float]:
    """The objectives at its end; of one that has none, stopped early or still running, those of its last validation."""
    return trial.values or (trial.curve[-1].values if trial.curve else {})


def step_of(trial: Trial) -> int | None:
    """The step that ``scores_of`` is of."""
    return trial.step if trial.values else trial.curve[-1].step if trial.curve else None


def languages_of_trial(trial: Trial) -> dict[str, float]:
    """The metric of each language at that step; nothing if it is not known."""
    step = step_of(trial)
    return next((point.languages for point in reversed(trial.curve) if point.step == step), {})


def score_of(trial: Trial, objective: str) -> float | None:
    """One objective of ``scores_of``, if it is a number."""
    found = scores_of(trial).get(objective, math.nan)
    return found if math.isfinite(found) else None


def finished(sweep: Sweep) -> list[Trial]:
    """The trials that went to their end."""
    return [trial for trial in sweep.trials if trial.state == "finished"]


def winners(sweep: Sweep) -> list[int]:
    """The best trial; with several objectives those of the front."""
    return [sweep.best] if sweep.best is not None else sweep.front


def marks(sweep: Sweep) -> dict[int, str]:
    """What is special about trials, by number: the default, the best, on the front."""
    special: dict[int, list[str]] = {DEFAULT: ["default"]}
    for number in winners(sweep):
        special.setdefault(number, []).append("best" if sweep.best is not None else "front")
    return {number: ", ".join(words) for number, words in special.items()}


def special(sweep: Sweep) -> dict[int, str]:
    """The STYLES of trials that stand out in plots, by number: the best or the front, and the default."""
    return dict.fromkeys(winners(sweep), "best") | {DEFAULT: "default"}


def best_first(trials: Iterable[Trial], objective: str) -> list[Trial]:
    """By one objective, those without a score last, equal ones by number."""

    def place(trial: Trial) -> tuple[float, int]:
        score = score_of(trial, objective)
        return (math.inf if score is None else -score, trial.number)

    return sorted(trials, key=place)


def objective_name(objective: str) -> str:
    """As it is written for people."""
    return objective.replace("_", " ")


def number_text(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e+")


def setting_text(value: Any) -> str:
    """A value in one line; of a mix the shares, the largest first."""
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        numbers = all(isinstance(share, int | float) for share in value.values())
        named = sorted(value.items(), key=lambda item: -item[1]) if numbers else list(value.items())
        return " · ".join(
            f"{name} {share:.2g}" if numbers else f"{name} {setting_text(share)}" for name, share in named
        )
    if isinstance(value, list):
        return ", ".join(map(setting_text, value))
    return number_text(value) if isinstance(value, float) else str(value)


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Keys of the job file by their last words: as many as tell them apart."""

    def end(key: str, words: int) -> str:
        return ".".join(key.split(".")[-words:])

    found = {}
    for key in keys:
        words = 1
        while end(key, words) != key and any(other != key and end(other, words) == end(key, words) for other in keys):
            words += 1
        found[key] = end(key, words)
    return found


def setting_names(settings: Sequence[Coordinate]) -> dict[Coordinate, str]:
    """Names of settings and shares that tell them apart: of one mix only, its languages are called by their names."""
    keys = short_keys(list(dict.fromkeys(setting.key for setting in settings)))
    mixes = {setting.key for setting in settings if setting.language}
    return {
        setting: keys[setting.key]
        if not setting.language
        else f"share of {setting.language}"
        if len(mixes) == 1
        else f"{keys[setting.key]}: {setting.language}"
        for setting in settings
    }
