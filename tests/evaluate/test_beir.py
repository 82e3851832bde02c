"""BEIR folders: what they hold is read whole, and what is wrong in them is named."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from raytrain.errors import UserError
from raytrain.evaluate import json_lines
from raytrain.evaluate.benchmark import load_benchmark
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location

CORPUS: list[dict[str, Any]] = [
    {"_id": "d1", "title": "Title", "text": "one"},
    {"_id": "d2", "title": "", "text": "two"},
    {"_id": "d3", "text": "three"},
]
QUERIES: list[dict[str, Any]] = [{"_id": "q1", "text": "1?"}, {"_id": "q2", "text": "2?"}, {"_id": "q3", "text": "3?"}]
QRELS = ["query-id\tcorpus-id\tscore", "q1\td1\t1", "q1\td3\t2", "q2\td2\t1", "q3\td1\t0"]


def write(folder: Path, corpus: Any = CORPUS, queries: Any = QUERIES, qrels: Any = QRELS) -> Path:
    (folder / "qrels").mkdir(parents=True)
    for name, rows in {"corpus": corpus, "queries": queries}.items():
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join([*lines, ""]))
    (folder / "qrels" / "test.tsv").write_text("\n".join([*qrels, ""]))
    return folder


def pack(place: Path) -> Path:
    packed = place.with_name(f"{place.name}.gz")
    packed.write_bytes(gzip.compress(place.read_bytes()))
    place.unlink()
    return packed


def load(folder: Path, languages: list[str] | None = None) -> list[Retrieval]:
    return list(load_benchmark(f"beir:{folder}", languages, Location.of))


def refusal(folder: Path, languages: list[str] | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load(folder, languages)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_beir_folder_is_one_language(tmp_path: Path) -> None:
    (found,) = load(write(tmp_path / "b"), ["eng"])
    assert found.language == "eng"
    assert found.passages == {"d1": "Title one", "d2": "two", "d3": "three"}
    assert found.queries == {"q1": "1?", "q2": "2?"}  # q3 has nothing relevant, so it has no score
    assert found.relevant == {"q1": {"d1": 1, "d3": 2}, "q2": {"d2": 1}}
    assert found.left_out == 1


@pytest.mark.parametrize("languages", [None, [], ["eng", "fin"]])
def test_the_language_of_a_beir_folder_must_be_named(tmp_path: Path, languages: list[str] | None) -> None:
    assert "name its one language in evaluate.languages" in refusal(write(tmp_path / "b"), languages)


def test_a_folder_a_language(tmp_path: Path) -> None:
    for name in ("swahili", "eng", "fi"):
        write(tmp_path / name, queries=[QUERIES[0] | {"text": name}], qrels=QRELS[:2])
    found = load(tmp_path)
    assert [(part.language, part.queries["q1"]) for part in found] == [
        ("eng", "eng"),
        ("fin", "fi"),
        ("swa", "swahili"),
    ]
    assert [part.language for part in load(tmp_path, ["swa", "eng"])] == ["eng", "swa"]


def test_a_language_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    write(tmp_path / "eng")
    write(tmp_path / "fin")
    line = refusal(tmp_path, ["eng", "tha", "swa"])
    assert line == f"evaluate.languages: beir:{tmp_path} has no swa, tha; it has eng, fin"


def test_one_language_in_two_folders_is_refused(tmp_path: Path) -> None:
    for name in ("eng", "fi", "finnish"):
        write(tmp_path / name)
    assert "fi/ and finnish/ are both fin" in refusal(tmp_path)


def test_a_folder_that_is_no_language_is_named(tmp_path: Path) -> None:
    write(tmp_path / "eng")
    write(tmp_path / "webfaq-all")
    assert "webfaq-all" in refusal(tmp_path)
    assert str(tmp_path) in refusal(tmp_path)


@pytest.mark.parametrize("names", [[], ["README.md"], ["eng/queries.jsonl"], ["a/eng/corpus.jsonl"]])
def test_a_folder_without_a_corpus_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("x")
    assert f"{tmp_path} holds no corpus.jsonl" in refusal(tmp_path, ["eng"])
    assert "holds no corpus.jsonl" in refusal(tmp_path / "absent", ["eng"])


@pytest.mark.parametrize("name", ["queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (write(tmp_path / "b") / name).unlink()
    assert str(tmp_path / "b" / name) in refusal(tmp_path / "b", ["eng"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("q9\td1\t1", "line 6 names question q9"),
        ("q1\td9\t1", "line 6 names passage d9"),
        ("q1\td1", "line 6 is no query-id, corpus-id, score"),
        ("q2\td1\tyes", "line 6: grade yes is no whole number"),
        ("q2\td1\tnan", "line 6: grade nan is no whole number"),
        ("q2\td1\t0.5", "line 6: grade 0.5 is no whole number"),
        ("q1 d1 1", "line 6 is no query-id, corpus-id, score"),
        ("q1\t0\td1\t1", "line 6"),
    ],
)
def test_a_wrong_judgement_is_named_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    place = write(tmp_path / "b", qrels=[*QRELS, line]) / "qrels" / "test.tsv"
    assert refusal(tmp_path / "b", ["eng"]).startswith(f"{place}: {words}")


def test_judgements_without_a_header_and_with_scores_as_webfaq_writes_them(tmp_path: Path) -> None:
    """The qrels of webfaq-retrieval are floats."""
    (found,) = load(write(tmp_path / "b", qrels=["q1\td1\t1.0", "q2\td2\t1.0"]), ["eng"])
    assert found.relevant == {"q1": {"d1": 1}, "q2": {"d2": 1}}


def test_an_id_with_a_quotation_mark_is_an_id(tmp_path: Path) -> None:
    """TSV knows no quoting: a mark must not swallow the lines after it."""
    corpus = [*CORPUS, {"_id": '"d4', "text": "four"}]
    (found,) = load(write(tmp_path / "b", corpus=corpus, qrels=[*QRELS[:2], 'q2\t"d4\t1', "q3\td2\t1"]), ["eng"])
    assert found.relevant == {"q1": {"d1": 1}, "q2": {'"d4': 1}, "q3": {"d2": 1}}


def test_empty_lines_are_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", corpus=[*CORPUS, "", "  "], queries=["", *QUERIES], qrels=[*QRELS, "", ""])
    assert len(load(folder, ["eng"])[0].passages) == 3


@pytest.mark.parametrize("name", ["corpus", "queries"])
@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"_id": "x", "te', " is broken JSON: "),
        ('{"_id": "x"} {', " is broken JSON: "),
        ("[" * 100_000, " is broken JSON: "),
        ("[1]", " is no JSON object"),
        ("3", " is no JSON object"),
        ('"text"', " is no JSON object"),
        ('{"_id": "x"}', " has no text"),
        ('{"_id": "x", "text": null}', " has no text"),
        ('{"_id": "x", "text": ["x"]}', ": text is no string"),
        ('{"_id": "x", "text": "\\ud83d"}', ": text holds half a character"),
        ('{"text": "x"}', " has no _id"),
        ('{"_id": 1.5, "text": "x"}', ": _id is no string"),
        ('{"_id": true, "text": "x"}', ": _id is no whole number"),
        ('{"_id": "", "text": "x"}', ": _id is empty"),
        ('{"_id": "x", "text": "x", "title": 3}', ": title is no string"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, name: str, row: str, words: str) -> None:
    given: dict[str, Any] = {"corpus": CORPUS, "queries": QUERIES}
    write(tmp_path / "b", **{name: [*given[name], row]})
    assert refusal(tmp_path / "b", ["eng"]).startswith(f"{tmp_path}/b/{name}.jsonl: line 4{words}")


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_is_no_utf_8_is_named(tmp_path: Path, packed: bool) -> None:
    place = write(tmp_path / "b") / "corpus.jsonl"
    place.write_bytes(place.read_bytes() + b'{"_id": "d4", "text": "caf\xe9"}\n')
    place = pack(place) if packed else place
    assert refusal(tmp_path / "b", ["eng"]).startswith(f"{place}: line 4 is no UTF-8")


def test_judgements_that_are_no_utf_8_are_named(tmp_path: Path) -> None:
    place = write(tmp_path / "b") / "qrels" / "test.tsv"
    place.write_bytes(b"q1\td\xe9\t1\n")
    assert str(place) in refusal(tmp_path / "b", ["eng"])


@pytest.mark.parametrize("buffer", [16, json_lines.BUFFER])
@pytest.mark.parametrize("names", [["corpus"], ["queries"], ["corpus", "queries"]])
def test_packed_files_are_the_same(
    tmp_path: Path, names: list[str], buffer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when they are longer than what is read at once."""
    monkeypatch.setattr(json_lines, "BUFFER", buffer)
    plain = load(write(tmp_path / "plain" / "eng"), ["eng"])
    folder = write(tmp_path / "packed" / "eng")
    for name in names:
        pack(folder / f"{name}.jsonl")
    assert load(folder, ["eng"]) == plain
    assert load(tmp_path / "packed") == plain


