"""BEIR folders: corpus.jsonl[.gz], queries.jsonl[.gz] and judgements as qrels/SPLIT.tsv or SPLIT.jsonl[.gz].

One folder is one language, or has a folder a language. SPLIT.jsonl is what the hub has in their place
(``query-id``, ``corpus-id``, ``score``).
"""

import re
from collections.abc import Callable, Iterator, Mapping

from raytrain.errors import UserError
from raytrain.evaluate.json_lines import field_of, id_of, json_rows, text_lines
from raytrain.evaluate.kind import Asked, Kind
from raytrain.evaluate.reading import (
    Judgement,
    answered,
    by_language,
    graded,
    packed_or_not,
    titled,
    titled_rows,
    versions,
)
from raytrain.evaluate.retrieval import Retrieval, chosen
from raytrain.languages import to_iso639_3
from raytrain.storage import Location

SPLITS = ("test", "dev", "train")


def identity(asked: Asked) -> Mapping[str, str]:
    """The versions of the files of a split. Raises UserError for a folder without a corpus."""
    judged = rf"qrels/{asked.split}\.tsv|{asked.split}\.jsonl(\.gz)?"
    read = re.compile(rf"([^/]+/)?((corpus|queries)\.jsonl(\.gz)?|{judged})")
    found = versions(asked.place, read.fullmatch)
    _folders(asked.place, list(found))
    return found


def load(asked: Asked, named: Callable[[str], str] = to_iso639_3) -> Iterator[Retrieval]:
    """The languages of BEIR folders; ``named`` makes a language or label of a folder's name.

    Raises UserError for a broken file, a language that is not there, or one in which no question has an answer.
    """
    paths = [info.path for info in asked.place.list()]
    folders = _folders(asked.place, paths)
    if "" in folders:
        if asked.languages is None or len(asked.languages) != 1:
            raise UserError(f"evaluate: {asked.name} is one BEIR folder: name its one language in evaluate.languages")
        yield _read(asked.place, paths, asked.languages[0], asked.split)
        return
    by_name = by_language(asked.place, folders, named)
    for language in chosen(asked.name, asked.languages, set(by_name)):
        inside = f"{by_name[language]}/"
        below = [path.removeprefix(inside) for path in paths if path.startswith(inside)]
        yield _read(asked.place / by_name[language], below, language, asked.split)


def _folders(folder: Location, paths: list[str]) -> list[str]:
    """The names of the folders with a corpus; "" is the folder itself."""
    matches = [re.fullmatch(r"(?:([^/]+)/)?corpus\.jsonl(?:\.gz)?", path) for path in paths]
    names = dict.fromkeys(match[1] or "" for match in matches if match)
    if "" in names and len(names) > 1:
        raise UserError(f"evaluate: {folder.uri} holds a corpus.jsonl and folders with one: keep the one or the other")
    if not names:
        raise UserError(f"evaluate: {folder.uri} holds no corpus.jsonl[.gz], nor folders {{lang}}/corpus.jsonl[.gz]")
    return list(names)


def _read(folder: Location, paths: list[str], language: str, split: str) -> Retrieval:
    collection = titled(titled_rows(packed_or_not(folder, paths, "corpus.jsonl"), "_id"))
    queries, _ = titled(titled_rows(packed_or_not(folder, paths, "queries.jsonl"), "_id"))
    place = packed_or_not(folder, paths, f"qrels/{split}.tsv", f"{split}.jsonl")
    grades = graded(_judgements(place), queries, collection[0])
    if any(path in paths for other in SPLITS if other != split for path in _judged_paths(other)):
        queries = {key: text for key, text in queries.items() if key in grades}  # the rest is of other splits
    return answered(language, queries, collection, grades, place.uri)


def _judged_paths(split: str) -> tuple[str, ...]:
    return f"qrels/{split}.tsv", f"{split}.jsonl", f"{split}.jsonl.gz"


def _judgements(place: Location) -> Iterator[Judgement]:
    if not place.name.endswith(".tsv"):
        for number, found in json_rows(place):
            where = f"{place.uri}: line {number}"
            score = field_of(found, "score", (int, float), where)
            yield where, id_of(found, "query-id", where), id_of(found, "corpus-id", where), str(score)
        return
    for number, line in text_lines(place):
        row = line.split("\t")
        if number == 1 and row[0] == "query-id":
            continue
        if len(row) < 3:
            raise UserError(f"{place.uri}: line {number} is no query-id, corpus-id, score")
        yield f"{place.uri}: line {number}", row[0], row[1], row[2]


BEIR = Kind(
    kind="beir",
    where="DIR",
    task="retrieval",
    metric="nDCG@10",
    passages="corpus.jsonl",
    licence="the data set's own",
    source="github.com/beir-cellar/beir",
    splits=SPLITS,
    read=load,
    identity=identity,
)
