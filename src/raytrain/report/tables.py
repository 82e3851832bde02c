"""The tables of the page, as data: what is in a cell, and how a column is set."""

from dataclasses import dataclass
from typing import Literal

from raytrain.report.rows import DASH


@dataclass(frozen=True)
class Cell:
    """A cell: ``under`` is its small second line, ``tone`` a class of the style sheet."""

    text: str
    under: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """A column's title, and how its cells are set: ``long`` is code that may be broken, ``words`` text that may."""

    text: str
    under: str = ""
    kind: Literal["number", "text", "words", "code", "long"] = "number"


@dataclass(frozen=True)
class Row:
    """A row: its name, a code beside the name, and its cells."""

    text: str
    code: str
    cells: list[Cell]


@dataclass(frozen=True)
class Part:
    """Rows under a heading; no heading if ``title`` is empty."""

    title: str
    rows: list[Row]


@dataclass(frozen=True)
class Table:
    """A table; ``title`` is short, for where it is folded away; ``head`` is over the names of the rows."""

    title: str
    caption: str
    head: str
    columns: list[Column]
    parts: list[Part]


def count_cell(number: int) -> Cell:
    """A count, or a dash for none."""
    return Cell(f"{number:,}") if number else Cell(DASH, tone="mute")