def test_a_file_that_is_there_packed_and_plain_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "b")
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress((folder / "corpus.jsonl").read_bytes()))
    assert f"{folder} holds corpus.jsonl and corpus.jsonl.gz: leave one out" in refusal(folder, ["eng"])


@pytest.mark.parametrize("buffer", [16, json_lines.BUFFER])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_truncated_gzip_is_named(tmp_path: Path, share: float, buffer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BUFFER", buffer)
    draw = random.Random(0)
    corpus = [*CORPUS, *({"_id": f"n{i}", "text": str(draw.random())} for i in range(200))]
    place = pack(write(tmp_path / "b", corpus=corpus) / "corpus.jsonl")
    place.write_bytes(place.read_bytes()[: max(1, int(place.stat().st_size * share))])
    assert refusal(tmp_path / "b", ["eng"]).startswith(f"{place}: ends in the middle, or is no gzip: ")


@pytest.mark.parametrize("at", [10, 40])
def test_a_damaged_gzip_is_named(tmp_path: Path, at: int) -> None:
    place = pack(write(tmp_path / "b") / "corpus.jsonl")
    data = place.read_bytes()
    place.write_bytes(data[:at] + b"\xff" * 8 + data[at + 8 :])
    assert refusal(tmp_path / "b", ["eng"]).startswith(f"{place}: ends in the middle, or is no gzip: ")


def test_a_file_that_is_no_gzip_is_named(tmp_path: Path) -> None:
    place = write(tmp_path / "b") / "corpus.jsonl"
    place = place.rename(place.with_name("corpus.jsonl.gz"))
    assert refusal(tmp_path / "b", ["eng"]).startswith(f"{place}: ends in the middle, or is no gzip: ")


def test_an_empty_corpus_is_told_by_the_judgements(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", corpus=[])
    assert "line 2 names passage d1, which is not there" in refusal(folder, ["eng"])


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    folder = write(tmp_path / "b")
    plain = load(folder, ["eng"])
    for path in (folder / "corpus.jsonl", folder / "queries.jsonl"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    path = folder / "qrels" / "test.tsv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load(folder, ["eng"]) == plain


def test_a_passage_may_be_empty(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", corpus=[*CORPUS, {"_id": "d4", "text": ""}, {"_id": "d5", "text": " "}])
    (found,) = load(folder, ["eng"])
    assert (found.passages["d4"], found.passages["d5"]) == ("", " ")


def test_a_title_that_is_null_is_none(tmp_path: Path) -> None:
    corpus = [*CORPUS, {"_id": "d4", "title": None, "text": "four"}]
    (found,) = load(write(tmp_path / "b", corpus=corpus), ["eng"])
    assert found.passages["d4"] == "four"


@pytest.mark.parametrize("name", ["corpus", "queries"])
def test_an_id_given_twice_is_named(tmp_path: Path, name: str) -> None:
    given: dict[str, Any] = {"corpus": CORPUS, "queries": QUERIES}
    write(tmp_path / "b", **{name: [*given[name], given[name][0] | {"text": "another"}]})
    assert f"{name}.jsonl: line 4" in refusal(tmp_path / "b", ["eng"])


def test_a_set_in_which_nothing_is_relevant_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "b", qrels=[QRELS[0], "q1\td1\t0"])
    assert "no question has a relevant passage" in refusal(tmp_path / "b", ["eng"])


def test_ids_may_be_numbers(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", [{"_id": 7, "text": "x"}], [{"_id": 1, "text": "?"}], ["1\t7\t1"])
    assert load(folder, ["eng"])[0].relevant == {"1": {"7": 1}}
