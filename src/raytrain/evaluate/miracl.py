"""MIRACL: ad hoc retrieval in 18 languages, with graded judgements that tell wrong passages too (arXiv 2210.09984).

As released, in one folder: ``miracl-v1.0-LANG/topics`` and ``/qrels`` of the repository of topics, and
``miracl-corpus-v1.0-LANG/docs-N.jsonl.gz`` of that of the corpora.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from raytrain.errors import UserError
from raytrain.evaluate.kind import Asked, Kind
from raytrain.evaluate.reading import (
    answered,
    by_language,
    graded,
    read_topics,
    titled,
    titled_rows,
    trec_judgements,
    versions,
)
from raytrain.evaluate.retrieval import Retrieval, chosen
from raytrain.languages import to_iso639_3
from raytrain.storage import Location

_DOCS = re.compile(r"(?:.*/)?miracl-corpus-v[\d.]+-([a-z]+)/docs-(\d+)\.jsonl(?:\.gz)?")
_OTHER = r"(?:.*/)?(?P<folder>miracl-v[\d.]+-([a-z]+))/{0}/{0}\.(?P=folder)-{1}\.tsv"


@dataclass(frozen=True)
class _Files:
    """Paths of one language, of ``docs`` by number."""

    docs: Mapping[int, str]
    topics: str
    qrels: str


def identity(asked: Asked) -> Mapping[str, str]:
    """The versions of the files of a split. Raises UserError for a folder that holds none."""
    patterns = [_DOCS, *(re.compile(_OTHER.format(what, asked.split)) for what in ("topics", "qrels"))]
    found = versions(asked.place, lambda path: any(pattern.fullmatch(path) for pattern in patterns))
    _files(asked, found)
    return found


def load(asked: Asked) -> Iterator[Retrieval]:
    """The languages of which there are topics of the split.

    Raises UserError for a broken or missing file, a language that is not there, or one without an answered question.
    """
    found = _files(asked, [info.path for info in asked.place.list()])
    for language in chosen(asked.name, asked.languages, set(found)):
        files = found[language]
        docs = [_there(asked.place, files.docs.get(n), f"docs-{n} of {language}") for n in range(_count(files))]
        topics = read_topics(asked.place / files.topics)
        judged = _there(asked.place, files.qrels, f"qrels of {language} {asked.split}")
        collection = titled(row for place in docs for row in titled_rows(place, "docid"))
        grades = graded(trec_judgements(judged), topics, collection[0])
        yield answered(language, topics, collection, grades, judged.uri)


def _count(files: _Files) -> int:
    """How many files of passages there are to be, numbered from 0."""
    return max(files.docs, default=0) + 1


def _there(place: Location, path: str | None, what: str) -> Location:
    if not path:
        raise UserError(f"evaluate: {place.uri} lacks {what}: fetch all files of the language")
    return place / path


def _files(asked: Asked, paths: Iterable[str]) -> dict[str, _Files]:
    known = list(paths)
    topics, qrels = (_of_split(known, what, asked.split) for what in ("topics", "qrels"))
    docs: dict[str, dict[int, str]] = {}
    for path in known:
        match = _DOCS.fullmatch(path)
        if match:
            numbered = docs.setdefault(match[1], {})
            if int(match[2]) in numbered:
                raise UserError(f"evaluate: {asked.place.uri}: {numbered[int(match[2])]} and {path}: leave one out")
            numbered[int(match[2])] = path
    if not topics:
        raise UserError(
            f"evaluate: {asked.place.uri} holds no miracl-v1.0-{{lang}}/topics/topics.miracl-v1.0-{{lang}}-"
            f"{asked.split}.tsv"
        )
    named = by_language(asked.place, topics, to_iso639_3)
    return {lang: _Files(docs.get(name, {}), topics[name], qrels.get(name, "")) for lang, name in named.items()}


def _of_split(paths: list[str], what: str, split: str) -> dict[str, str]:
    """The release's name of a language → the path of its topics or qrels."""
    matches = map(re.compile(_OTHER.format(what, split)).fullmatch, paths)
    return {match[2]: match[0] for match in matches if match}


MIRACL = Kind(
    kind="miracl",
    where="DIR",
    task="monolingual retrieval",
    metric="nDCG@10, Recall@100",
    passages="all paragraphs of a Wikipedia of 2019 or 2022, whatever is asked",
    licence="Apache-2.0",
    source="huggingface.co/datasets/miracl/miracl, miracl/miracl-corpus",
    release="v1.0",
    languages=(
        *("ara", "ben", "deu", "eng", "spa", "fas", "fin", "fra", "hin"),
        *("ind", "jpn", "kor", "rus", "swa", "tel", "tha", "yor", "zho"),
    ),
    splits=("dev", "train", "test-a", "test-b"),  # of the tests no judgements are public
    questions={"train": "TyDi QA train", "dev": "TyDi QA train"},
    read=load,
    identity=identity,
)
