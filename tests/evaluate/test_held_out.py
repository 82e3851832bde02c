"""Benchmarks as an artifact keeps them: what is written is read back, and as little as is asked for."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raytrain.artifact import Artifact, File, commit, download_file, make_manifest
from raytrain.errors import UserError
from raytrain.evaluate import held_out
from raytrain.evaluate.held_out import HeldOut, check_files, held_out_of, with_questions, write_held_out
from raytrain.evaluate.retrieval import Retrieval
from raytrain.parquet import open_parquet
from raytrain.storage import Location

ROW_GROUP = 7


def written(folder: Location, benchmarks: Mapping[str, list[Retrieval]]) -> Artifact:
    """A finished benchmark artifact, as the stage makes it."""
    files: list[File] = []
    counts: dict[str, dict[str, Any]] = {}
    for label, parts in benchmarks.items():
        counts[label] = {}
        for part in parts:
            made, counts[label][part.language] = write_held_out(label, part, folder)
            files += made
    manifest = make_manifest(
        stage="benchmark",
        writer="me",
        identity={},
        config={},
        inputs={},
        files=files,
        content=[f"{label}/" for label in benchmarks],
        rows=None,
        summary={"benchmarks": counts},
    )
    return commit(folder, manifest)


@pytest.fixture
def place(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "benchmark"))


@pytest.fixture
def numbered(place: Location, monkeypatch: pytest.MonkeyPatch) -> HeldOut:
    """24 passages in row groups of 7: the last one is not full."""
    monkeypatch.setattr(held_out, "ROW_GROUP", ROW_GROUP)
    passages = {f"p{i}": f"text {i}" for i in range(24)}
    (part,) = held_out_of(written(place, {"bench": [Retrieval("fin", {"q": "?"}, passages, {"q": {"p3": 1}})]}))
    return part


TEXT = st.text(st.characters(codec="utf-8"))
ID = st.text(st.characters(codec="utf-8"), min_size=1)
ODD = Retrieval(
    "fin",
    {"a question": "Was ist\ndas?", "%20": "", " ": "\0"},
    {"my passage": "ประเทศไทย", "a\tb\u2028c": "\r\n", "%": "😀", "": "an id of no letters"},
    {"a question": {"my passage": 1, "a\tb\u2028c": 2}, "%20": {"%": 0}, " ": {"my passage": 3}},
)


@st.composite
def retrievals(draw: st.DrawFn) -> Retrieval:
    queries = draw(st.dictionaries(ID, TEXT, max_size=4))
    passages = draw(st.dictionaries(ID, TEXT, max_size=6))
    grades = st.dictionaries(st.sampled_from([*passages, "gone"]), st.integers(0, 3), min_size=1)
    relevant = {query: draw(grades) for query in queries}
    return Retrieval(draw(st.sampled_from(["fin", "tel"])), queries, passages, relevant, draw(st.integers(0, 9)))


@settings(max_examples=50)
@given(retrievals())
@example(ODD)
def test_what_is_written_is_read_back_in_order(part: Retrieval) -> None:
    with tempfile.TemporaryDirectory() as temp:
        artifact = written(Location.of(temp), {"bench": [part]})
        (there,) = held_out_of(artifact)
        assert (there.benchmark, there.language) == ("bench", part.language)
        assert (there.questions, there.passages) == (len(part.queries), len(part.passages))
        assert there.left_out == part.left_out
        assert list(there.read_questions().items()) == list(part.queries.items())
        assert list(there.read_passages().items()) == list(part.passages.items())
        assert there.read_passage_ids() == list(part.passages)
        assert there.read_relevant() == part.relevant
        assert list(there.read_texts(list(part.passages)[::-1]).items()) == list(part.passages.items())[::-1]


def test_candidates_are_read_back_with_all_questions_that_are_asked_in_order(place: Location) -> None:
    part = Retrieval(
        "fin",
        {"b": "answered", "a": "too"},
        dict.fromkeys(["x#0", "x#1", "y#0"], "text"),
        {"b": {"x#1": 1}, "a": {"y#0": 1}},
        2,
        candidates={"b": ["x#0", "x#1"], "z": ["x#0", "x#1"], "a": ["y#0"], "none": []},
        unanswered={"z": "not answered", "none": "nor this, and nothing to choose from"},
    )
    plain = Retrieval("tel", {"q": "?"}, {"p": "text"}, {"q": {"p": 1}})
    artifact = written(place, {"bench": [part, plain]})
    fin, tel = held_out_of(artifact)
    assert (fin.questions, fin.asked, fin.left_out, tel.asked, tel.selecting) == (2, 4, 2, 1, 0)
    assert list(fin.read_asked().items()) == [
        ("b", "answered"),
        ("z", "not answered"),
        ("a", "too"),
        ("none", "nor this, and nothing to choose from"),
    ]
    assert list(fin.read_candidates().items()) == list(part.candidates.items())
    assert list(fin.read_questions()) == ["b", "a"]
    assert tel.read_asked() == {"q": "?"}
    paths = [file.path for file in artifact.manifest.files]
    assert [path for path in paths if "candidates" in path] == ["bench/fin/candidates.parquet"]
    for there in (fin, tel):
        check_files(artifact, there, *there.files)
    (place / "bench/fin/candidates.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"candidates\.parquet: damaged"):
        check_files(artifact, fin, *fin.files)


def test_all_languages_of_all_benchmarks_in_order(place: Location) -> None:
    def part(language: str, questions: int) -> Retrieval:
        asked = [f"{language}{i}" for i in range(questions)]
        return Retrieval(language, dict.fromkeys(asked, "?"), {"p": language}, {q: {"p": 1} for q in asked})

    benchmarks = {"z": [part("tel", 2), part("ara", 1)], "a": [part("tel", 3), part("fin", 0)]}
    parts = held_out_of(written(place, benchmarks))
    assert [(p.benchmark, p.language, p.questions) for p in parts] == [
        ("z", "tel", 2),
        ("z", "ara", 1),
        ("a", "tel", 3),
        ("a", "fin", 0),
    ]
    assert [p.read_passages() for p in parts] == [{"p": "tel"}, {"p": "ara"}, {"p": "tel"}, {"p": "fin"}]
    assert [(p.benchmark, p.language) for p in with_questions(parts)] == [("z", "tel"), ("z", "ara"), ("a", "tel")]


def test_every_range_of_passages(numbered: HeldOut) -> None:
    every = [(f"p{i}", f"text {i}") for i in range(24)]
    for first in range(25):
        assert list(numbered.read_passages(first).items()) == every[first:]
        for rows in range(25 - first):
            assert list(numbered.read_passages(first, rows).items()) == every[first : first + rows], (first, rows)


def test_only_the_row_groups_of_a_range_are_read(numbered: HeldOut) -> None:
    """Proven by damage: the data of other groups is gone."""
    place = numbered.folder / "passages.parquet"
    column = open_parquet(place).metadata.row_group(1).column(1)
    start = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(place.read_bytes())
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    place.write_bytes(bytes(data))
    assert list(numbered.read_passages(0, 7)) == [f"p{i}" for i in range(7)]
    assert list(numbered.read_passages(14)) == [f"p{i}" for i in range(14, 24)]
    assert numbered.read_texts(["p23", "p0"]) == {"p23": "text 23", "p0": "text 0"}
    assert len(numbered.read_passage_ids()) == 24  # their column is whole
    with pytest.raises(UserError, match="broken or truncated Parquet") as caught:
        numbered.read_passages(6, 2)
    assert place.uri in str(caught.value)


def test_texts_in_the_order_asked_for(numbered: HeldOut) -> None:
    assert numbered.read_texts([]) == {}
    asked = ["p23", "p0", "p7", "p6", "p0"]
    assert list(numbered.read_texts(asked).items()) == [(name, f"text {name[1:]}") for name in asked[:-1]]


def test_a_language_without_questions_keeps_its_passages(place: Location) -> None:
    part = Retrieval("kor", {}, {"p": "passage"}, {}, left_out=12)
    (there,) = held_out_of(written(place, {"bench": [part]}))
    assert (there.questions, there.passages, there.left_out) == (0, 1, 12)
    assert there.read_questions() == {}
    assert there.read_relevant() == {}
    assert there.read_passages() == {"p": "passage"}
    assert with_questions([there]) == []


def test_the_files_are_as_the_manifest_says_and_the_same_again(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        artifact = written(Location.of(str(tmp_path / name)), {"bench": [ODD]})
        for file in artifact.manifest.files:
            local = download_file(artifact, file.path, tmp_path / "down")  # which checks the hash
            assert local.stat().st_size == file.size
        files.append(artifact.manifest.files)
    assert files[0] == files[1]
    assert [file.path for file in files[0]] == [
        "bench/fin/counts.json",
        "bench/fin/passages.parquet",
        "bench/fin/qrels.trec",
        "bench/fin/questions.parquet",
        "bench/fin/topics.tsv",
    ]


def test_a_judged_question_without_a_name_is_refused(place: Location) -> None:
    with pytest.raises(UserError, match="empty question id"):
        write_held_out("bench", Retrieval("fin", {"": "?"}, {"p": ""}, {"": {"p": 1}}), place)


def test_a_truncated_file_is_named(numbered: HeldOut) -> None:
    place = numbered.folder / "passages.parquet"
    place.write_bytes(place.read_bytes()[:-20])
    for read in (numbered.read_passages, numbered.read_passage_ids, lambda: numbered.read_texts(["p1"])):
        with pytest.raises(UserError, match="broken or truncated Parquet") as caught:
            read()
        assert place.uri in str(caught.value)
