"""Held-out retrieval sets: questions, passages, and which passage answers which question."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raytrain.errors import UserError
from raytrain.languages import to_iso639_3
from raytrain.storage import Location

OpenLocation = Callable[[str], Location]


@dataclass(frozen=True)
class Retrieval:
    """One language of a benchmark: texts by id, and relevance by question and passage id."""

    language: str
    queries: Mapping[str, str]
    passages: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]
    left_out: int = 0  # questions without a relevant passage, which no score can be given


def identity_of(name: str, open_location: OpenLocation) -> Mapping[str, str]:
    """What tells the content of a benchmark from any other. Raises UserError if there is none."""
    if name == "demo:cldr":
        from raytrain.corpus import cldr

        return {name: cldr.version()}
    folder = _folder(name, open_location)
    return {info.path: f"{info.size}-{info.version}" for info in folder.list()}


def load_benchmark(name: str, languages: list[str] | None, open_location: OpenLocation) -> list[Retrieval]:
    """The languages of a benchmark, in order. Raises UserError for a language it lacks, or a broken file."""
    if name == "demo:cldr":
        from raytrain.corpus import cldr

        wanted = _chosen(name, languages, set(cldr.LANGUAGES))
        held_out = [(language, cldr.held_out(language)) for language in wanted]
        return [Retrieval(lang, h.queries, h.passages, h.relevant) for lang, h in held_out]
    folder = _folder(name, open_location)
    paths = [info.path for info in folder.list()]
    if "corpus.jsonl" in paths:
        if languages is None or len(languages) != 1:
            raise UserError(f"evaluate: {name} is one BEIR folder: name its one language in evaluate.languages")
        return [_read_beir(folder, languages[0])]
    named: dict[str, str] = {}
    for name_ in (p.split("/")[0] for p in paths if p.endswith("/corpus.jsonl")):
        try:
            language = to_iso639_3(name_)
        except UserError as error:
            raise UserError(f"evaluate: {(folder / name_).uri}: the name says the language, and {error}") from error
        if language in named:
            raise UserError(f"evaluate: {folder.uri}: {named[language]}/ and {name_}/ are both {language}")
        named[language] = name_
    return [_read_beir(folder / named[lang], lang) for lang in _chosen(name, languages, set(named))]


def _folder(name: str, open_location: OpenLocation) -> Location:
    folder = open_location(name.removeprefix("beir:"))
    if not any(info.path.rsplit("/", 1)[-1] == "corpus.jsonl" for info in folder.list()):
        raise UserError(f"evaluate: {folder.uri} holds no corpus.jsonl, nor folders {{lang}}/corpus.jsonl")
    return folder


def _chosen(name: str, languages: list[str] | None, found: set[str]) -> list[str]:
    missing = sorted(set(languages or ()) - found)
    if missing:
        raise UserError(f"evaluate.languages: {name} has no {', '.join(missing)}; it has {', '.join(sorted(found))}")
    return sorted(found if languages is None else set(languages))


def _read_beir(folder: Location, language: str) -> Retrieval:
    passages = {
        key: f"{row['title']} {row['text']}".strip() if row.get("title") else row["text"]
        for key, row in _jsonl(folder / "corpus.jsonl").items()
    }
    queries = {key: row["text"] for key, row in _jsonl(folder / "queries.jsonl").items()}
    relevant: dict[str, dict[str, int]] = {}
    place = folder / "qrels/test.tsv"
    for number, row in enumerate(csv.reader(io.StringIO(place.read_text()), delimiter="\t", quoting=csv.QUOTE_NONE), 1):
        if not row or (number == 1 and row[0] == "query-id"):
            continue
        try:
            query, passage, score = row[0], row[1], _whole(row[2])
        except (IndexError, ValueError) as error:
            raise UserError(f"{place.uri}: line {number} is no query-id, corpus-id, score") from error
        if query not in queries or passage not in passages:
            unknown = f"question {query}" if query not in queries else f"passage {passage}"
            raise UserError(f"{place.uri}: line {number} names {unknown}, which is not there")
        relevant.setdefault(query, {})[passage] = score
    asked = {key: text for key, text in queries.items() if any(s > 0 for s in relevant.get(key, {}).values())}
    if not asked:
        raise UserError(f"{place.uri}: no question has a relevant passage")
    judged = {key: relevant[key] for key in asked}
    return Retrieval(language, asked, passages, judged, len(queries) - len(asked))


def _whole(text: str) -> int:
    """A grade; WebFAQ writes 1.0. Raises ValueError for one that is no whole number."""
    grade = float(text)
    if not grade.is_integer():
        raise ValueError(f"{text} is no whole number")
    return int(grade)


def _jsonl(place: Location) -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    for number, line in enumerate(place.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        where = f"{place.uri}: line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where} is no object with _id and text: {error}") from error
        if not isinstance(row, dict) or row.get("_id") is None or not isinstance(row.get("text"), str):
            raise UserError(f"{where} is no object with _id and text")
        key = str(row["_id"])
        if key in rows:
            raise UserError(f"{where}: _id {key} is there twice")
        rows[key] = {"title": row.get("title") or "", "text": row["text"]}
    return rows
