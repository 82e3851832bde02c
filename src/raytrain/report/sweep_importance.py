"""What mattered: importance of each setting as bars, and beside it the direction."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from raytrain.report.drawing import FOOT, INK, MUTE, RULE, axes_of, drawing, figure_of, short, svg
from raytrain.report.rows import DASH
from raytrain.report.sweep_trials import STYLES, objective_name, setting_names
from raytrain.report.tables import Cell, Column, Part, Row, Table
from raytrain.tune.importance import Importance, Influence

_ROW, _TOP, _BARS, _GAP, _DIRECTION = 24.0, 28.0, 290.0, 30.0, 230.0
_LETTERS = 29  # of a name


def importance_plot(found: Importance, key: str) -> str:
    """Bars with the mark of chance, filled where they go beyond it, and rank correlations; nothing without settings."""
    rows = found.influences
    if not rows:
        return ""
    names = setting_names([row.setting for row in rows])
    bars = not found.why_not
    margin = 16 + 6.1 * max(min(len(name), _LETTERS) for name in names.values())
    left = margin + (_BARS + _GAP if bars else 0)
    with drawing():
        figure = figure_of(left + _DIRECTION + 16, _TOP + _ROW * len(rows) + FOOT)
        first = axes_of(figure, margin, _TOP, _BARS if bars else _DIRECTION, _ROW * len(rows))
        for place, row in enumerate(rows):
            where: dict[str, Any] = {"transform": first.get_yaxis_transform(), "ha": "right", "va": "center"}
            first.text(-8 / first.bbox.width, place + 0.5, short(names[row.setting], _LETTERS), fontsize=10, **where)
        if bars:
            _draw_bars(first, rows)
        _draw_directions(axes_of(figure, left, _TOP, _DIRECTION, _ROW * len(rows)) if bars else first, rows)
        what = "importance and rank correlation" if bars else "rank correlation"
        return svg(figure, f"{what} of settings with {objective_name(found.objective)}, {found.trials} trials", key)


def _draw_bars(axes: Axes, rows: Sequence[Influence]) -> None:
    top = max([0.1, *(x for row in rows for x in (row.share, row.chance) if x is not None)]) * 1.08
    axes.set(xlim=(0, top), ylim=(len(rows), 0), yticks=[])
    _title(axes, "importance")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0%}"))
    for place, row in enumerate(rows):
        if row.share is None or row.chance is None:
            continue
        clear = row.share > row.chance
        colour = STYLES["best"].colour if clear else "#c3c9d2"
        axes.barh(place + 0.5, row.share, 0.62, color=colour, linewidth=0)
        axes.plot([row.chance, row.chance], [place + 0.12, place + 0.88], color=INK, linewidth=1.4, clip_on=False)


def _draw_directions(axes: Axes, rows: Sequence[Influence]) -> None:
    axes.set(xlim=(-1, 1), ylim=(len(rows), 0), yticks=[], xticks=[-1, 0, 1], xticklabels=["−1", "0", "+1"])
    _title(axes, "rank correlation")
    axes.axvline(0, color=MUTE, linewidth=0.8)
    axes.grid(True, axis="x", color=RULE, linewidth=0.7)
    for place, row in enumerate(rows):
        if row.correlation is None or row.low is None or row.high is None:
            axes.text(0, place + 0.5, "no order", va="center", ha="center", fontsize=9, color=MUTE, fontstyle="italic")
            continue
        clear = row.low > 0 or row.high < 0
        axes.hlines(place + 0.5, row.low, row.high, color=STYLES["best"].colour, linewidth=1.6)
        filled = STYLES["best"].colour if clear else "white"
        axes.plot([row.correlation], [place + 0.5], "o", color=STYLES["best"].colour, markerfacecolor=filled)


def _title(axes: Axes, text: str) -> None:
    axes.text(0, 1 + 10 / axes.bbox.height, text, transform=axes.transAxes, fontsize=10, color=MUTE, fontstyle="italic")


def importance_table(found: Importance) -> Table | None:
    """The same as numbers; nothing without settings."""
    if not found.influences:
        return None
    names = setting_names([row.setting for row in found.influences])
    rows = []
    for row in found.influences:
        shown = [Cell(DASH, tone="mute") if x is None else Cell(f"{x:.2f}") for x in (row.share, row.chance)]
        rows.append(Row(names[row.setting], "", [*shown, _correlation(row)]))
    columns = [Column("importance"), Column("by chance", "at most, 19 in 20"), Column("rank correlation", "Spearman")]
    name = objective_name(found.objective)
    caption = f"Settings and {name}, over {found.trials} trials, with 95 % intervals."
    return Table(f"settings and {name}", caption, "setting", columns, [Part("", rows)])


def _correlation(row: Influence) -> Cell:
    if row.correlation is None or row.low is None or row.high is None:
        return Cell(DASH, tone="mute")
    text = f"{row.correlation:+z.2f}", f"[{row.low:+z.2f}, {row.high:+z.2f}]"
    return Cell(*(part.replace("-", "−") for part in text))
