"""Parallel coordinates: every trial as a line over its settings and what it scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke

from raytrain.report.drawing import INK, MUTE, axes_of, drawing, figure_of, short, svg
from raytrain.report.sweep_palette import shades
from raytrain.report.sweep_trials import (
    DEFAULT,
    STYLES,
    best_first,
    number_text,
    objective_name,
    score_of,
    setting_names,
    setting_text,
    special,
)
from raytrain.study.statistics import FloatArray
from raytrain.tune.coordinates import Coordinate, coordinates_of
from raytrain.tune.results import Sweep, Trial

_TOP, _HEIGHT, _FOOT, _LEFT, _RIGHT = 50.0, 300.0, 14.0, 56.0, 78.0
_APART, _CLOSE = 104.0, 62.0  # pixels to the next axis, and between the shares of a mix
_OPTIONS = 12  # of a choice that are named
_CLEAR = 40  # trials; the lines of more let those below shine through


@dataclass(frozen=True)
class _Scale:
    """One axis. ``places``: number of a trial → its height, in [0, 1]; ``ticks``: height and text; ``room`` in pixels
    to the next axis."""

    name: str
    above: str
    places: dict[int, float]
    ticks: list[tuple[float, str]]
    room: float = _APART
    heavy: bool = False


def parallel(sweep: Sweep, key: str) -> str:
    """The plot; nothing without a trial that has settings. Those stopped early are faint, failed ones end before the
    scores."""
    trials = [trial for trial in sweep.trials if trial.state != "waiting"]
    scales = _scales(sweep, trials)
    if not trials or not sweep.space:
        return ""
    across = np.cumsum([0.0, *(scale.room for scale in scales[:-1])])
    width = _LEFT + across[-1] + _RIGHT
    with drawing():
        figure = figure_of(width, _TOP + _HEIGHT + _FOOT)
        axes = axes_of(figure, _LEFT, _TOP, width - _LEFT - _RIGHT, _HEIGHT)
        axes.set(xlim=(0, across[-1]), ylim=(0, 1), xticks=[], yticks=[])
        axes.spines["bottom"].set_visible(False)
        for x, scale in zip(across, scales, strict=True):
            _draw_scale(axes, x, scale)
        _draw_trials(axes, sweep, trials, scales, across)
        names = ", ".join(scale.name for scale in scales)
        return svg(figure, f"{len(trials)} trials over {names}", key)


def _scales(sweep: Sweep, trials: Sequence[Trial]) -> list[_Scale]:
    settings = coordinates_of(sweep)
    names = setting_names(settings)
    found = []
    for setting in settings:
        places = {trial.number: p for trial in trials if (p := setting.position(trial.settings)) is not None}
        share = f"share of {setting.language}"
        name, above = (setting.language, "share of") if names[setting] == share else (names[setting], "")
        room = _CLOSE if setting.language else _APART
        found.append(_Scale(name, above or ("log" if setting.log else ""), places, ticks_of(setting), room))
    for objective in sweep.objectives:
        scores = {trial.number: s for trial in trials if (s := score_of(trial, objective)) is not None}
        low, high = min(scores.values(), default=0.0), max(scores.values(), default=1.0)
        places = {number: (s - low) / (high - low) if high > low else 0.5 for number, s in scores.items()}
        ends = [(0.0, f"{low:.3f}"), (0.5, f"{(low + high) / 2:.3f}"), (1.0, f"{high:.3f}")]
        ticks = [] if not scores else ends if high > low else [(0.5, f"{low:.3f}")]
        found.append(_Scale(objective_name(objective), sweep.metric, places, ticks, heavy=True))
    return found


def ticks_of(setting: Coordinate) -> list[tuple[float, str]]:
    """Positions on the scale of a setting, in [0, 1], and what stands there."""
    if setting.options:
        last = max(1, len(setting.options) - 1)
        some = setting.options if len(setting.options) <= _OPTIONS else setting.options[:: last or 1]
        return [(setting.options.index(option) / last, setting_text(option)) for option in some]
    if setting.high == setting.low:
        return [(0.5, number_text(setting.low))]
    low, high = setting.low, setting.high
    middle = (low * high) ** 0.5 if setting.log else (low + high) / 2
    return [(0.0, number_text(low)), (0.5, number_text(middle)), (1.0, number_text(high))]


def _draw_scale(axes: Axes, x: float, scale: _Scale) -> None:
    axes.plot([x, x], [0, 1], color=INK if scale.heavy else MUTE, linewidth=1.2, zorder=3, clip_on=False)
    letters = int(scale.room / 6.4)
    where: dict[str, Any] = {"ha": "center", "fontsize": 10, "clip_on": False}
    axes.text(x, 1 + 14 / _HEIGHT, short(scale.name, letters), fontweight="bold", **where)
    axes.text(x, 1 + 30 / _HEIGHT, short(scale.above, letters), color=MUTE, **where)
    for height, text in scale.ticks:
        axes.text(
            x + 5, height, short(text, letters - 1), va="center", fontsize=9, color=MUTE, zorder=6,
            clip_on=False, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        )  # fmt: skip


def _draw_trials(
    axes: Axes, sweep: Sweep, trials: Sequence[Trial], scales: Sequence[_Scale], across: FloatArray
) -> None:
    ended = [trial for trial in trials if trial.state == "finished"]
    objective = sweep.objectives[0]
    colours = shades({t.number: s for t in ended if (s := score_of(t, objective)) is not None})
    marked = special(sweep)
    for trial in [t for t in trials if t.state != "finished"] + best_first(ended, objective)[::-1]:
        heights = [scale.places.get(trial.number, np.nan) for scale in scales]
        failed = trial.state == "failed"
        look: dict[str, Any] = {"color": STYLES["failed" if failed else "stopped early"].colour, "linewidth": 0.9}
        look |= {"linestyle": ":" if failed else "-", "alpha": 0.7, "zorder": 1}
        if trial.number in colours:
            faint = min(0.85, max(0.25, _CLEAR / len(colours)))
            look = {"color": colours[trial.number], "linewidth": 1.1, "alpha": faint, "zorder": 2}
        if trial.number in marked:
            style = STYLES[marked[trial.number]]
            line = "--" if trial.number == DEFAULT else "-"
            look = {"color": style.colour, "linewidth": 2.6, "zorder": 5, "linestyle": line, "marker": style.marker}
            look |= {"markersize": 9 if style.marker == "*" else 6, "markeredgecolor": "white", "clip_on": False}
            look |= {"path_effects": [Stroke(linewidth=4.6, foreground="white"), Normal()]}
        axes.plot(across, heights, **look)
