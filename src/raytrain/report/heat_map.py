"""Languages × systems as a heat map: who retrieves well where, at a glance."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import Normalize

from raytrain.report.drawing import INK, MUTE, axes_of, drawing, figure_of, short, svg
from raytrain.report.rows import UNSCORED, estimate_of, language_name, sections
from raytrain.study.results import BenchmarkResult, System

ROW, HEADING, TOP = 20.0, 25.0, 66.0
COLUMN = 74.0
OVERHANG = 64.0  # of the last name, which is slanted
PALETTE = "cividis"  # made for eyes that confuse red and green; light is high, and in print as well


def heat_map(benchmark: BenchmarkResult, metric: str, key: str) -> str:
    """Scores of every system in every language, each with its number; nothing if there is none."""
    parts = [part for part in sections(benchmark) if part.over == "language" and part.title != UNSCORED]
    found = [e.mean for part in parts for name in part.names for e in _row(benchmark.systems, name, metric) if e]
    if not found:
        return ""
    languages = [name for part in parts for name in part.names]
    left = 14 + 6.1 * max(len(_label(name)) for name in languages)
    height = TOP + sum(HEADING + ROW * len(part.names) for part in parts) + 8
    width = left + COLUMN * len(benchmark.systems) + OVERHANG
    colours = matplotlib.colormaps[PALETTE]
    scale = Normalize(min(found), max(max(found), min(found) + 0.01))
    with drawing():
        figure = figure_of(width, height)
        axes = axes_of(figure, 0, 0, width, height)
        axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
        axes.spines["bottom"].set_visible(False)
        middle: dict[str, Any] = {"va": "center", "ha": "center", "fontsize": 10}
        for column, system in enumerate(benchmark.systems):
            where = left + COLUMN * (column + 0.5), TOP - 6
            axes.text(*where, short(system.name, 16), rotation=28, ha="left", va="bottom", fontsize=10)
        top = TOP
        for part in parts:
            axes.text(6, top + HEADING / 2 + 3, part.title, color=MUTE, fontsize=10, fontstyle="italic", va="center")
            top += HEADING
            for name in part.names:
                axes.text(left - 8, top + ROW / 2, _label(name), ha="right", va="center", fontsize=10)
                for column, estimate in enumerate(_row(benchmark.systems, name, metric)):
                    if estimate is None:
                        continue
                    colour = colours(scale(estimate.mean))
                    place = left + COLUMN * column
                    axes.add_patch(_cell(place, top, colour))
                    dark = np.dot(colour[:3], (0.2126, 0.7152, 0.0722)) < 0.45  # luminance (ITU-R BT.709)
                    ink = "white" if dark else INK
                    axes.text(place + COLUMN / 2, top + ROW / 2, f"{estimate.mean:.3f}", color=ink, **middle)
                top += ROW
        names = ", ".join(system.name for system in benchmark.systems)
        return svg(figure, f"{benchmark.name}: {metric} of {names} in every language; lighter is better", key)


def _cell(left: float, top: float, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((left + 1, top + 1), COLUMN - 2, ROW - 2, facecolor=colour, linewidth=0)


def _row(systems: Sequence[System], name: str, metric: str) -> list[Any]:
    return [estimate_of(system, "language", name, metric) for system in systems]


def _label(name: str) -> str:
    full = language_name(name)
    return short(f"{full} ({name})" if full else name, 28)
