"""The tables of the page on the raw pairs: where they went, and what was found in them of the benchmarks."""

from collections.abc import Callable, Sequence

from raytrain.artifact import RowAccount
from raytrain.report.account import (
    KINDS,
    STEPS,
    by_step,
    kinds_found,
    most_read_first,
    reasons_in_order,
    total_of,
)
from raytrain.report.rows import DASH, language_name
from raytrain.report.tables import Cell, Column, Part, Row, Table, count_cell
from raytrain.study.results import CorpusAccount


def steps_table(account: CorpusAccount) -> Table:
    """Rows read, kept, and dropped by each step."""
    steps = [step for step in STEPS if step in by_step(total_of(account.languages.values()))]
    columns = [Column("kept", "%"), *(Column(step, "dropped") for step in steps)]

    def cells(rows: RowAccount) -> list[Cell]:
        dropped = by_step(rows)
        share = Cell(f"{100 * rows.kept / rows.taken:.1f}" if rows.taken else DASH)
        return [share, *(count_cell(dropped.get(step, 0)) for step in steps)]

    return _table(account, "steps", "Rows of each language that were read, and what became of them.", columns, cells)


def reasons_table(account: CorpusAccount) -> Table | None:
    """Rows dropped for every single reason; None where none were."""
    reasons = reasons_in_order(total_of(account.languages.values()).dropped)
    if not reasons:
        return None
    columns = [Column(reason.replace("_", " ")) for reason in reasons]

    def cells(rows: RowAccount) -> list[Cell]:
        return [count_cell(rows.dropped.get(reason, 0)) for reason in reasons]

    return _table(account, "Every reason", "Rows dropped, by the first reason that a row met.", columns, cells)


def _table(
    account: CorpusAccount,
    title: str,
    caption: str,
    columns: Sequence[Column],
    cells: Callable[[RowAccount], list[Cell]],
) -> Table:
    """A row a label, most rows first, below their sum."""

    def row(text: str, code: str, rows: RowAccount) -> Row:
        return Row(text, code, [count_cell(rows.taken), count_cell(rows.kept), *cells(rows)])

    labels = most_read_first(account)
    total = row("all", "", total_of(account.languages.values()))
    rows = [row(language_name(label) or label, label, account.languages[label]) for label in labels]
    return Table(title, caption, "language", [Column("read"), Column("kept"), *columns], [Part("", [total, *rows])])


def matches_table(account: CorpusAccount) -> Table | None:
    """Pairs that hold texts of a benchmark, by benchmark, label and kind; None where none do."""
    if not account.matches:
        return None
    parts = []
    for benchmark, labels in account.matches.items():
        named = [("all", "", list(labels)), *((language_name(label) or label, label, [label]) for label in labels)]
        rows = [
            Row(text, code, [count_cell(n) for n in kinds_found(account, benchmark, of)]) for text, code, of in named
        ]
        parts.append(Part(benchmark, rows))
    columns = [Column(what, how) for what, how in KINDS.values()]
    caption = "Training pairs that held a question or a relevant passage of a benchmark, all removed."
    return Table("matches", caption, "language", columns, parts)
