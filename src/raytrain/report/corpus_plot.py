"""The plot of the raw pairs: which share of each language each step of prepare dropped."""

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter

from raytrain.report.account import STEPS, by_step, most_read_first, total_of
from raytrain.report.drawing import FOOT, MUTE, axes_of, drawing, figure_of, short, svg
from raytrain.report.plots import Style
from raytrain.report.rows import language_name
from raytrain.study.results import CorpusAccount

KEPT = "kept"
_COLOURS = ("#1d2430", "#9aa1ac", "#B8860B", "#56B4E9", "#D55E00", "#AA4499")
_KEPT = "#dbe4ee"
_WIDTH, _LEFT, _RIGHT, _ROW = 520.0, 178.0, 70.0, 17.0
_ONE_PANEL = 12  # languages


def steps_shown(account: CorpusAccount) -> dict[str, Style]:
    """What the bars are made of, from the left: what is kept, and each step that dropped any rows."""
    dropped = by_step(total_of(account.languages.values()))
    colours = dict(zip(STEPS, _COLOURS, strict=True))
    return {KEPT: Style(_KEPT, "s")} | {step: Style(colours[step], "s") for step in dropped}


def shares(account: CorpusAccount, key: str) -> list[str]:
    """A bar a language in one panel or two, those with the most rows first: kept, and dropped by step."""
    labels = [label for label in most_read_first(account) if account.languages[label].taken]
    half = len(labels) if len(labels) <= _ONE_PANEL else -(-len(labels) // 2)
    columns = [labels[start : start + half] for start in range(0, len(labels), half or 1)]
    return [_panel(account, column, f"{key}-{index}") for index, column in enumerate(columns)]


def _panel(account: CorpusAccount, labels: Sequence[str], key: str) -> str:
    height = _ROW * len(labels)
    room = _WIDTH - _LEFT - _RIGHT
    with drawing():
        figure = figure_of(_WIDTH, 4 + height + FOOT)
        axes = axes_of(figure, _LEFT, 4, room, height)
        axes.set(xlim=(0, 1), ylim=(len(labels), 0), yticks=[], xlabel="share of the rows read")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0%}"))
        where: dict[str, Any] = {"va": "center", "fontsize": 10, "transform": axes.get_yaxis_transform()}
        styles = steps_shown(account)
        for place, label in enumerate(labels):
            rows, start = account.languages[label], 0.0
            parts = {KEPT: rows.kept} | by_step(rows)
            for step in (step for step in styles if parts.get(step)):
                share = parts[step] / rows.taken
                axes.barh(place + 0.5, share, 0.74, left=start, color=styles[step].colour, linewidth=0)
                start += share
            name = language_name(label)
            named = short(f"{name} ({label})" if name else label, 28)
            axes.text(-6 / room, place + 0.5, named, ha="right", **where)
            axes.text(1 + 6 / room, place + 0.5, f"{rows.kept:,}", color=MUTE, **where)
        return svg(figure, f"Where the rows of {', '.join(labels)} went: kept, and dropped by step", key)
