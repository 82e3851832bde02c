"""The mix of a plan: on the terminal, and as a plot."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from raytrain.report.drawing import FOOT, axes_of, drawing, figure_of

BAR = 24  # characters at most
_ROW = 18.0  # pixels of a language in the plot


@dataclass(frozen=True)
class MixLine:
    """What a plan takes of a language. ``tokens``: of the mean pair, question and answer, as training cuts them."""

    language: str
    group: str | None
    share: float
    pairs: int
    passes: float
    rows: int
    tokens: float


@dataclass(frozen=True)
class PlannedRow:
    """A row of a step."""

    step: int
    lane: int
    language: str
    row: int
    id: str
    question: str


def print_mix(console: Console, title: str, lines: Sequence[MixLine]) -> None:
    """A line a language, most pairs first, and their sum."""
    grouped = any(line.group for line in lines)
    table = Table(box=None, pad_edge=False, title=Text(title, "bold"))
    for name in ("language", "group") if grouped else ("language",):
        table.add_column(name, no_wrap=True)
    for name in ("share", "pairs", "passes", "rows", "expected tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", max_width=BAR)  # alone may shrink, to the width that is left
    most = max(line.pairs for line in lines)
    for line in sorted(lines, key=lambda line: (-line.pairs, line.language)):
        cells = [line.language, *([line.group or ""] if grouped else []), f"{line.share:.2%}", f"{line.pairs:,}"]
        cells += [f"{line.passes:.2f}", f"{line.rows:,}", f"{line.tokens * line.pairs:,.0f}"]
        table.add_row(*map(Text, cells), Bar(most or 1, 0, line.pairs, color="cyan"))
    pairs, tokens = sum(line.pairs for line in lines), sum(line.tokens * line.pairs for line in lines)
    cells = ["all", *([""] if grouped else []), f"{sum(line.share for line in lines):.2%}", f"{pairs:,}", ""]
    table.add_section()
    table.add_row(*(Text(c, "bold") for c in (*cells, f"{sum(line.rows for line in lines):,}", f"{tokens:,.0f}")))
    console.print(table)


def print_row(console: Console, row: PlannedRow) -> None:
    """One line: step, lane, language, row, id and question, cut to the terminal."""
    question = " ".join(row.question.split())
    line = f"{row.step:>8} {row.lane:>4} {row.language:<7} {row.row:>10}  {row.id:<32}  {question}"
    console.print(Text(line), no_wrap=True, overflow="ellipsis")


def mix_svg(languages: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Pairs of each language as bars, most first; the same bytes for the same numbers.

    ``languages``: language → its ``pairs`` and ``passes``, as the plan's manifest has them.
    """
    ordered = sorted(languages, key=lambda name: (-languages[name]["pairs"], name))
    pairs = [languages[name]["pairs"] for name in ordered]
    width, height = 640.0, 4 + _ROW * len(ordered) + FOOT
    with drawing():
        figure = figure_of(width, height)
        figure.patch.set(alpha=1, facecolor="white")  # a file by itself: no page lends it a ground
        axes = axes_of(figure, 80, 4, width - 190, _ROW * len(ordered))
        axes.barh(range(len(ordered)), pairs, 0.8, color="#0072B2")
        axes.set(yticks=range(len(ordered)), yticklabels=ordered, ylim=(len(ordered) - 0.5, -0.5), xlabel="pairs")
        axes.set_xlim(0, max(pairs) or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        for place, name in enumerate(ordered):
            text = f" {languages[name]['pairs']:,} · {languages[name]['passes']:.2f} passes"
            axes.text(languages[name]["pairs"], place, text, va="center", fontsize=8)
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()
