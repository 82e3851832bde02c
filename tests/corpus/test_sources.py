"""Where pairs come from: what a folder holds, by language, and what it must not hold."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raytrain.corpus import cldr
from raytrain.corpus.sources import Unit, choose_languages, count_rows, identity_of, list_units
from raytrain.errors import UserError
from raytrain.storage import Location

PAIRS = pa.table({"question": ["a?", "b?", "c?"], "answer": ["a", "b", "c"]})


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            pq.write_table(PAIRS, folder / name)
        else:
            (folder / name).write_bytes(b"x" * 4_000)


def units(folder: Path) -> list[Unit]:
    return list_units(str(folder), Location.of)


def refusal(action: Any, *args: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*args)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_every_layout_by_language(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "deu/a.parquet", "deu/b.parquet", "fin.jsonl", "swa.jsonl.gz", "tha/x.jsonl.gz")
    found = [(unit.language, unit.name, unit.kind) for unit in units(tmp_path)]
    assert found == [
        ("deu", "deu/a.parquet", "parquet"),
        ("deu", "deu/b.parquet", "parquet"),
        ("eng", "eng.parquet", "parquet"),
        ("fin", "fin.jsonl", "jsonl"),
        ("swa", "swa.jsonl.gz", "jsonl"),
        ("tha", "tha/x.jsonl.gz", "jsonl"),
    ]


def test_names_and_short_codes_become_iso_639_3(tmp_path: Path) -> None:
    write(tmp_path, "fi.parquet", "Swahili.jsonl", "de/x.parquet", "ENG.jsonl.gz")
    assert sorted(unit.language for unit in units(tmp_path)) == ["deu", "eng", "fin", "swa"]


def test_what_is_no_data_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "README.md", ".gitattributes", "_SUCCESS", "deu/_metadata.parquet", "log/x.txt")
    write(tmp_path, ".hidden.parquet", "_common.jsonl")
    assert [unit.name for unit in units(tmp_path)] == ["eng.parquet"]


@pytest.mark.parametrize("name", ["train.parquet", "eng-deu.jsonl", "data/a.parquet", "xx.jsonl.gz", "en_US.parquet"])
def test_a_name_that_is_no_language_is_refused_with_its_file(tmp_path: Path, name: str) -> None:
    write(tmp_path, "eng.parquet", name)
    line = refusal(units, tmp_path)
    assert line.startswith(f"{tmp_path / name}: the name says the language")
    assert "is no language" in line


@pytest.mark.parametrize("name", ["eng/part/a.parquet", "eng/part/a.jsonl", "data/2024/eng.parquet"])
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
    found = list_units("demo:cldr", Location.of)
    assert [unit.language for unit in found] == list(cldr.LANGUAGES)
    assert {unit.version for unit in found} == {cldr.version()}
    assert "there is demo:cldr" in refusal(list_units, "demo:wikipedia", Location.of)


def test_chosen_languages(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "deu/a.parquet", "deu/b.parquet", "fin.jsonl")
    found = units(tmp_path)
    assert choose_languages(found, None, "here") == found
    assert [u.name for u in choose_languages(found, ["fin", "deu"], "here")] == [
        "deu/a.parquet",
        "deu/b.parquet",
        "fin.jsonl",
    ]
    line = refusal(choose_languages, found, ["deu", "swa", "tha"], "here")
    assert line == "corpus.languages: here has nothing for swa, tha; it has deu, eng, fin"


def test_rows_are_counted_from_footers_and_guessed_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, "eng.parquet", "fin.jsonl", "swa.jsonl.gz")
    listed = units(tmp_path)
    assert [unit.rows for unit in listed] == [0, 10, 40]
    counted = count_rows(listed)
    assert [unit.rows for unit in counted] == [3, 10, 40]
    assert identity_of(counted) == identity_of(listed)


def test_a_file_without_a_column_is_named_with_those_it_has(tmp_path: Path) -> None:
    pq.write_table(PAIRS.rename_columns(["question", "reply"]), tmp_path / "eng.parquet")
    line = refusal(count_rows, units(tmp_path))
    assert line == f"{tmp_path}/eng.parquet: no column 'answer': it has question, reply"


@pytest.mark.parametrize("keep", [0, 3, 4, 100, -1])
def test_a_truncated_parquet_file_is_named(tmp_path: Path, keep: int) -> None:
    write(tmp_path, "eng.parquet", "deu.parquet")
    os.truncate(tmp_path / "eng.parquet", keep if keep >= 0 else (tmp_path / "eng.parquet").stat().st_size - 1)
    assert f"{tmp_path}/eng.parquet: broken or truncated Parquet" in refusal(count_rows, units(tmp_path))


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_parquet_file_with_a_damaged_footer_is_named(tmp_path: Path, place: float) -> None:
    write(tmp_path, "eng.parquet")
    data = bytearray((tmp_path / "eng.parquet").read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - footer + int(place * footer)
    data[start : start + 8] = b"\xff" * 8
    (tmp_path / "eng.parquet").write_bytes(data)
    assert f"{tmp_path}/eng.parquet: " in refusal(count_rows, units(tmp_path))


def test_the_identity_changes_with_the_content_and_not_with_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "one", "eng.parquet", "fin.jsonl")
    before = identity_of(units(tmp_path / "one"))
    assert list(before) == ["eng.parquet", "fin.jsonl"]
    (tmp_path / "one").rename(tmp_path / "two")
    assert identity_of(units(tmp_path / "two")) == before
    (tmp_path / "two" / "fin.jsonl").write_bytes(b"y" * 4_000)
    after = identity_of(units(tmp_path / "two"))
    assert after["fin.jsonl"] != before["fin.jsonl"]
    assert after["eng.parquet"] == before["eng.parquet"]


@pytest.mark.parametrize("source", ["hf://PaDaS-Lab/webfaq", "hf://PaDaS-Lab/webfaq@", "hf://@main", "hf://"])
def test_a_hub_source_without_a_revision_is_refused(source: str) -> None:
    assert refusal(list_units, source, Location.of).startswith(f"corpus.source: {source}: pin a revision")


@pytest.fixture
def hub_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the shape of a dataset repository; the library may keep what it likes in tmp_path."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", tmp_path / "modules")
    return tmp_path / "repository"


def as_hub(folder: Path, *configs: str) -> None:
    lines = ["---", "configs:"]
    for config in configs:
        write(folder, f"{config}/default.parquet")
        lines += [f"- config_name: {config}", "  data_files:", "  - split: default"]
        lines += [f"    path: {config}/default.parquet"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def test_the_configs_of_a_hub_dataset_are_languages(hub_folder: Path) -> None:
    as_hub(hub_folder, "eng", "fin")
    found = list_units(f"hf://{hub_folder}@main", Location.of)
    assert [(u.kind, u.language, u.name, u.revision) for u in found] == [
        ("hub", "eng", f"{hub_folder}/eng", "main"),
        ("hub", "fin", f"{hub_folder}/fin", "main"),
    ]
    assert identity_of(found) == {f"{hub_folder}/{lang}": "main" for lang in ("eng", "fin")}
    assert count_rows(found) == found


def test_rows_of_a_hub_dataset_are_those_its_card_counts(hub_folder: Path) -> None:
    as_hub(hub_folder, "eng", "fin")
    card = (hub_folder / "README.md").read_text()
    counts = ["dataset_info:", "- config_name: fin", "  splits:", "  - name: default", "    num_examples: 4711"]
    (hub_folder / "README.md").write_text(card.replace("---\nconfigs:", "\n".join(["---", *counts, "configs:"])))
    listed = list_units(f"hf://{hub_folder}@main", Location.of)
    assert [unit.rows for unit in count_rows(listed)] == [listed[0].rows, 4711]


def test_a_config_that_is_no_language_is_named(hub_folder: Path) -> None:
    as_hub(hub_folder, "eng", "eng-corpus")
    assert "config 'eng-corpus': " in refusal(list_units, f"hf://{hub_folder}@main", Location.of)


def test_a_hub_dataset_that_can_not_be_had_is_named(hub_folder: Path) -> None:
    source = f"hf://{hub_folder}/absent@main"
    assert f"corpus.source: can't open {source}: " in refusal(list_units, source, Location.of)
