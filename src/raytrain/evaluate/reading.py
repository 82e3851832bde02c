"""What the formats of benchmarks have in common: collections, topics, judgements, a folder a language."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from raytrain.errors import UserError
from raytrain.evaluate.json_lines import id_of, json_rows, text_lines, text_of
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location

LARGEST_GRADE = 1_000  # trec_eval counts grades in an array, and large ones overflow it

Judgement = tuple[str, str, str, str]  # where it stands, question, passage, grade


def titled(rows: Iterable[tuple[str, str, str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by id, a title before its text, out of (where, id, title, text); and the texts alone of those with a title.

    Raises UserError for an id that is there twice.
    """
    texts: dict[str, str] = {}
    untitled: dict[str, str] = {}
    for where, key, title, text in rows:
        if key in texts:
            raise UserError(f"{where}: id {key} is there twice")
        texts[key] = f"{title} {text}".strip() if title else text
        if title and text:
            untitled[key] = text
    return texts, untitled


def titled_rows(place: Location, key: str) -> Iterator[tuple[str, str, str, str]]:
    """Where, id, title and text of JSON lines whose id is in ``key``; a title may be missing. Raises UserError."""
    for number, row in json_rows(place):
        where = f"{place.uri}: line {number}"
        title = text_of(row, "title", where) if row.get("title") else ""
        yield where, id_of(row, key, where), title, text_of(row, "text", where)


def read_topics(place: Location) -> dict[str, str]:
    """Questions by id, of lines ``id TAB question``, as Mr. TyDi and MIRACL have them. Raises UserError."""
    topics: dict[str, str] = {}
    for number, line in text_lines(place):
        key, tab, text = line.partition("\t")
        if not tab or not key.strip() or not text.strip():
            raise UserError(f"{place.uri}: line {number} is no id, tab and question")
        if key in topics:
            raise UserError(f"{place.uri}: line {number}: id {key} is there twice")
        topics[key] = text.strip()
    return topics


def trec_judgements(place: Location) -> Iterator[Judgement]:
    """The lines ``question Q0 passage grade`` of a file. Raises UserError for one of other columns."""
    for number, line in text_lines(place):
        row = line.split()
        if len(row) != 4:
            raise UserError(f"{place.uri}: line {number} has {len(row)} columns; wanted: question Q0 passage grade")
        yield f"{place.uri}: line {number}", row[0], row[2], row[3]


def graded(
    rows: Iterable[Judgement], queries: Mapping[str, str], passages: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Grades by question and passage. Raises UserError for what is not there, is judged twice, or is no grade."""
    grades: dict[str, dict[str, int]] = {}
    for where, query, passage, value in rows:
        if query not in queries or passage not in passages:
            unknown = f"question {query}" if query not in queries else f"passage {passage}"
            raise UserError(f"{where} names {unknown}, which is not there")
        if passage in grades.setdefault(query, {}):
            raise UserError(f"{where} judges passage {passage} for {query} a second time")
        grades[query][passage] = _whole(value, where)
    return grades


def _whole(text: str, where: str) -> int:
    """A grade; WebFAQ writes 1.0. Raises UserError for one that is no small whole number."""
    try:
        grade = float(text)
    except ValueError:
        grade = float("nan")
    if not grade.is_integer() or abs(grade) > LARGEST_GRADE:
        raise UserError(f"{where}: grade {text} is no whole number of at most {LARGEST_GRADE}")
    return int(grade)


def answered(
    language: str,
    queries: Mapping[str, str],
    collection: tuple[dict[str, str], dict[str, str]],
    grades: Mapping[str, Mapping[str, int]],
    judged_in: str,
) -> Retrieval:
    """The questions with a relevant passage, and how many have none. Raises UserError if all have none."""
    asked = {key: text for key, text in queries.items() if any(s > 0 for s in grades.get(key, {}).values())}
    if not asked:
        raise UserError(f"{judged_in}: no question has a relevant passage")
    passages, untitled = collection
    return Retrieval(
        language, asked, passages, {key: grades[key] for key in asked}, len(queries) - len(asked), untitled
    )


def by_language(place: Location, names: Iterable[str], named: Callable[[str], str]) -> dict[str, str]:
    """Language or label → folder of that name; ``names``: folder → what it calls its language.

    Raises UserError for a folder that names no language, or two that name one.
    """
    found: dict[str, str] = {}
    for name in names:
        try:
            language = named(name)
        except UserError as error:
            raise UserError(f"evaluate: {(place / name).uri}: the name says the language, and {error}") from error
        if language in found:
            raise UserError(f"evaluate: {place.uri}: {found[language]}/ and {name}/ are both {language}")
        found[language] = name
    return found


def packed_or_not(folder: Location, paths: Iterable[str], *names: str) -> Location:
    """The one file of a folder that has one of the names, or one with .gz. Raises UserError for two of them."""
    known = set(paths)
    there = [found for name in names for found in (name, f"{name}.gz") if found in known]
    if len(there) > 1:
        raise UserError(f"evaluate: {folder.uri} holds {' and '.join(there)}: leave one out")
    return folder / (there[0] if there else names[0])


def versions(place: Location, read: Callable[[str], Any]) -> dict[str, str]:
    """Size and version of the files of a folder that ``read`` is true of, by path."""
    return {info.path: f"{info.size}-{info.version}" for info in place.list() if read(info.path)}
