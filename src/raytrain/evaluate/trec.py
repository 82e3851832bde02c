"""Rankings and judgements as the text files that trec_eval and its kin read.

A run has lines ``question Q0 passage rank score tag``, a qrels file ``question 0 passage grade``, a topics file
``question<TAB>text``. Columns are parted by whitespace, so that within an id whitespace, control characters and ``%``
are percent-encoded (UTF-8), and decoded when read.
"""

import math
import re
from collections.abc import Iterator, Mapping
from struct import Struct
from urllib.parse import quote, unquote

from raytrain.errors import UserError
from raytrain.evaluate.metrics import DEPTH, Hits

# \s lacks nothing that str.split parts at; of the other control characters C tools stop at NUL.
UNSAFE = re.compile(r"[\s%\x00-\x1f\x7f-\x9f\ud800-\udfff]")

SINGLE = Struct("<f")


def run_text(ranked: Mapping[str, Hits], tag: str) -> str:
    """A run, ranks from 1, with DEPTH - rank as score: distinct in any tool's precision. A question without hits has
    no line.

    Raises UserError for an empty id or tag.
    """
    name = _encoded(tag, "tag")
    lines = []
    for query, hits in ranked.items():
        asked = _encoded(query, "question id")
        for place, (passage, _) in enumerate(hits, 1):
            lines.append(f"{asked} Q0 {_encoded(passage, 'passage id')} {place} {DEPTH - place} {name}\n")
    return "".join(lines)


def qrels_text(relevant: Mapping[str, Mapping[str, int]]) -> str:
    """Judgements. A question without any has no line. Raises UserError for an empty id."""
    return "".join(
        f"{_encoded(query, 'question id')} 0 {_encoded(passage, 'passage id')} {grade}\n"
        for query, grades in relevant.items()
        for passage, grade in grades.items()
    )


def topics_text(queries: Mapping[str, str]) -> str:
    """Questions, a line each: id, tab, text on one line. Raises UserError for an empty id.

    Stretches of whitespace are one space here, for a tab or a line break would end the text.
    """
    return "".join(f"{_encoded(query, 'question id')}\t{' '.join(text.split())}\n" for query, text in queries.items())


def read_run(text: str, name: str) -> dict[str, Hits]:
    """The rankings of a run file, questions as they first come; ``name`` is what errors call the file.

    As in trec_eval the score alone orders, in single precision, and the rank column says nothing; equal scores go
    by id descending. Raises UserError for a line that is none of a run, or a passage given twice for a question.
    """
    found: dict[str, dict[str, float]] = {}
    for where, (query, _, passage, _, value, _) in _rows(text, name, "question Q0 passage rank score tag"):
        hits = found.setdefault(_decoded(query, where), {})
        passage = _decoded(passage, where)
        if passage in hits:
            raise UserError(f"{where} ranks passage {passage} a second time for its question: keep one of the lines")
        hits[passage] = _single(value, where)
    return {q: sorted(hits.items(), key=lambda hit: (hit[1], hit[0]), reverse=True) for q, hits in found.items()}


def read_qrels(text: str, name: str) -> dict[str, dict[str, int]]:
    """Question → passage → grade of a qrels file; ``name`` is what errors call the file.

    Raises UserError for a line that is none of a qrels file, or a passage judged twice for a question.
    """
    found: dict[str, dict[str, int]] = {}
    for where, (query, _, passage, grade) in _rows(text, name, "question 0 passage grade"):
        grades = found.setdefault(_decoded(query, where), {})
        passage = _decoded(passage, where)
        if passage in grades:
            raise UserError(f"{where} judges passage {passage} a second time for its question: keep one of the lines")
        try:
            grades[passage] = int(grade)
        except ValueError as error:
            raise UserError(f"{where}: grade {grade} is no whole number") from error
    return found


def _rows(text: str, name: str, columns: str) -> Iterator[tuple[str, list[str]]]:
    """Where a line stands and its columns, as many as ``columns`` names; empty lines are passed over."""
    for number, line in enumerate(text.split("\n"), 1):
        row = line.split()
        if row and len(row) != len(columns.split()):
            raise UserError(f"{name}: line {number} has {len(row)} columns; wanted: {columns}")
        if row:
            yield f"{name}: line {number}", row


def _single(value: str, where: str) -> float:
    try:
        number: float = SINGLE.unpack(SINGLE.pack(float(value)))[0]
    except ValueError as error:
        raise UserError(f"{where}: score {value} is no number") from error
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UserError(f"{where}: score {value} is no finite number in single precision")
    return number


def _encoded(text: str, what: str) -> str:
    if not text:
        raise UserError(f"a TREC file cannot hold an empty {what}: give it one")
    return UNSAFE.sub(lambda found: quote(found[0], safe="", errors="surrogatepass"), text)


def _decoded(text: str, where: str) -> str:
    try:
        return unquote(text, errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: id {text} is not percent-encoded UTF-8: write its % as %25") from error
