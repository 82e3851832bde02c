"""Where pairs come from: what a folder holds, by language, and what it must not hold."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raytrain.corpus import cldr
from raytrain.corpus.raw.sources import Unit, choose_languages, count_rows, identity_of, list_units
from raytrain.errors import UserError
from raytrain.storage import Location

PAIRS = pa.table({"question": ["a?", "b?", "c?"], "answer": ["a", "b", "c"]})
BITEXT = dict.fromkeys(("question1", "answer1", "question2", "answer2"), "x")
SPOKEN = BITEXT | {"language1": "deu", "language2": "eng"}
LINE = b'{"question": "a?", "answer": "a"}\n' + b" " * 3_965 + b"\n"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            pq.write_table(PAIRS, folder / name)
        else:
            (folder / name).write_bytes(gzip.compress(LINE, 0) if name.endswith(".gz") else LINE)


def write_rows(place: Path, *rows: dict[str, Any]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), place)
    else:
        data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        place.write_bytes(gzip.compress(data) if place.suffix == ".gz" else data)


def units(*folders: Path) -> list[Unit]:
    return list_units([str(folder) for folder in folders], Location.of)


def labels(*folders: Path) -> set[str]:
    return {label for unit in units(*folders) for label in unit.labels}


def refusal(action: Any, *args: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*args)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_every_layout_by_language(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "deu/a.parquet", "deu/b.parquet", "fin.jsonl", "swa.jsonl.gz", "tha/x.jsonl.gz")
    found = [(*unit.labels, unit.name, unit.kind) for unit in units(tmp_path)]
    assert found == [
        ("deu", "0/deu/a.parquet", "parquet"),
        ("deu", "0/deu/b.parquet", "parquet"),
        ("eng", "0/eng.parquet", "parquet"),
        ("fin", "0/fin.jsonl", "jsonl"),
        ("swa", "0/swa.jsonl.gz", "jsonl"),
        ("tha", "0/tha/x.jsonl.gz", "jsonl"),
    ]


def test_names_and_short_codes_become_iso_639_3(tmp_path: Path) -> None:
    write(tmp_path, "fi.parquet", "Swahili.jsonl", "de/x.parquet", "ENG.jsonl.gz")
    assert labels(tmp_path) == {"deu", "eng", "fin", "swa"}


def test_what_is_no_data_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "README.md", ".gitattributes", "_SUCCESS", "deu/_metadata.parquet", "log/x.txt")
    write(tmp_path, ".hidden.parquet", "_common.jsonl")
    assert [unit.name for unit in units(tmp_path)] == ["0/eng.parquet"]


@pytest.mark.parametrize(
    "name",
    ["train.parquet", "eng-eng.jsonl", "eng-.jsonl", "data/a.parquet", "data.parquet", "xx.jsonl.gz", "en_US.parquet"],
)
def test_a_name_that_is_no_language_is_refused_with_its_file(tmp_path: Path, name: str) -> None:
    write(tmp_path, "eng.parquet", name)
    line = refusal(units, tmp_path)
    assert line.startswith(f"{tmp_path / name}: ")
    assert " says the language, and " in line


@pytest.mark.parametrize("name", ["eng/part/a.parquet", "eng/part/a.jsonl", "v2/data/eng.parquet"])
def test_pairs_in_a_place_where_they_are_not_read_are_not_passed_over(tmp_path: Path, name: str) -> None:
    """Beside files that are read: rows that nobody counts are a defect."""
    write(tmp_path, "deu.parquet", name)
    assert name in refusal(units, tmp_path)


@pytest.mark.parametrize("names", [(), ("README.md",), ("_eng.parquet", ".eng.jsonl")])
def test_a_folder_without_pairs_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, *names)
    assert f"corpus.source: {tmp_path} holds no {{lang}}.parquet" in refusal(units, tmp_path)


@pytest.mark.parametrize("other", ["eng.jsonl", "english.parquet", "en/a.parquet"])
def test_one_language_in_two_places_is_refused(tmp_path: Path, other: str) -> None:
    """Most likely the same rows twice."""
    write(tmp_path, "eng.parquet", other)
    line = refusal(units, tmp_path)
    assert "eng.parquet" in line
    assert other.partition("/")[0] in line


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert str(tmp_path / "absent") in refusal(units, tmp_path / "absent")


def test_the_embedded_corpus() -> None:
    found = list_units(["demo:cldr"], Location.of)
    assert [unit.labels for unit in found] == [(language,) for language in cldr.LANGUAGES]
    assert {unit.version for unit in found} == {cldr.version()}
    assert "there is demo:cldr" in refusal(list_units, ["demo:wikipedia"], Location.of)


def test_chosen_languages(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "deu/a.parquet", "deu/b.parquet", "fin.jsonl")
    found = units(tmp_path)
    assert choose_languages(found, None, ["here"]) == found
    assert [u.name for u in choose_languages(found, ["fin", "deu"], ["here"])] == [
        "0/deu/a.parquet",
        "0/deu/b.parquet",
        "0/fin.jsonl",
    ]
    line = refusal(choose_languages, found, ["deu", "swa", "tha"], ["here", "there"])
    assert line == "corpus.languages: here, there has nothing for swa, tha; it has deu, eng, fin"


def test_rows_are_counted_from_footers_and_guessed_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "fin.jsonl", "swa.jsonl.gz")
    listed = units(tmp_path)
    assert [unit.rows for unit in listed] == [0, 10, 40]
    counted = count_rows(listed)
    assert [unit.rows for unit in counted] == [3, 10, 40]
    assert [unit.row_groups for unit in counted] == [(3,), (), ()]
    assert identity_of(counted) == identity_of(listed)


def test_the_rows_of_each_row_group_are_counted(tmp_path: Path) -> None:
    pq.write_table(PAIRS, tmp_path / "eng.parquet", row_group_size=2)
    pq.write_table(PAIRS.slice(0, 0), tmp_path / "fin.parquet")
    assert [(unit.rows, unit.row_groups) for unit in count_rows(units(tmp_path))] == [(3, (2, 1)), (0, (0,))]


@pytest.mark.parametrize("name", ["eng.parquet", "eng.jsonl", "eng.jsonl.gz"])
def test_a_file_of_no_shape_is_named_with_its_columns(tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / name, {"question": "a?", "reply": "a"})
    line = refusal(units, tmp_path)
    assert line.startswith(f"{tmp_path}/{name}: no rows that can be read: it has question, reply, and needs question,")


def test_the_columns_of_jsonl_are_those_of_its_first_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "eng.jsonl", {"query": "a?"}, {"query": "b?", "pos": "b"})
    assert [unit.shape for unit in units(tmp_path)] == ["training"]


def test_a_file_without_a_json_object_is_named(tmp_path: Path) -> None:
    (tmp_path / "eng.jsonl").write_bytes(b"question,answer\na?,a\n")
    assert refusal(units, tmp_path) == f"{tmp_path}/eng.jsonl: none of its first 2 lines is a JSON object with fields"


@pytest.mark.parametrize("name", ["deu-eng.parquet", "deu-eng/a.jsonl", "data/deu-eng.parquet", "de-en.jsonl.gz"])
def test_a_bitext_has_pairs_both_ways(tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / name, BITEXT)
    (unit,) = units(tmp_path)
    assert (unit.shape, unit.labels) == ("bitext", ("deu-eng", "eng-deu"))


def test_pairs_may_be_of_two_languages(tmp_path: Path) -> None:
    write(tmp_path, "deu-eng.parquet", "eng-deu.parquet", "eng.jsonl")
    assert labels(tmp_path) == {"deu-eng", "eng-deu", "eng"}


@pytest.mark.parametrize("name", ["other.jsonl.gz", "eng.jsonl.gz", "deu-eng.parquet", "bitexts/a.jsonl"])
def test_a_bitext_that_says_its_languages_may_be_called_anything(tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / name, SPOKEN)
    write(tmp_path, "eng.parquet")
    assert {unit.name: unit.labels for unit in units(tmp_path)} == {f"0/{name}": (), "0/eng.parquet": ("eng",)}


def test_a_bitext_and_its_reverse_are_the_same_rows(tmp_path: Path) -> None:
    for name in ("deu-eng.parquet", "eng-deu.parquet"):
        write_rows(tmp_path / name, BITEXT)
    assert refusal(units, tmp_path).endswith("deu-eng.parquet and eng-deu.parquet are both eng-deu: leave one out")


def test_files_of_the_hub_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "data/eng.parquet", "data/fin/a.parquet", "data/fin/b.parquet", "data/README.md")
    assert [(unit.labels, unit.name) for unit in units(tmp_path)] == [
        (("eng",), "0/data/eng.parquet"),
        (("fin",), "0/data/fin/a.parquet"),
        (("fin",), "0/data/fin/b.parquet"),
    ]
    write(tmp_path, "eng.parquet")
    assert "data/eng.parquet and eng.parquet are both eng" in refusal(units, tmp_path)


def test_sources_add_up(tmp_path: Path) -> None:
    """The same language may come from several, with names of their own."""
    write(tmp_path / "one", "eng.parquet", "fin.jsonl")
    write_rows(tmp_path / "two/eng.parquet", {"query": "a?", "positive": "a", "negatives": ["b"]})
    found = [(unit.name, unit.labels, unit.shape) for unit in units(tmp_path / "one", tmp_path / "two")]
    assert found == [
        ("0/eng.parquet", ("eng",), "pairs"),
        ("0/fin.jsonl", ("fin",), "pairs"),
        ("1/eng.parquet", ("eng",), "training"),
    ]
    assert str(tmp_path / "empty") in refusal(units, tmp_path / "one", tmp_path / "empty")


def test_chosen_labels_of_bitexts(tmp_path: Path) -> None:
    """Where only the rows say their languages, nobody knows yet what is missing."""
    write_rows(tmp_path / "deu-eng.parquet", BITEXT)
    write(tmp_path, "eng.parquet")
    found = units(tmp_path)
    both = choose_languages(found, ["eng-deu", "deu-eng"], ["here"])
    assert [(unit.name, unit.wanted) for unit in both] == [("0/deu-eng.parquet", None)]
    one = choose_languages(found, ["eng-deu"], ["here"])
    assert [(unit.labels, unit.wanted) for unit in one] == [(("deu-eng", "eng-deu"), ("eng-deu",))]
    assert "has nothing for fra" in refusal(choose_languages, found, ["fra"], ["here"])
    write_rows(tmp_path / "other.jsonl", SPOKEN)
    chosen = choose_languages(units(tmp_path), ["fra-eng"], ["here"])
    assert [(unit.name, unit.wanted) for unit in chosen] == [("0/other.jsonl", ("fra-eng",))]
    identities = [identity_of(choose_languages(found, wanted, ["here"])) for wanted in (None, ["eng-deu"], ["deu-eng"])]
    assert len({identity["0/deu-eng.parquet"] for identity in identities}) == 3


@pytest.mark.parametrize("keep", [0, 3, 4, 100, -1])
def test_a_truncated_parquet_file_is_named(tmp_path: Path, keep: int) -> None:
    write(tmp_path, "eng.parquet", "deu.parquet")
    os.truncate(tmp_path / "eng.parquet", keep if keep >= 0 else (tmp_path / "eng.parquet").stat().st_size - 1)
    assert f"{tmp_path}/eng.parquet: broken or truncated Parquet" in refusal(units, tmp_path)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_parquet_file_with_a_damaged_footer_is_named(tmp_path: Path, place: float) -> None:
    write(tmp_path, "eng.parquet")
    data = bytearray((tmp_path / "eng.parquet").read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - footer + int(place * footer)
    data[start : start + 8] = b"\xff" * 8
    (tmp_path / "eng.parquet").write_bytes(data)
    assert f"{tmp_path}/eng.parquet: " in refusal(units, tmp_path)


def test_the_identity_changes_with_the_content_and_not_with_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "one", "eng.parquet", "fin.jsonl")
    before = identity_of(units(tmp_path / "one"))
    assert list(before) == ["0/eng.parquet", "0/fin.jsonl"]
    (tmp_path / "one").rename(tmp_path / "two")
    assert identity_of(units(tmp_path / "two")) == before
    (tmp_path / "two" / "fin.jsonl").write_bytes(LINE.replace(b"a?", b"b?"))
    after = identity_of(units(tmp_path / "two"))
    assert after["0/fin.jsonl"] != before["0/fin.jsonl"]
    assert after["0/eng.parquet"] == before["0/eng.parquet"]


@pytest.mark.parametrize("source", ["hf://PaDaS-Lab/webfaq", "hf://PaDaS-Lab/webfaq@", "hf://@main", "hf://"])
def test_a_hub_source_without_a_revision_is_refused(source: str) -> None:
    assert refusal(list_units, [source], Location.of).startswith(f"corpus.source: {source}: pin a revision")
