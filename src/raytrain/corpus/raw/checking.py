"""The check that every raw row passes, one at a time: to good pairs, or to the quarantine with a reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from raytrain.corpus.pairs import (
    LABELLED_PAIRS,
    LABELLED_QUARANTINE,
    UNDETERMINED,
    Checked,
    extra_of,
    given_id,
    pair_id,
    text_of,
)
from raytrain.corpus.raw.shapes import (
    BITEXT,
    BITEXT_LANGUAGES,
    NEGATIVE_SCORES,
    NEGATIVES,
    POSITIVE_SCORES,
    POSITIVES,
    QUERY,
    Shape,
)
from raytrain.errors import UserError
from raytrain.languages import to_label

GREATEST_SCORE = 3.4028235e38  # that a float32 can hold

_PASSAGE = ("text", "passage", "answer")  # of a passage that is a struct, with its `score`


@dataclass(frozen=True)
class BadLine:
    """A line of a file that is no row at all."""

    reason: str
    text: bytes


@dataclass(frozen=True)
class _Bad:
    reason: str
    language: str


class _Unusable(Exception):
    """A row is bad for the reason given; caught by who reads the row."""


Row = Mapping[str, Any] | BadLine
_Pair = dict[str, Any]


def check_rows(
    rows: Sequence[Row], numbers: Sequence[int], *, file: str, shape: Shape, labels: Sequence[str]
) -> Checked:
    """Sorts rows of a file into good and bad pairs. ``numbers`` are those of the rows in ``file``, from 0.

    ``labels`` are those of the file's unit. A row is one pair, but one of a bitext is two, each good or bad by
    itself; a line that is no row is a bad pair. A pair is bad if a text is missing, not text, not UTF-8 or empty,
    or a score is no finite number or has no passage.
    """
    good: list[_Pair] = []
    bad: list[dict[str, Any]] = []
    for number, row in zip(numbers, rows, strict=True):
        for pair in _pairs_of(row, shape, labels):
            if isinstance(pair, _Bad):
                text = repr(row.text if isinstance(row, BadLine) else dict(row))[:500]
                found = {"file": file, "row": number, "reason": pair.reason, "text": text, "language": pair.language}
                bad.append(found)
            else:
                good.append(pair)
    return Checked(pa.Table.from_pylist(good, LABELLED_PAIRS), pa.Table.from_pylist(bad, LABELLED_QUARANTINE))


def _pairs_of(row: Row, shape: Shape, labels: Sequence[str]) -> Iterator[_Pair | _Bad]:
    if isinstance(row, BadLine):
        yield _Bad(row.reason, labels[0] if len(labels) == 1 else UNDETERMINED)
    elif shape == "bitext":
        yield from _bitext(row, labels)
    else:
        try:
            yield {**(_pair(row) if shape == "pairs" else _training(row)), "language": labels[0]}
        except _Unusable as error:
            yield _Bad(str(error), labels[0])


# Pairs.

PAIR_COLUMNS = frozenset({"id", "origin", "url", "question", "answer"})


def _pair(row: Mapping[str, Any]) -> _Pair:
    question, answer = _required(row, "question"), _required(row, "answer")
    return _common(row, question, answer) | {"extra": extra_of(row, PAIR_COLUMNS)}


def _common(row: Mapping[str, Any], question: str, answer: str) -> _Pair:
    return {
        "id": given_id(row.get("id")) or pair_id(question, answer),
        "origin": text_of(row.get("origin")).value,
        "url": text_of(row.get("url")).value,
        "question": question,
        "answer": answer,
    }


def _required(row: Mapping[str, Any], column: str) -> str:
    text = text_of(row.get(column))
    if text.reason:
        raise _Unusable(f"{text.reason}_{column}")
    return text.value


# Training rows and mined negatives.


def _training(row: Mapping[str, Any]) -> _Pair:
    columns = [_first(row, names) for names in (POSITIVES, NEGATIVES, POSITIVE_SCORES, NEGATIVE_SCORES)]
    pos, neg, pos_scores, neg_scores = columns
    query = _required(row, QUERY)
    positives, scored_positives = _passages(row.get(pos), pos)
    if not positives:
        raise _Unusable(f"missing_{pos}")
    negatives, scored_negatives = _passages(row.get(neg), neg)
    known = frozenset({"id", "origin", "url", QUERY, *columns})
    return _common(row, query, positives[0]) | {
        "positives": positives[1:] or None,
        "negatives": negatives or None,
        "positive_scores": _scores(row.get(pos_scores), len(positives), pos_scores) or scored_positives,
        "negative_scores": _scores(row.get(neg_scores), len(negatives), neg_scores) or scored_negatives,
        "extra": extra_of(row, known),
    }


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((name for name in names if name in row), names[0])


def _passages(value: Any, column: str) -> tuple[list[str], list[float | None] | None]:
    """The texts of a field that holds one passage or a list of them, and the scores if they come with them."""
    if value is None:
        return [], None
    listed = value if isinstance(value, list) else [value]
    texts, scores = list[str](), list[Any]()
    for passage in listed:
        is_struct = isinstance(passage, Mapping)
        text = text_of(passage.get(_first(passage, _PASSAGE)) if is_struct else passage)
        if text.reason:
            raise _Unusable(f"{text.reason}_{column}")
        texts.append(text.value)
        scores.append(passage.get("score") if is_struct else None)
    return texts, _scores(scores, len(texts), column)


def _scores(value: Any, passages: int, column: str) -> list[float | None] | None:
    """A list of scores as long as its passages are many, null where one is unknown; None if all are."""
    if value is None or value == []:
        return None
    scores = value if isinstance(value, list) else [value]
    for score in scores:
        if score is None:
            continue
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise _Unusable(f"mistyped_{column}")
        if not abs(score) <= GREATEST_SCORE:  # so written, NaN is caught too
            raise _Unusable(f"nonfinite_{column}")
    if len(scores) != passages:
        raise _Unusable(f"mismatched_{column}")
    return None if all(score is None for score in scores) else scores


# Bitexts.


def _bitext(row: Mapping[str, Any], labels: Sequence[str]) -> Iterator[_Pair | _Bad]:
    """question1 with answer2, and question2 with answer1."""
    try:
        there, back = labels if labels else _both_ways(row)
    except _Unusable as error:
        yield from [_Bad(str(error), UNDETERMINED)] * 2
        return
    known = frozenset({"id", "pair_id", "origin", "url", *BITEXT, *BITEXT_LANGUAGES})
    given = given_id(row.get("id")) or given_id(row.get("pair_id"))
    for label, question, answer in ((there, "question1", "answer2"), (back, "question2", "answer1")):
        try:
            pair = _common(row, _required(row, question), _required(row, answer))
        except _Unusable as error:
            yield _Bad(str(error), label)
            continue
        identity = given or pair_id(pair["question"], pair["answer"])
        yield pair | {"id": f"{identity}-{label}", "extra": extra_of(row, known), "language": label}


def _both_ways(row: Mapping[str, Any]) -> tuple[str, str]:
    first, second = (_required(row, column) for column in BITEXT_LANGUAGES)
    there, back = _label(first, second), _label(second, first)
    if there is None or back is None:
        raise _Unusable("unknown_languages")
    return there, back


@lru_cache(maxsize=16_384)
def _label(question: str, answer: str) -> str | None:
    try:
        return to_label(f"{question}-{answer}")
    except UserError:
        return None
