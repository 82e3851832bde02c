"""The mixes that were tried: in a triangle if there are three languages, else as stacked bars, the best first."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from raytrain.report.drawing import FOOT, INK, MUTE, RULE, TINTS, axes_of, drawing, figure_of, short, svg
from raytrain.report.rows import language_name
from raytrain.report.sweep_palette import scale_bar, shades
from raytrain.report.sweep_trials import DEFAULT, STYLES, best_first, objective_name, score_of, special, winners
from raytrain.tune.coordinates import Coordinate, coordinates_of
from raytrain.tune.results import Sweep, Trial

_SIDE, _EDGE = 380.0, 62.0  # of the triangle, and room around it
_RISE = math.sqrt(3) / 2
_WIDTH, _LEFT, _TOP, _BARS, _DOTS = 760.0, 52.0, 40.0, 220.0, 90.0
_DARKER = 0.25
_GAPS = 80  # bars; more are too thin for a gap between them


def mixes(sweep: Sweep, key: str) -> list[str]:
    """One plot for each mix that is searched and has trials with a score."""
    found = []
    by_mix: dict[str, list[Coordinate]] = {}
    for setting in coordinates_of(sweep):
        if setting.language:
            by_mix.setdefault(setting.key, []).append(setting)
    for index, (name, shares) in enumerate(by_mix.items()):
        trials = [
            trial
            for trial in best_first(sweep.trials, sweep.objectives[0])
            if trial.state in ("finished", "stopped")
            and score_of(trial, sweep.objectives[0]) is not None
            and shares[0].value(trial.settings) is not None
        ]
        if trials:
            draw = _triangle if len(shares) == 3 else _stacked
            found.append(draw(sweep, name, shares, trials, f"{key}-{index}"))
    return found


def _triangle(sweep: Sweep, name: str, shares: Sequence[Coordinate], trials: Sequence[Trial], key: str) -> str:
    """A ternary plot: each corner is all of one language, the side across from it none."""
    width, height = _SIDE + 2 * _EDGE, _SIDE * _RISE + 2 * _EDGE + 20
    objective = sweep.objectives[0]
    scores = {t.number: s for t in trials if t.state == "finished" and (s := score_of(t, objective)) is not None}
    colours = shades(scores)
    marked = special(sweep)
    with drawing():
        figure = figure_of(width, height)
        axes = axes_of(figure, _EDGE, _EDGE - 24, _SIDE, _SIDE * _RISE)
        axes.set(xlim=(0, 1), ylim=(0, _RISE), xticks=[], yticks=[])
        axes.spines["bottom"].set_visible(False)
        _grid(axes, [share.language for share in shares])
        for trial in sorted(trials, key=lambda t: (t.number in marked, t.number in scores)):
            x, y = _place([share.value(trial.settings) for share in shares])
            look: dict[str, Any] = {"marker": "o", "markersize": 6, "clip_on": False, "zorder": 3, "linestyle": "none"}
            if trial.number in scores:
                look |= {"color": colours[trial.number], "markeredgecolor": "white", "markeredgewidth": 0.5}
            else:
                look |= {"markerfacecolor": "none", "markeredgecolor": STYLES["stopped early"].colour}
            if trial.number in marked:
                style = STYLES[marked[trial.number]]
                look |= {"marker": style.marker, "color": style.colour, "markeredgecolor": "white", "zorder": 4}
                look |= {"markersize": 16 if style.marker == "*" else 10, "markerfacecolor": style.colour}
            axes.plot([x], [y], **look)
        if scores:
            scale_bar(figure, width / 2 - 70, height - 30, 140, scores, f"{sweep.metric}, {objective_name(objective)}")
        return svg(figure, f"{name}: shares of {_listed(shares)} in {len(trials)} trials", key)


def _place(shares: Sequence[float]) -> tuple[float, float]:
    """Barycentric coordinates to the plane: the corners are left, right and top."""
    _, right, top = shares
    return right + top / 2, top * _RISE


def _grid(axes: Axes, languages: Sequence[str]) -> None:
    for part in (0.25, 0.5, 0.75):
        rest = 1 - part
        for one, other in (((part, rest, 0), (part, 0, rest)), ((rest, part, 0), (0, part, rest)),
                           ((rest, 0, part), (0, rest, part))):  # fmt: skip
            axes.plot(*zip(_place(one), _place(other), strict=True), color=RULE, linewidth=0.8, zorder=1)
        small: dict[str, Any] = {"fontsize": 9, "color": MUTE, "clip_on": False, "va": "center"}
        axes.text(rest, -0.035, f"{rest:.0%}", ha="center", **small)  # along the lower side, of the right corner
        x, y = _place((0, rest, part))
        axes.text(x + 0.025, y, f"{part:.0%}", ha="left", **small)  # of the upper one
        x, y = _place((part, 0, rest))
        axes.text(x - 0.025, y, f"{part:.0%}", ha="right", **small)  # of the left one
    corners = [_place(corner) for corner in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0))]
    axes.plot(*zip(*corners, strict=True), color=MUTE, linewidth=1, zorder=1, clip_on=False)
    places = ((0, -0.09, "center"), (1, -0.09, "center"), (0.5, _RISE + 0.045, "center"))
    for language, (x, y, ha) in zip(languages, places, strict=True):
        axes.text(x, y, short(_named(language), 20), ha=ha, va="center", fontweight="bold", clip_on=False)


def _stacked(sweep: Sweep, name: str, shares: Sequence[Coordinate], trials: Sequence[Trial], key: str) -> str:
    """A bar a trial, and its score below; those stopped early apart, as they scored after fewer steps."""
    ended = [trial for trial in trials if trial.state == "finished"]
    order = [*ended, *(trial for trial in trials if trial.state == "stopped")]
    gap = 1 if ended and len(ended) < len(order) else 0
    left = np.arange(len(order)) + np.where(np.arange(len(order)) >= len(ended), gap, 0)
    columns = 4
    legend = 20.0 * math.ceil(len(shares) / columns)
    width, room = _WIDTH, _WIDTH - _LEFT - 16
    with drawing():
        figure = figure_of(width, _TOP + _BARS + _DOTS + FOOT + legend)
        axes = axes_of(figure, _LEFT, _TOP, room, _BARS)
        axes.set(xlim=(0, left[-1] + 1), ylim=(0, 1), xticks=[], yticks=[0, 0.5, 1], yticklabels=["0", "50%", "100%"])
        axes.set_ylabel("share", fontsize=10)
        _draw_bars(axes, shares, order, left, len(ended))
        _mark(axes, sweep, order, left)
        below = axes_of(figure, _LEFT, _TOP + _BARS + 10, room, _DOTS)
        below.set(xlim=(0, left[-1] + 1), xticks=[], xlabel=_caption(len(ended), len(order) - len(ended)))
        _draw_scores(below, sweep, order, left)
        _key(axes_of(figure, _LEFT, _TOP + _BARS + _DOTS + FOOT, room, legend), shares, columns)
        return svg(figure, f"{name}: shares of {_listed(shares)} in {len(order)} trials, the best first", key)


def _draw_bars(axes: Axes, shares: Sequence[Coordinate], order: Sequence[Trial], left: Any, ended: int) -> None:
    """One outline a language, not one a bar: of hundreds of trials and languages that is still a small picture."""
    for part, faint in ((slice(0, ended), False), (slice(ended, None), True)):
        trials, at = order[part], left[part]
        if not len(trials):
            continue
        edges = [*at, at[-1] + 1]
        base = np.zeros(len(trials))
        for index, share in enumerate(shares):
            top = base + [share.value(trial.settings) for trial in trials]
            tint = _tint(index)
            axes.stairs(top, edges, baseline=base, fill=True, color=tint, alpha=0.45 if faint else 1, linewidth=0)
            base = top
        if len(order) <= _GAPS:
            axes.vlines(edges, 0, 1, color="white", linewidth=1.2)


def _draw_scores(axes: Axes, sweep: Sweep, order: Sequence[Trial], left: Any) -> None:
    """A point a trial below its bar."""
    objective, marked = sweep.objectives[0], special(sweep)
    axes.set_ylabel(short(objective_name(objective), 14), fontsize=10)
    axes.grid(True, axis="y", color=RULE, linewidth=0.7)
    by_look: dict[str, list[tuple[float, float]]] = {}
    for trial, x in zip(order, left, strict=True):
        look = marked.get(trial.number, "finished" if trial.state == "finished" else "stopped early")
        score = score_of(trial, objective)
        if score is not None:
            by_look.setdefault(look, []).append((float(x) + 0.5, score))
    for look, places in by_look.items():
        style, size = STYLES[look], {"best": 11, "default": 6}.get(look, 4)
        how: dict[str, Any] = {"color": style.colour, "markersize": size, "markeredgewidth": 0, "clip_on": False}
        axes.plot([x for x, _ in places], [y for _, y in places], style.marker, **how)


def _mark(axes: Axes, sweep: Sweep, order: Sequence[Trial], left: Any) -> None:
    """Points at the default and the best from above."""
    wanted = [("default", DEFAULT), *(("best" if sweep.best is not None else "", number) for number in winners(sweep))]
    places = {trial.number: float(x) + 0.5 for trial, x in zip(order, left, strict=True)}
    for word, number in wanted:
        if number in places:
            style = STYLES[word or "best"]
            top = 1 + (26 if word == "default" else 12) / _BARS  # two lines, should they stand side by side
            x = places[number]
            edge = "left" if x < 0.1 * left[-1] else "right" if x > 0.9 * left[-1] else "center"
            axes.plot([x], [1 + 5 / _BARS], "v", color=style.colour, markersize=6, clip_on=False)
            text = f"{word} ({number})" if word else ""
            axes.text(x, top, text, ha=edge, fontsize=10, color=style.colour, fontweight="bold", clip_on=False)


def _key(axes: Axes, shares: Sequence[Coordinate], columns: int) -> None:
    lines = math.ceil(len(shares) / columns)
    axes.set(xlim=(0, columns), ylim=(lines, 0), xticks=[], yticks=[])
    axes.spines["bottom"].set_visible(False)
    for index, share in enumerate(shares):
        x, y = index % columns, index // columns + 0.5
        axes.plot([x + 0.03], [y], "s", color=_tint(index), markersize=10, clip_on=False)
        axes.text(x + 0.09, y, short(_named(share.language), 24), va="center", fontsize=10, color=INK)


def _tint(index: int) -> tuple[float, float, float]:
    """The tint of a language; of more languages than there are tints, the next ones are darker."""
    tint, ink = np.array(to_rgb(TINTS[index % len(TINTS)])), np.array(to_rgb(INK))
    dark = min(0.6, _DARKER * (index // len(TINTS)))
    red, green, blue = (1 - dark) * tint + dark * ink
    return float(red), float(green), float(blue)


def _caption(ended: int, stopped: int) -> str:
    parts = [f"{ended} finished, the best first"] if ended else []
    return "; ".join([*parts, *([f"at the right, faint, {stopped} stopped early"] if stopped else [])])


def _named(language: str) -> str:
    full = language_name(language)
    return f"{full} ({language})" if full else language


def _listed(shares: Sequence[Coordinate]) -> str:
    return ", ".join(share.language for share in shares)
