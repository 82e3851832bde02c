"""What a finished run or study shows on the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raytrain.report.account import with_benchmark_texts
from raytrain.report.published import published_lines
from raytrain.report.rows import (
    DASH,
    MARKS,
    Over,
    Section,
    compared,
    comparison_of,
    estimate_of,
    language_name,
    questions_of,
    sections,
)
from raytrain.study.results import BenchmarkResult, Comparison, Estimate, Report

WIDTH = 120  # where there is no terminal to ask


@dataclass(frozen=True)
class _Column:
    """A column of the terminal's table; one cell a row, in the order of the sections."""

    title: str
    cells: list[Text]

    @property
    def width(self) -> int:
        """Characters that it takes: titles are broken between words, cells are not."""
        words = [Text(word).cell_len for word in self.title.split()]
        return max([*words, *(cell.cell_len for cell in self.cells)], default=0)


def print_report(report: Report, place: str) -> None:
    """Prints what to bear in mind, how many pairs held benchmark texts, all scores, what they say, and the place."""
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    console.print(Text(report.name, "bold"))
    for caveat in report.caveats:
        console.print(Text(caveat, "yellow"), soft_wrap=True)
    if report.corpus and report.corpus.search:
        removed = with_benchmark_texts(report.corpus)
        console.print(Text(f"{removed:,} pairs that hold benchmark texts were removed (see the report)"))
    console.print()
    for benchmark in report.results.benchmarks:
        print_benchmark(console, benchmark, report.results.primary)
        for note in report.notes.get(benchmark.name, []):
            console.print(Text(note), soft_wrap=True)
        for line in published_lines(benchmark, report.published.get(benchmark.name, [])):
            console.print(Text(line, "dim"), soft_wrap=True)
        console.print()
    # Not through rich, which would break a long path.
    print(f"report: {place}")


def print_benchmark(console: Console, benchmark: BenchmarkResult, metric: str) -> None:
    """Prints the scores of all systems, their differences to the baseline with intervals, and the verdicts."""
    parts = sections(benchmark)
    rows = [(part.over, name) for part in parts for name in part.names]
    titles = [Text(part.title) for part in parts]
    labels = _Column("language", [Text(_label(*row)) for row in rows])
    first = max([labels.width, *(title.cell_len for title in titles)])
    scores = [
        _Column("questions", [_count(questions_of(benchmark, *row)) for row in rows]),
        *(_Column(s.name, [_score(estimate_of(s, *row, metric)) for row in rows]) for s in benchmark.systems),
    ]
    differences = []
    for arm in compared(benchmark):
        cells = [_difference(comparison_of(benchmark, arm, *row)) for row in rows]
        differences.append(_Column(f"{arm} − {benchmark.comparisons[0].baseline}", cells))
    blocks = list(_packed([*scores, *differences], console.width, first))
    if len(blocks) > 1:
        blocks = [*_packed(scores, console.width, first), *_packed(differences, console.width, first)]
    for block in blocks:
        console.print(_table(Text(f"{benchmark.name}: {metric}"), parts, first, [labels, *block]))
    if benchmark.comparisons:
        console.print(
            Text(f"difference [95 % interval], {MARKS['better']} better, {MARKS['worse']} worse, else no verdict")
        )
    for verdict in benchmark.verdicts:
        console.print(Text(verdict, "bold"), soft_wrap=True)


def _packed(columns: Sequence[_Column], width: int, first: int) -> Iterator[list[_Column]]:
    """As many columns a table as fit beside the first, at least one: three characters go to each one's border."""
    chosen: list[_Column] = []
    used = first + 4
    for column in columns:
        if chosen and used + column.width + 3 > width:
            yield chosen
            chosen, used = [], first + 4
        chosen.append(column)
        used += column.width + 3
    if chosen:
        yield chosen


def _table(title: Text, parts: Sequence[Section], first: int, columns: Sequence[_Column]) -> Table:
    table = Table(title=title)
    for index, column in enumerate(columns):
        width = column.width if index else first
        table.add_column(Text(column.title), justify="right" if index else "left", width=width)
    row = 0
    for part in parts:
        table.add_section()
        table.add_row(Text(part.title, "italic"))
        for _ in part.names:
            table.add_row(*(column.cells[row] for column in columns))
            row += 1
    return table


def _label(over: Over, name: str) -> str:
    return f"  {name} {language_name(name)}".rstrip() if over == "language" else f"  {name}"


def _count(number: int) -> Text:
    return Text(f"{number:,}" if number else DASH)


def _score(estimate: Estimate | None) -> Text:
    return Text(f"{estimate.mean:.3f}" if estimate else DASH)


def _difference(comparison: Comparison | None) -> Text:
    if comparison is None:
        return Text(DASH)
    c, colours = comparison, {"better": "green", "worse": "red", "no verdict": ""}
    # The mark has a place of its own, so that the numbers stand under each other.
    return Text(f"{c.difference:+z.3f} [{c.low:+z.3f}, {c.high:+z.3f}] {MARKS[c.finding]:1}", colours[c.finding])
