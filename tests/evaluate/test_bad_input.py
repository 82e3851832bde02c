"""What is wrong in a benchmark is named with its file and line, in every format: never a silent zero."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raytrain.errors import UserError
from raytrain.evaluate.benchmark import KINDS, load_benchmark
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location

Topics = list[tuple[str, str]]
Docs = list[tuple[str, str]]
Judged = list[tuple[str, str, int]]
Write = Callable[[Path, Topics, Docs, Judged], None]

TOPICS: Topics = [("q1", "one?"), ("q2", "two?"), ("q3", "three?")]
DOCS: Docs = [("d1", "one"), ("d2", "two")]
JUDGED: Judged = [("q1", "d1", 1), ("q2", "d2", 1), ("q3", "d1", 0)]


def put(place: Path, lines: list[str]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{line}\n" for line in lines).encode()
    place.write_bytes(gzip.compress(data) if place.name.endswith(".gz") else data)


def rows(key: str, field: str, texts: list[tuple[str, str]]) -> list[str]:
    return [json.dumps({key: name, field: text}) for name, text in texts]


def beir(folder: str) -> Write:
    def write(root: Path, topics: Topics, docs: Docs, judged: Judged) -> None:
        put(root / folder / "corpus.jsonl.gz", rows("_id", "text", docs))
        put(root / folder / "queries.jsonl.gz", rows("_id", "text", topics))
        put(root / folder / "qrels/test.tsv", [f"{q}\t{d}\t{grade}" for q, d, grade in judged])

    return write


def webfaq(root: Path, topics: Topics, docs: Docs, judged: Judged) -> None:
    beir("fin")(root, topics, docs, judged)
    (root / "fin/qrels/test.tsv").unlink()
    lines = [json.dumps({"query-id": q, "corpus-id": d, "score": float(grade)}) for q, d, grade in judged]
    put(root / "fin/test.jsonl", lines)


def mrtydi(root: Path, topics: Topics, docs: Docs, judged: Judged) -> None:
    put(root / "fi/collection/docs.jsonl.gz", rows("id", "contents", docs))
    put(root / "fi/topic.test.tsv", [f"{q}\t{text}" for q, text in topics])
    put(root / "fi/qrels.test.txt", [f"{q}\tQ0\t{d}\t{grade}" for q, d, grade in judged])


def miracl(root: Path, topics: Topics, docs: Docs, judged: Judged) -> None:
    put(root / "miracl-corpus-v1.0-fi/docs-0.jsonl.gz", rows("docid", "text", docs))
    place = root / "miracl-v1.0-fi"
    put(place / "topics/topics.miracl-v1.0-fi-dev.tsv", [f"{q}\t{text}" for q, text in topics])
    put(place / "qrels/qrels.miracl-v1.0-fi-dev.tsv", [f"{q}\tQ0\t{d}\t{grade}" for q, d, grade in judged])


WRITERS: dict[str, Write] = {
    "beir": beir("fin"),
    "crosslingual": beir("fin-eng"),
    "webfaq": webfaq,
    "mrtydi": mrtydi,
    "miracl": miracl,
}
ALL = pytest.mark.parametrize("kind", WRITERS)


def load(kind: str, root: Path) -> list[Retrieval]:
    return list(load_benchmark(f"{kind}:{root}", None, Location.of))


def refusal(kind: str, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(kind, root)
    line = str(caught.value)
    assert "\n" not in line
    return line


@ALL
def test_a_question_without_a_relevant_passage_is_counted_and_not_scored(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path, [*TOPICS, ("q4", "not judged?")], DOCS, JUDGED)
    (part,) = load(kind, tmp_path)
    assert list(part.queries) == list(part.relevant) == ["q1", "q2"]
    assert part.left_out == 2


@ALL
def test_a_set_in_which_nothing_is_relevant_is_refused(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path, TOPICS, DOCS, [("q1", "d1", 0)])
    assert refusal(kind, tmp_path).endswith("no question has a relevant passage")


@ALL
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("q1", "d9", 1), "line 4 names passage d9, which is not there"),
        (("q9", "d1", 1), "line 4 names question q9, which is not there"),
        (("q1", "d1", 1), "line 4 judges passage d1 for q1 a second time"),
        (("q1", "d2", 5_000), "line 4: grade 5000"),
    ],
)
def test_a_wrong_judgement_is_named(tmp_path: Path, kind: str, line: Any, words: str) -> None:
    WRITERS[kind](tmp_path, TOPICS, DOCS, [*JUDGED, line])
    found = refusal(kind, tmp_path)
    assert words in found
    assert str(tmp_path) in found


@ALL
def test_an_id_that_is_there_twice_is_named(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path / "docs", TOPICS, [*DOCS, ("d2", "again")], JUDGED)
    assert "line 3: id d2 is there twice" in refusal(kind, tmp_path / "docs")
    WRITERS[kind](tmp_path / "topics", [*TOPICS, ("q1", "again?")], DOCS, JUDGED)
    assert "line 4: id q1 is there twice" in refusal(kind, tmp_path / "topics")


@ALL
def test_a_truncated_gzip_is_named(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path, TOPICS, DOCS, JUDGED)
    for place in tmp_path.rglob("*.gz"):
        whole = place.read_bytes()
        place.write_bytes(whole[:-9])
        assert refusal(kind, tmp_path) == (
            f"{place}: ends in the middle, or is no gzip: "
            "Compressed file ended before the end-of-stream marker was reached"
        )
        place.write_bytes(whole)


@ALL
def test_bytes_that_are_no_utf_8_are_named_with_their_line(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path, TOPICS, DOCS, JUDGED)
    for place in [place for place in tmp_path.rglob("*") if place.is_file()]:
        whole = place.read_bytes()
        data = gzip.decompress(whole) if place.suffix == ".gz" else whole
        broken = b"".join([*data.splitlines(keepends=True)[:1], b"caf\xe9\n", *data.splitlines(keepends=True)[1:]])
        place.write_bytes(gzip.compress(broken) if place.suffix == ".gz" else broken)
        assert refusal(kind, tmp_path).startswith(f"{place}: line 2 is no UTF-8")
        place.write_bytes(whole)


def test_a_truncated_gzip_of_pairs_is_named(tmp_path: Path) -> None:
    put(tmp_path / "deu-eng.tsv.gz", ["Hallo\tHello", "Danke\tThanks"])
    place = tmp_path / "deu-eng.tsv.gz"
    place.write_bytes(place.read_bytes()[:-9])
    assert refusal("bitext", tmp_path).startswith(f"{place}: ends in the middle, or is no gzip")


def test_every_kind_that_reads_files_is_looked_at_here_or_in_a_file_of_its_own() -> None:
    own = {"bitext", "demo", "tydiqa-goldp", "tydiqa-primary", "tydiqa-passages"}  # test_bitext.py, test_tydiqa.py
    assert WRITERS.keys() | own == KINDS.keys()
