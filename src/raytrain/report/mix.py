"""The mix of a plan: on the terminal, and as a plot."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.console import Console
from rich.table import Table
from rich.text import Text

BAR = 24  # characters
_ROW = 18.0  # pixels of a language in the plot
_RC = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "raytrain",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine measures alike
    "font.size": 10,
}


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
    numbers = ("share", "pairs", "passes", "rows", "expected tokens")
    grouped = any(line.group for line in lines)
    table = Table("language", *(["group"] if grouped else []), box=None, pad_edge=False, title=Text(title, "bold"))
    for name in numbers:
        table.add_column(name, justify="right")
    table.add_column("")
    most = max(line.pairs for line in lines)
    for line in sorted(lines, key=lambda line: (-line.pairs, line.language)):
        cells = [line.language, *([line.group or ""] if grouped else []), f"{line.share:.2%}", f"{line.pairs:,}"]
        cells += [f"{line.passes:.2f}", f"{line.rows:,}", f"{line.tokens * line.pairs:,.0f}"]
        table.add_row(*map(Text, cells), Text("█" * round(BAR * line.pairs / (most or 1)), "cyan"))
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
    width, height = 640.0, _ROW * len(ordered) + 40
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        figure = Figure(figsize=(width / 72, height / 72))
        axes = figure.add_axes((80 / width, 36 / height, (width - 190) / width, _ROW * len(ordered) / height))
        axes.barh(range(len(ordered)), pairs, 0.8, color="#0072B2")
        axes.set(yticks=range(len(ordered)), yticklabels=ordered, ylim=(len(ordered) - 0.5, -0.5), xlabel="pairs")
        axes.set_xlim(0, max(pairs) or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0)
        for place, name in enumerate(ordered):
            text = f" {languages[name]['pairs']:,} · {languages[name]['passes']:.2f} passes"
            axes.text(languages[name]["pairs"], place, text, va="center", fontsize=8)
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()
