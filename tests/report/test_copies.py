"""Tables as text: what is copied has the same rows and numbers, in any format."""

import csv
import io
import re

from hypothesis import given
from hypothesis import strategies as st

from raytrain.report.copies import comma_separated, copies_of, latex, markdown
from raytrain.report.tables import Cell, Column, Part, Row, Table

TABLE = Table(
    "scores",
    "Scores of all.",
    "language",
    [Column("questions"), Column("a_b & c"), Column("finding", kind="text")],
    [
        Part("never | trained", [Row("Finnish", "fin", [Cell("1,254"), Cell("0.512", "[0.400, 0.600]"), Cell("–")])]),
        Part("trained", [Row("Thai", "tha", [Cell("119"), Cell("−0.020 ▼", "[−0.030, −0.010]"), Cell("▼ worse")])]),
    ],
)


def test_csv_has_numbers_that_programs_read() -> None:
    rows = list(csv.reader(io.StringIO(comma_separated(TABLE))))
    assert rows == [
        ["part", "language", "code", "questions", "a_b & c", "a_b & c: interval", "finding"],
        ["never | trained", "Finnish", "fin", "1254", "0.512", "[0.400, 0.600]", ""],
        ["trained", "Thai", "tha", "119", "-0.020", "[-0.030, -0.010]", "▼ worse"],
    ]


def test_markdown_is_a_pipe_table() -> None:
    lines = markdown(TABLE).splitlines()
    assert lines[:3] == [
        "| language | questions | a_b & c | finding |",
        "| --- | ---: | ---: | --- |",
        r"| **never \| trained** |  |  |  |",
    ]
    assert lines[3] == "| Finnish | 1,254 | 0.512 [0.400, 0.600] | – |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {5}


def test_latex_escapes_what_it_would_read_as_commands() -> None:
    text = latex(TABLE)
    assert r"\begin{tabular}{lrrl}" in text
    assert r"language & questions & a\_b \& c & finding \\" in text
    assert r"Thai & 119 & $-$0.020 $\blacktriangledown$ {\footnotesize [$-$0.030, $-$0.010]} &" in text
    assert r"\multicolumn{4}{l}{\textit{never | trained}} \\" in text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12), st.integers(1, 4))
def test_any_text_leaves_the_shape_of_a_table(text: str, columns: int) -> None:
    row = Row(text, "", [Cell(text, text)] * columns)
    table = Table(text, text, text, [Column(text)] * columns, [Part(text, [row, row])])
    copies = copies_of(table)
    rows = list(csv.reader(io.StringIO(copies["CSV"])))
    assert [row[1] for row in rows] == [text] * 3
    assert len({len(row) for row in rows}) == 1
    ends = [line for line in copies["LaTeX"].splitlines() if line.endswith(r" \\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in ends} == {columns}
