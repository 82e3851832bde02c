"""Colours of trials by their score: the better, the darker."""

from collections.abc import Mapping
from statistics import median
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from scipy.stats import rankdata

from raytrain.report.drawing import MUTE, axes_of

_DARKEST, _LIGHTEST = 1.0, 0.12  # of the palette: nothing as light as the paper
_PALETTE = "cividis_r"  # made for eyes that confuse red and green; dark is high
_STEPS = 24


def shades(scores: Mapping[int, float]) -> dict[int, Any]:
    """A colour for each number of a trial, by rank: one score far below the others would leave these alike."""
    colours = matplotlib.colormaps[_PALETTE]
    ranks = rankdata(list(scores.values())) if scores else []
    last = max(1, len(scores) - 1)
    places = {number: (rank - 1) / last for number, rank in zip(scores, ranks, strict=True)}
    return {number: colours(_LIGHTEST + (_DARKEST - _LIGHTEST) * place) for number, place in places.items()}


def scale_bar(figure: Figure, left: float, top: float, width: float, scores: Mapping[int, float], name: str) -> None:
    """The colours of the lowest score, the median and the highest, in pixels of the figure."""
    axes = axes_of(figure, left, top, width, 10)
    for step, colour in shades({step: step for step in range(_STEPS)}).items():
        axes.barh(0, 1.02, 1, left=step, color=colour, linewidth=0)
    axes.set(xlim=(0, _STEPS), ylim=(-0.5, 0.5), yticks=[], xticks=[])
    axes.spines["bottom"].set_visible(False)
    values = sorted(scores.values())
    for x, score, ha in ((0, values[0], "left"), (_STEPS / 2, median(values), "center"), (_STEPS, values[-1], "right")):
        axes.text(x, -1.0, f"{score:.3f}", va="top", ha=ha, fontsize=10, color=MUTE)
    axes.text(_STEPS / 2, 0.9, name, va="bottom", ha="center", fontsize=10, color=MUTE)
