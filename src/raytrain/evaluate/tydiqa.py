"""TyDi QA: its questions against all passages of their language, or against those of their own article (SelectP).

Formats and the rule of two annotators: github.com/google-research-datasets/tydiqa (README.md, eval_utils.py).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import pyarrow as pa

from raytrain.errors import UserError, one_line
from raytrain.evaluate.json_lines import Row, field_of, id_of, json_rows, json_value, opened, text_of
from raytrain.evaluate.kind import Asked, Kind, identity_of_file
from raytrain.evaluate.retrieval import Retrieval, chosen
from raytrain.evaluate.selection import NAMES
from raytrain.languages import to_iso639_3
from raytrain.parquet import open_parquet
from raytrain.storage import Location

BATCH = 256  # rows of Parquet at once; a row of the primary task holds a whole article


@dataclass
class _Pool:
    """What has been read of one language."""

    queries: dict[str, str] = field(default_factory=dict)
    passages: dict[str, str] = field(default_factory=dict)
    relevant: dict[str, dict[str, int]] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)
    candidates: dict[str, list[str]] = field(default_factory=dict)

    def ask(self, name: str, question: str, relevant: dict[str, int]) -> None:
        """Adds a question."""
        if relevant:
            self.queries[name], self.relevant[name] = question, relevant
        else:
            self.unanswered[name] = question


def load_goldp(asked: Asked) -> Iterator[Retrieval]:
    """GoldP: the official SQuAD 1.1 JSON, or the hub's rows of it; a passage is one distinct context.

    Its id is a hash of the text. A question without an answer is left out, a context without a question unknown.
    Raises UserError that names file and place.
    """
    pools: dict[str, _Pool] = {}
    seen = set[str]()
    for where, row, context in _goldp_rows(asked.place):
        key = id_of(row, "id", where)
        if key in seen:
            raise UserError(f"{where}: id {key} is there twice")
        seen.add(key)
        language = _language(key.split("-")[0], f"{where}: id {key} begins with its language, and")
        pool = pools.setdefault(language, _Pool())
        if asked.languages is not None and language not in asked.languages:
            continue
        passage = hashlib.sha256(context.encode()).hexdigest()[:16]
        pool.passages[passage] = context
        pool.ask(key, text_of(row, "question", where), {passage: 1} if _answered(row, where) else {})
    return _retrievals(asked, pools)


def load_primary(asked: Asked) -> Iterator[Retrieval]:
    """The primary task as open retrieval: the answered questions against all candidates of their language."""
    return _retrievals(asked, _primary(asked))


def load_passages(asked: Asked) -> Iterator[Retrieval]:
    """The primary task as passage selection (SelectP): every question against the candidates of its own article.

    Questions without an answer are asked too: the official scorer counts what is chosen for them as wrong. Raises
    UserError, also for a language that is none of the official ones, which that scorer would pass over.
    """
    pools = _primary(asked)
    unknown = sorted(set(pools) - set(NAMES))
    if unknown:
        raise UserError(f"{asked.place.uri} holds {', '.join(unknown)}, which is no language of TyDi QA")
    for part in _retrievals(asked, pools):
        pool = pools[part.language]
        yield replace(part, candidates=pool.candidates, unanswered=pool.unanswered)


def _primary(asked: Asked) -> dict[str, _Pool]:
    """By language; a passage is a candidate of an article, byte for byte, named EXAMPLE#CANDIDATE.

    Examples of one article (same text, URL and candidates) share its passages, which the first of them names. A
    question is answered if two annotators, or its only one, chose a passage; all that any of them chose are right. The
    hub's rows have no example_id: there a row is named by its number. Raises UserError that names line and example.
    """
    pools: dict[str, _Pool] = {}
    articles: dict[tuple[str, bytes], str] = {}
    seen = set[str]()
    for number, where, row in _rows(asked.place):
        language = _language(text_of(row, "language", where), f"{where}: language")
        pool = pools.setdefault(language, _Pool())
        if asked.languages is not None and language not in asked.languages:
            continue
        unnamed = row.get("example_id") is None and isinstance(row.get("annotations"), dict)
        example = f"row{number}" if unnamed else id_of(row, "example_id", where)
        if example in seen:
            raise UserError(f"{where}: example_id {example} is there twice")
        seen.add(example)
        where = f"{where}: example_id {example}"
        spans = _spans(row, where)
        text = text_of(row, "document_plaintext", where).encode()
        facts = json.dumps([text_of(row, "document_url", where), spans]).encode()
        article = (language, hashlib.sha256(facts + text).digest())
        if article not in articles:
            articles[article] = example
            for number_, span in enumerate(spans):
                pool.passages[f"{example}#{number_}"] = _slice(text, span, f"{where}: candidate {number_}")
        candidates = [f"{articles[article]}#{candidate}" for candidate in range(len(spans))]
        pool.candidates[example] = candidates
        right = _right(row, len(spans), where)
        pool.ask(example, text_of(row, "question_text", where), {candidates[i]: 1 for i in right})
    return pools


def _retrievals(asked: Asked, pools: Mapping[str, _Pool]) -> Iterator[Retrieval]:
    if not pools:
        raise UserError(f"{asked.place.uri} holds no example")
    for language in chosen(asked.name, asked.languages, set(pools)):
        pool = pools[language]
        yield Retrieval(language, pool.queries, pool.passages, pool.relevant, len(pool.unanswered))


def _goldp_rows(place: Location) -> Iterator[tuple[str, Row, str]]:
    """Where a question is, the question, its context."""
    if not place.name.endswith((".json", ".json.gz")):
        for _, where, row in _rows(place, "SQuAD's .json[.gz], "):
            yield where, row, text_of(row, "context", where)
        return
    with opened(place) as file:
        squad = json_value(file.read(), place.uri)
    if not isinstance(squad, dict):
        raise UserError(f"{place.uri} is no JSON object with data, as SQuAD 1.1 has it")
    for article, at in _items(squad, "data", f"{place.uri}:"):
        for paragraph, inside in _items(article, "paragraphs", f"{at}."):
            context = text_of(paragraph, "context", inside)
            for question, where in _items(paragraph, "qas", f"{inside}."):
                yield where, question, context


def _items(row: Row, key: str, where: str) -> Iterator[tuple[Row, str]]:
    """The objects in a list, and where they are."""
    for number, item in enumerate(field_of(row, key, list, where.rstrip(".:"))):
        place = f"{where}{'' if where.endswith('.') else ' '}{key}[{number}]"
        if not isinstance(item, dict):
            raise UserError(f"{place} is no object")
        yield item, place


def _rows(place: Location, also: str = "") -> Iterator[tuple[int, str, Row]]:
    """Number from 1, where it is, and the row, of JSON lines or Parquet. Raises UserError for any other name."""
    if place.name.endswith((".jsonl", ".jsonl.gz")):
        for number, row in json_rows(place):
            yield number, f"{place.uri}: line {number}", row
        return
    if not place.name.endswith(".parquet"):
        raise UserError(f"{place.uri}: the name says the format: {also}.jsonl[.gz] or .parquet")
    file = open_parquet(place)
    number = 0
    try:
        for batch in file.iter_batches(BATCH):
            for row in batch.to_pylist():
                number += 1
                yield number, f"{place.uri}: row {number}", row
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place.uri}: broken Parquet after row {number}: {one_line(error)}") from error


@cache
def _code(name: str) -> str:
    return to_iso639_3(name)


def _language(name: str, where: str) -> str:
    try:
        return _code(name)
    except UserError as error:
        raise UserError(f"{where} {error}") from error


def _answered(row: Row, where: str) -> bool:
    """SQuAD has a list of answers, the hub one object of lists."""
    answers = row.get("answers")
    found = answers.get("text") if isinstance(answers, dict) else answers
    if not isinstance(found, list):
        raise UserError(f"{where} has no answers: a list, or an object with a list text")
    return bool(found)


def _spans(row: Row, where: str) -> list[tuple[int, int]]:
    """First byte and the one after the last of each candidate; the hub has one object of lists."""
    keys = ("plaintext_start_byte", "plaintext_end_byte")
    given = row.get("passage_answer_candidates")
    if isinstance(given, dict):
        starts, ends = (field_of(given, key, list, f"{where}: passage_answer_candidates") for key in keys)
        if len(starts) != len(ends):
            raise UserError(f"{where}: passage_answer_candidates has {len(starts)} starts and {len(ends)} ends")
        given = [dict(zip(keys, pair, strict=True)) for pair in zip(starts, ends, strict=True)]
    if not isinstance(given, list):
        raise UserError(f"{where} has no list passage_answer_candidates")
    spans = []
    for number, item in enumerate(given):
        at = f"{where}: candidate {number}"
        if not isinstance(item, dict):
            raise UserError(f"{at} is no object")
        start, end = (field_of(item, key, int, at) for key in keys)
        spans.append((start, end))
    return spans


def _slice(text: bytes, span: tuple[int, int], where: str) -> str:
    start, end = span
    if not 0 <= start <= end <= len(text):
        raise UserError(f"{where}: bytes {start} to {end} are no part of the {len(text)} of document_plaintext")
    try:
        return text[start:end].decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: bytes {start} to {end} of document_plaintext cut a character") from error


def _right(row: Row, candidates: int, where: str) -> list[int]:
    """Candidates that an annotator chose; none if the question counts as unanswered."""
    annotations = row.get("annotations")
    if isinstance(annotations, dict):
        indices = field_of(annotations, "passage_answer_candidate_index", list, f"{where}: annotations")
        answers = [({"candidate_index": index}, f"{where}: annotation {i}") for i, index in enumerate(indices)]
    else:
        items = _items(row, "annotations", f"{where}:")
        answers = [(field_of(item, "passage_answer", dict, at), at) for item, at in items]
    votes = Counter[int]()
    for answer, at in answers:
        index = field_of(answer, "candidate_index", int, at)
        if not -1 <= index < candidates:
            raise UserError(f"{at}: candidate_index {index} is none of the {candidates} candidates, nor -1")
        votes[index] += 1
    del votes[-1]  # chose none
    return sorted(votes) if votes.total() >= min(2, len(answers)) else []


_SAME_QUESTIONS = {"train": "TyDi QA train", "dev": "TyDi QA dev", "validation": "TyDi QA dev"}
_SOURCE = "github.com/google-research-datasets/tydiqa"

GOLDP = Kind(
    kind="tydiqa-goldp",
    where="FILE",
    task="open retrieval of the gold passage (not TyDiQA-GoldP, which finds the answer in it)",
    metric="none published",
    passages="the distinct gold passages of a language",
    licence="Apache-2.0",
    source=_SOURCE,
    release="v1.1",
    languages=("ara", "ben", "eng", "fin", "ind", "kor", "rus", "swa", "tel"),
    questions=_SAME_QUESTIONS,
    read=load_goldp,
    identity=identity_of_file,
)
PRIMARY = Kind(
    kind="tydiqa-primary",
    where="FILE",
    task="open retrieval over the passages of all articles that are asked about (not TyDiQA-SelectP)",
    metric="none published",
    passages="all passage candidates of a language",
    licence="Apache-2.0",
    label="tydiqa-primary-open",
    source=_SOURCE,
    release="v1.0",
    languages=tuple(NAMES),
    questions=_SAME_QUESTIONS,
    read=load_primary,
    identity=identity_of_file,
)
PASSAGES = Kind(
    kind="tydiqa-passages",
    where="FILE",
    task="TyDiQA-SelectP: the passage of the question's own article, or none",
    metric="F1 of a language, its mean without English",
    passages="the passage candidates of the question's own article",
    licence="Apache-2.0",
    label="tydiqa-selectp",
    source=_SOURCE,
    release="v1.0",
    languages=tuple(NAMES),
    questions=_SAME_QUESTIONS,
    read=load_passages,
    identity=identity_of_file,
)
