"""Tables as text to be copied: Markdown, CSV and LaTeX."""

import csv
import io
import re
from collections.abc import Iterator

from raytrain.report.tables import Cell, Table

# What LaTeX takes for a command, and signs that its fonts lack outside of mathematics.
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
    "→": r"$\rightarrow$",
    "▲": r"$\blacktriangle$",
    "▼": r"$\blacktriangledown$",
    "▶": r"$\blacktriangleright$",
    "◀": r"$\blacktriangleleft$",
}
_SPECIAL = re.compile("|".join(map(re.escape, _LATEX)))


def copies_of(table: Table) -> dict[str, str]:
    """The table by the name of each format. CSV has numbers as programs read them, and intervals apart."""
    return {"Markdown": markdown(table), "CSV": comma_separated(table), "LaTeX": latex(table)}


def markdown(table: Table) -> str:
    """A pipe table; headings of parts are rows in bold."""
    head = [table.head, *(_joined(column.text, column.under) for column in table.columns)]
    lines = [head, ["---", *("---" if column.kind != "number" else "---:" for column in table.columns)]]
    for title, rows in _parts(table):
        if title:
            lines.append([f"**{title}**", *([""] * len(table.columns))])
        lines += [[name, *(_joined(cell.text, cell.under) for cell in cells)] for name, _, cells in rows]
    return "".join(f"| {' | '.join(_piped(cell) for cell in line)} |\n" for line in lines)


def comma_separated(table: Table) -> str:
    """Comma-separated values (RFC 4180) with a header; the first columns are part, name and code of a row."""
    wide = [any(cells[i].under for _, rows in _parts(table) for _, _, cells in rows) for i in range(len(table.columns))]
    head = ["part", table.head, "code"]
    for column, two in zip(table.columns, wide, strict=True):
        name = _joined(column.text, column.under)
        head += [name, f"{name}: interval"] if two else [name]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(head)
    for title, rows in _parts(table):
        for name, code, cells in rows:
            line = [title, name, code]
            for cell, two in zip(cells, wide, strict=True):
                line += [_plain(cell.text), _plain(cell.under)] if two else [_plain(cell.text)]
            writer.writerow(line)
    return written.getvalue()


def latex(table: Table) -> str:
    """A ``tabular`` for booktabs and amssymb; intervals stand small beside their numbers."""
    columns = "l" + "".join("r" if column.kind == "number" else "l" for column in table.columns)
    lines = [f"\\begin{{tabular}}{{{columns}}}", r"\toprule"]
    head = [table.head, *(_joined(column.text, column.under) for column in table.columns)]
    lines += [" & ".join(map(_escaped, head)) + r" \\", r"\midrule"]
    for number, (title, rows) in enumerate(_parts(table)):
        if number:
            lines.append(r"\addlinespace")
        if title:
            lines.append(f"\\multicolumn{{{len(table.columns) + 1}}}{{l}}{{\\textit{{{_escaped(title)}}}}} \\\\")
        lines += [" & ".join([_escaped(name), *map(_latex_cell, cells)]) + r" \\" for name, _, cells in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _parts(table: Table) -> Iterator[tuple[str, list[tuple[str, str, list[Cell]]]]]:
    for part in table.parts:
        yield part.title, [(row.text, row.code, row.cells) for row in part.rows]


def _joined(text: str, under: str) -> str:
    return f"{text} {under}" if under else text


def _piped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _plain(text: str) -> str:
    """Numbers with a sign and without marks or separators that programs do not read."""
    bare = text.replace("−", "-")
    number = re.fullmatch(r"([+-]?[\d,]*\.?\d+)(?: [▲▼])?", bare)
    return number[1].replace(",", "") if number else "" if bare == "–" else bare


def _latex_cell(cell: Cell) -> str:
    return _escaped(cell.text) + (rf" {{\footnotesize {_escaped(cell.under)}}}" if cell.under else "")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _LATEX[found[0]], text)
