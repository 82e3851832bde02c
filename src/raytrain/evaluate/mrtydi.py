"""Mr. TyDi: questions of TyDi QA against the passages of a Wikipedia in their language (arXiv 2108.08787).

As released: a folder a language with collection/docs.jsonl.gz, topic.SPLIT.tsv and qrels.SPLIT.txt.
"""

import re
from collections.abc import Iterator, Mapping

from raytrain.errors import UserError
from raytrain.evaluate.json_lines import id_of, json_rows, text_of
from raytrain.evaluate.kind import Asked, Kind
from raytrain.evaluate.reading import (
    answered,
    by_language,
    graded,
    packed_or_not,
    read_topics,
    titled,
    trec_judgements,
    versions,
)
from raytrain.evaluate.retrieval import Retrieval, chosen
from raytrain.languages import to_iso639_3
from raytrain.storage import Location

DOCS = ("docs.jsonl", "collection/docs.jsonl")
_FOLDER = re.compile(r"([^/]+)/(collection/)?docs\.jsonl(\.gz)?")
_RELEASED = re.compile(r"mrtydi-v[\d.]+-")


def identity(asked: Asked) -> Mapping[str, str]:
    """The versions of the files of a split. Raises UserError for a folder without a collection."""
    split = re.escape(asked.split)
    read = re.compile(rf"{_FOLDER.pattern}|[^/]+/(topic\.{split}\.tsv|qrels\.{split}\.txt)")
    found = versions(asked.place, read.fullmatch)
    _folders(asked.place, list(found))
    return found


def load(asked: Asked) -> Iterator[Retrieval]:
    """The languages of a release of Mr. TyDi, or of some of its folders: ``mrtydi-v1.1-finnish`` or ``fi``.

    Raises UserError for a broken file, a language that is not there, or one in which no question has an answer.
    """
    paths = [info.path for info in asked.place.list()]
    folders = _folders(asked.place, paths)
    for language in chosen(asked.name, asked.languages, set(folders)):
        folder = asked.place / folders[language]
        inside = f"{folders[language]}/"
        docs = packed_or_not(folder, [path.removeprefix(inside) for path in paths if path.startswith(inside)], *DOCS)
        topics = read_topics(folder / f"topic.{asked.split}.tsv")
        collection = titled(_rows(docs))
        judged = folder / f"qrels.{asked.split}.txt"
        grades = graded(trec_judgements(judged), topics, collection[0])
        yield answered(language, topics, collection, grades, judged.uri)


def _folders(place: Location, paths: list[str]) -> dict[str, str]:
    """Language → the name of its folder."""
    names = dict.fromkeys(match[1] for match in map(_FOLDER.fullmatch, paths) if match)
    if not names:
        raise UserError(f"evaluate: {place.uri} holds no folders {{lang}}/docs.jsonl[.gz], nor in collection/")
    return by_language(place, names, lambda name: to_iso639_3(_RELEASED.sub("", name)))


def _rows(place: Location) -> Iterator[tuple[str, str, str, str]]:
    """Where, id, title and text. ``contents`` is a title, an empty line and the text, or a text alone."""
    for number, row in json_rows(place):
        where = f"{place.uri}: line {number}"
        first, parted, rest = text_of(row, "contents", where).partition("\n\n")
        title, text = (first, rest) if parted else ("", first)
        yield where, id_of(row, "id", where), title, text


MRTYDI = Kind(
    kind="mrtydi",
    where="DIR",
    task="monolingual retrieval",
    metric="MRR@100, Recall@100",
    passages="all paragraphs of a Wikipedia of 2019, whatever is asked",
    licence="Apache-2.0",
    source="github.com/castorini/mr.tydi",
    release="v1.1",
    languages=("ara", "ben", "eng", "fin", "ind", "jpn", "kor", "rus", "swa", "tel", "tha"),
    splits=("test", "dev", "train"),
    questions={"train": "TyDi QA train", "dev": "TyDi QA train", "test": "TyDi QA dev"},
    read=load,
    identity=identity,
)
