"""The plots of the report: inline SVG in pixels, the same bytes for the same numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from raytrain.report.drawing import BAND, FOOT, INK, MUTE, RULE, TINTS, axes_of, drawing, figure_of, short, svg
from raytrain.report.rows import (
    UNSCORED,
    Over,
    Section,
    compared,
    comparison_of,
    estimate_of,
    in_columns,
    language_name,
    sections,
)
from raytrain.study.results import BenchmarkResult, System

# Okabe and Ito's palette, which the colour-blind can tell apart; every colour comes with a mark or a name as well.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#B8860B", "#3A3A9E", "#56B4E9")
_MARKERS = ("o", "s", "D", "^", "v", "P", "p")
_GREYS, _GREY_MARKERS = ("#6b7280", "#9aa1ac", "#3d4450"), ("X", "d", "*", "8", "<")
_FUSED_MARKERS = ("h",)
_HEADING, _TOP, _RIGHT = 25.0, 26.0, 12.0
_SEED_LINES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Style:
    """How a system is drawn, in every plot."""

    colour: str
    marker: str


@dataclass(frozen=True)
class _Line:
    """A row of a plot, or a heading (``name`` empty); ``top`` and ``height`` in pixels."""

    label: str
    over: Over
    name: str
    top: float
    height: float
    shaded: bool

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True)
class _Frame:
    """The frame of a plot with a labelled line for every row; ``width``, ``left`` and ``right`` in pixels."""

    width: float
    left: float
    right: float
    limits: tuple[float, float]
    xlabel: str
    title: str = ""


def styles_of(systems: Sequence[System]) -> dict[str, Style]:
    """Colours for what was trained, greys for the baselines; what is fused with BM25 has the colour of its model."""
    kinds = {kind: [s for s in systems if s.kind == kind] for kind in ("baseline", "trained", "fused")}
    styles = {
        system.name: Style(_GREYS[i % 3], _GREY_MARKERS[i % len(_GREY_MARKERS)])
        for i, system in enumerate(kinds["baseline"])
    }
    for kind, marked in (("trained", _MARKERS), ("fused", _FUSED_MARKERS)):
        for i, system in enumerate(kinds[kind]):
            styles[system.name] = Style(_COLOURS[i % len(_COLOURS)], marked[i % len(marked)])
    return styles


def glyph(style: Style, key: str) -> str:
    """The mark of a system, for a legend."""
    with drawing():
        figure = figure_of(16, 16)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.plot([0], [0], marker=style.marker, color=style.colour, markersize=9, clip_on=False)
        return svg(figure, "", key)


def forest(benchmark: BenchmarkResult, styles: Mapping[str, Style], key: str) -> list[str]:
    """One panel an arm: its difference to the baseline over groups and languages, all on one scale."""
    found = benchmark.comparisons
    arms = compared(benchmark)
    if not arms:
        return []
    limits = _limits([0.0, *(c.low for c in found), *(c.high for c in found)])
    # Few panels have room for the numbers as well.
    width, right = (528, 145.0) if len(arms) <= 2 else (344, _RIGHT)
    lines = _lines(_rows(benchmark), 19)
    xlabel = f"{found[0].metric}, difference to {found[0].baseline}"
    panels = []
    for index, arm in enumerate(arms):
        with drawing():
            figure, axes = _frame(lines, _Frame(width, _margin(lines), right, limits, xlabel, arm))
            axes.axvline(0, color=INK, linewidth=1)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:+g}".replace("-", "−") if x else "0"))
            _differences(axes, benchmark, arm, lines, styles[arm].colour, right)
            title = f"{benchmark.name}: {found[0].metric} of {arm} minus {found[0].baseline}, with 95 % intervals"
            panels.append(svg(figure, title, f"{key}-{index}"))
    return panels


def _differences(
    axes: Axes, benchmark: BenchmarkResult, arm: str, lines: Sequence[_Line], colour: str, right: float
) -> None:
    beside = right / axes.bbox.width
    for line in lines:
        comparison = comparison_of(benchmark, arm, line.over, line.name) if line.name else None
        if comparison is None:
            continue
        told = comparison.finding != "no verdict"
        marker = {"better": ">", "worse": "<", "no verdict": "o"}[comparison.finding]
        heavy = line.over == "group"
        axes.hlines(line.middle, comparison.low, comparison.high, color=colour, linewidth=2.4 if heavy else 1.4)
        axes.plot(
            [comparison.difference],
            [line.middle],
            marker=marker,
            markersize=(8.5 if told else 6.5) + heavy,
            color=colour,
            markerfacecolor=colour if told else "white",
            markeredgewidth=1.4,
        )
        if right > _RIGHT:
            c = comparison
            text = f"{c.difference:+z.3f} [{c.low:+z.3f}, {c.high:+z.3f}]".replace("-", "−")
            weight = "bold" if told else "normal"
            where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
            axes.text(1 + beside, line.middle, text, fontsize=10, fontweight=weight, **where)


def dots(benchmark: BenchmarkResult, metric: str, styles: Mapping[str, Style], key: str) -> list[str]:
    """Every system in every group and language, in one panel or two: mean, interval, and a faint dot a seed."""
    systems = benchmark.systems
    found = [
        estimate
        for system in systems
        for scores in (*system.languages.values(), *system.groups.values())
        if (estimate := scores.get(metric))
    ]
    if not found:
        return []
    step = 8.0
    low, high = _limits([x for e in found for x in (e.low, e.high, *e.by_seed)])
    limits = (max(0.0, low), high)
    columns = in_columns(_rows(benchmark))
    left = _margin([line for column in columns for line in _lines(column, step)])
    panels = []
    for index, column in enumerate(columns):
        lines = _lines(column, step * len(systems) + 8)
        with drawing():
            figure, axes = _frame(lines, _Frame(520, left, _RIGHT, limits, metric))
            for order, system in enumerate(systems):
                offset = (order - (len(systems) - 1) / 2) * step
                _scores(axes, system, metric, lines, offset, styles[system.name])
            title = f"{benchmark.name}: {metric} of {', '.join(s.name for s in systems)}, with 95 % intervals"
            panels.append(svg(figure, title, f"{key}-{index}"))
    return panels


def _scores(axes: Axes, system: System, metric: str, lines: Sequence[_Line], offset: float, style: Style) -> None:
    found = [
        (line.middle + offset, estimate)
        for line in lines
        if (estimate := estimate_of(system, line.over, line.name, metric))
    ]
    if not found:
        return
    ys = [y for y, _ in found]
    axes.hlines(ys, [e.low for _, e in found], [e.high for _, e in found], color=style.colour, linewidth=1.2)
    seeds = [(x, y) for y, estimate in found if len(estimate.by_seed) > 1 for x in estimate.by_seed]
    if seeds:
        axes.plot(*zip(*seeds, strict=True), "o", color=style.colour, alpha=0.4, markersize=4.6, markeredgewidth=0)
    means = [e.mean for _, e in found]
    axes.plot(means, ys, style.marker, color=style.colour, markersize=6, markeredgecolor="white", markeredgewidth=0.5)


def mix(systems: Sequence[System], key: str) -> str:
    """Training pairs of every arm as a bar of languages; a language has its place and tint in all of them."""
    shown = [system for system in systems if system.pairs]
    languages = sorted({language for system in shown for language in system.pairs})
    width, left, row = 760, 24 + 6.2 * max(len(short(s.name, 24)) for s in shown), 32.0
    height = row * len(shown) + FOOT
    most = max(sum(system.pairs.values()) for system in shown)
    with drawing():
        figure = figure_of(width, height)
        axes = axes_of(figure, left, 4, width - left - 24, row * len(shown))
        axes.set(xlim=(0, most), ylim=(len(shown), 0), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.set_xlabel("training pairs, all seeds")
        for index, system in enumerate(shown):
            named: dict[str, Any] = {"ha": "right", "va": "center", "transform": axes.get_yaxis_transform()}
            axes.text(-10 / (width - left - 24), index + 0.5, short(system.name, 24), **named)
            start = 0
            for language in (x for x in languages if x in system.pairs):
                pairs = system.pairs[language]
                tint = TINTS[languages.index(language) % len(TINTS)]
                axes.barh(index + 0.5, pairs, 0.72, left=start, color=tint, edgecolor="white", linewidth=1)
                if pairs / most * (width - left - 24) > 26:
                    axes.text(start + pairs / 2, index + 0.5, language, ha="center", va="center", fontsize=10)
                start += pairs
        return svg(figure, f"Training pairs by language of {', '.join(s.name for s in shown)}", key)


def losses(curves: Mapping[str, Sequence[tuple[int, float]]], styles: Mapping[str, Style], key: str) -> list[str]:
    """One panel an arm with a line a seed, all on one scale, from runs named ARM:SEED; others share a panel."""
    panels: dict[str, list[tuple[str, Sequence[tuple[int, float]]]]] = {}
    for run in (run for run, curve in curves.items() if curve):
        arm, _, seed = run.rpartition(":")
        known = arm in styles
        panels.setdefault(arm if known else "", []).append((f"seed {seed}" if known else run, curves[run]))
    points = [point for runs in panels.values() for _, curve in runs for point in curve if np.isfinite(point[1])]
    if not points:
        return []
    right, top = max(x for x, _ in points), max(y for _, y in points)
    found = []
    for index, (arm, runs) in enumerate(panels.items()):
        with drawing():
            width, height = 344 if len(panels) > 1 else 560, 236
            figure = figure_of(width, height)
            axes = axes_of(figure, 42, _TOP, width - 42 - _RIGHT, height - _TOP - FOOT)
            axes.set(xlim=(0, right or 1), ylim=(0, top * 1.05 or 1), xlabel="step", ylabel="loss")
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.grid(True, color=RULE, linewidth=0.7)
            axes.set_title(short(arm or "training", 40), loc="left", fontsize=12, fontweight="bold")
            for order, (label, curve) in enumerate(runs):
                colour = styles[arm].colour if arm else _COLOURS[order % len(_COLOURS)]
                line = _SEED_LINES[order % len(_SEED_LINES)]
                axes.plot(*zip(*curve, strict=True), line, color=colour, linewidth=1.2, label=short(label, 24))
            if len(runs) > 1:
                axes.legend(frameon=False, fontsize=10, loc="upper right")
            names = ", ".join(label for label, _ in runs)
            found.append(svg(figure, f"Training loss by step{f' of {arm}' if arm else ''}: {names}", f"{key}-{index}"))
    return found


def _rows(benchmark: BenchmarkResult) -> list[Section]:
    """What can be drawn, the averages first: they are the claim."""
    found = [part for part in sections(benchmark) if part.title != UNSCORED]
    return sorted(found, key=lambda part: part.over != "group")


def _lines(parts: Sequence[Section], height: float) -> list[_Line]:
    lines: list[_Line] = []
    top = 0.0
    for part in parts:
        lines.append(_Line(part.title, part.over, "", top, _HEADING, False))
        top += _HEADING
        for index, name in enumerate(part.names):
            named = f"{language_name(name)} ({name})" if language_name(name) else name
            label = named if part.over == "language" else name
            lines.append(_Line(label, part.over, name, top, height, index % 2 == 0))
            top += height
    return lines


def _margin(lines: Sequence[_Line]) -> float:
    """Room for the labels, by the width of a letter of matplotlib's font; the reader's is hardly wider."""
    return 14 + 6.1 * max((min(len(line.label), 26) for line in lines if line.name), default=10)


def _frame(lines: Sequence[_Line], frame: _Frame) -> tuple[Figure, Axes]:
    """A figure with a labelled line for every row; data units of y are pixels from the top."""
    left, right = frame.left, frame.right
    top = _TOP if frame.title else 4.0
    bottom = lines[-1].top + lines[-1].height
    figure = figure_of(frame.width, top + bottom + FOOT)
    axes = axes_of(figure, left, top, frame.width - left - right, bottom)
    axes.set(xlim=frame.limits, ylim=(bottom, 0), yticks=[], xlabel=frame.xlabel)
    axes.xaxis.set_major_locator(MaxNLocator(5 if frame.width > 400 else 4))
    axes.grid(True, axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    edge = -left / (frame.width - left - right)
    end = 1 + right / (frame.width - left - right)
    across = axes.get_yaxis_transform()
    if frame.title:
        axes.text(edge, -10, short(frame.title, 40), fontsize=12, fontweight="bold", transform=across)
    for line in lines:
        where: dict[str, Any] = {"transform": across, "va": "center"}
        if line.shaded:
            band = (line.top, line.top + line.height, edge, end)
            axes.axhspan(*band, color=BAND, clip_on=False, zorder=0, linewidth=0)
        if line.name:
            weight = "bold" if line.over == "group" else "normal"
            axes.text(edge * 6 / left, line.middle, short(line.label, 26), ha="right", fontweight=weight, **where)
        else:
            axes.text(edge, line.middle + 3, line.label, color=MUTE, fontsize=10, fontstyle="italic", **where)
    return figure, axes


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = (high - low) * 0.05 or 0.01
    return low - pad, high + pad
