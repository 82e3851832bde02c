"""BEIR folders: corpus.jsonl[.gz], queries.jsonl[.gz] and qrels/test.tsv."""

import io
import re
from collections.abc import Mapping

from raytrain.errors import UserError
from raytrain.evaluate.json_lines import id_of, json_rows, text_of
from raytrain.evaluate.retrieval import Retrieval, chosen
from raytrain.languages import to_iso639_3
from raytrain.storage import Location

LARGEST_GRADE = 1_000  # trec_eval counts grades in an array, and large ones overflow it


def identity(folder: Location) -> Mapping[str, str]:
    """The version of every file of a BEIR folder. Raises UserError if it holds no corpus."""
    found = {info.path: f"{info.size}-{info.version}" for info in folder.list()}
    _folders(folder, list(found))
    return found


def load(name: str, languages: list[str] | None, folder: Location) -> list[Retrieval]:
    """The languages of a BEIR folder: it is one, which ``languages`` must name, or has a folder for each.

    Raises UserError for a broken file, a language that is not there, or one in which no question has an answer.
    """
    paths = [info.path for info in folder.list()]
    folders = _folders(folder, paths)
    if "" in folders:
        if languages is None or len(languages) != 1:
            raise UserError(f"evaluate: {name} is one BEIR folder: name its one language in evaluate.languages")
        return [_read(folder, paths, languages[0])]
    named: dict[str, str] = {}
    for part in folders:
        try:
            language = to_iso639_3(part)
        except UserError as error:
            raise UserError(f"evaluate: {(folder / part).uri}: the name says the language, and {error}") from error
        if language in named:
            raise UserError(f"evaluate: {folder.uri}: {named[language]}/ and {part}/ are both {language}")
        named[language] = part
    found = []
    for language in chosen(name, languages, set(named)):
        inside = f"{named[language]}/"
        below = [path.removeprefix(inside) for path in paths if path.startswith(inside)]
        found.append(_read(folder / named[language], below, language))
    return found


def _folders(folder: Location, paths: list[str]) -> list[str]:
    """The names of the folders with a corpus; "" is the folder itself."""
    matches = [re.fullmatch(r"(?:([^/]+)/)?corpus\.jsonl(?:\.gz)?", path) for path in paths]
    names = dict.fromkeys(match[1] or "" for match in matches if match)
    if "" in names and len(names) > 1:
        raise UserError(f"evaluate: {folder.uri} holds a corpus.jsonl and folders with one: keep the one or the other")
    if not names:
        raise UserError(f"evaluate: {folder.uri} holds no corpus.jsonl[.gz], nor folders {{lang}}/corpus.jsonl[.gz]")
    return list(names)


def _read(folder: Location, paths: list[str], language: str) -> Retrieval:
    passages, untitled = _texts(_packed_or_not(folder, paths, "corpus.jsonl"))
    queries, _ = _texts(_packed_or_not(folder, paths, "queries.jsonl"))
    place = folder / "qrels/test.tsv"
    relevant = _judgements(place, queries, passages)
    asked = {key: text for key, text in queries.items() if any(s > 0 for s in relevant.get(key, {}).values())}
    if not asked:
        raise UserError(f"{place.uri}: no question has a relevant passage")
    judged = {key: relevant[key] for key in asked}
    return Retrieval(language, asked, passages, judged, len(queries) - len(asked), untitled)


def _packed_or_not(folder: Location, paths: list[str], name: str) -> Location:
    there = [found for found in (name, f"{name}.gz") if found in paths]
    if len(there) > 1:
        raise UserError(f"evaluate: {folder.uri} holds {name} and {name}.gz: leave one out")
    return folder / (there[0] if there else name)


def _texts(place: Location) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by id, a title before its text; and the texts alone of those that have a title."""
    texts: dict[str, str] = {}
    untitled: dict[str, str] = {}
    for number, row in json_rows(place):
        where = f"{place.uri}: line {number}"
        key, text = id_of(row, "_id", where), text_of(row, "text", where)
        if key in texts:
            raise UserError(f"{where}: _id {key} is there twice")
        title = text_of(row, "title", where) if row.get("title") else ""
        texts[key] = f"{title} {text}".strip() if title else text
        if title and text:
            untitled[key] = text
    return texts, untitled


def _judgements(place: Location, queries: Mapping[str, str], passages: Mapping[str, str]) -> dict[str, dict[str, int]]:
    relevant: dict[str, dict[str, int]] = {}
    for number, line in enumerate(io.StringIO(place.read_text()), 1):
        row = line.rstrip("\r\n").split("\t")
        if row == [""] or (number == 1 and row[0] == "query-id"):
            continue
        try:
            query, passage, score = row[0], row[1], _whole(row[2])
        except (IndexError, ValueError) as error:
            raise UserError(f"{place.uri}: line {number} is no query-id, corpus-id, score") from error
        if query not in queries or passage not in passages:
            unknown = f"question {query}" if query not in queries else f"passage {passage}"
            raise UserError(f"{place.uri}: line {number} names {unknown}, which is not there")
        if passage in relevant.setdefault(query, {}):
            raise UserError(f"{place.uri}: line {number} judges passage {passage} for {query} a second time")
        relevant[query][passage] = score
    return relevant


def _whole(text: str) -> int:
    """A grade; WebFAQ writes 1.0. Raises ValueError for one that is no small whole number."""
    grade = float(text)
    if not grade.is_integer() or abs(grade) > LARGEST_GRADE:
        raise ValueError(f"{text} is no whole number of at most {LARGEST_GRADE}")
    return int(grade)
