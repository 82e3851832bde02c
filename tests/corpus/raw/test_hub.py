"""Datasets of the hub: their files by config, each fetched once and read like any other."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hubserver
from raytrain.corpus.raw.hub import hub_split
from raytrain.corpus.raw.reading import read_unit
from raytrain.corpus.raw.sources import count_rows, identity_of, list_units
from raytrain.errors import UserError
from raytrain.storage import Location

ROWS: list[dict[str, Any]] = [
    {"id": "1", "question": "a?", "answer": "a", "topic": "x"},
    {"id": "2", "question": "b?", "answer": "", "topic": None},
    {"id": "3", "question": "c?", "answer": "c", "topic": "y"},
]
BITEXT = {"question1": "Warum?", "answer1": "Darum.", "question2": "Why?", "answer2": "Because."}


def dataset(folder: Path, configs: dict[str, tuple[str, list[dict[str, Any]]]]) -> Path:
    """A repository whose card lists the configs, each with one file."""
    lines = ["---", "configs:"]
    for config, (path, rows) in configs.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".gz":
            place.write_bytes(gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows)))
        elif rows:
            pq.write_table(pa.Table.from_pylist(rows), place)
        lines += [f'- config_name: "{config}"', "  data_files:", "  - split: default", f'    path: "{path}"']
    (folder / "README.md").write_text("\n".join([*lines, "---", "# A dataset", ""]))
    return folder


def webfaq(folder: Path) -> Path:
    files = {lang: f"{lang}/default-00000-of-00001.parquet" for lang in ("eng", "fin")}
    return dataset(folder, {lang: (path, [row | {"lang": lang} for row in ROWS]) for lang, path in files.items()})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a dataset may be; the library may keep what it likes beside it."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", tmp_path / "modules")
    return tmp_path / "repository"


def refusal(source: str) -> str:
    with pytest.raises(UserError) as caught:
        list_units([source], Location.of)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_hub_dataset_gives_the_rows_of_its_files(folder: Path) -> None:
    webfaq(folder)
    units = count_rows(list_units([f"hf://{folder}@main"], Location.of))
    assert [(unit.kind, unit.labels, unit.name, unit.row_groups) for unit in units] == [
        ("parquet", (lang,), f"0/{lang}/default-00000-of-00001.parquet", (3,)) for lang in ("eng", "fin")
    ]
    (checked,) = read_unit(units[1])
    assert checked.good.column("question").to_pylist() == ["a?", "c?"]
    assert checked.good.column("extra").to_pylist() == [
        '{"lang": "fin", "topic": "x"}',
        '{"lang": "fin", "topic": "y"}',
    ]
    assert [(bad["file"], bad["row"]) for bad in checked.bad.to_pylist()] == [
        (f"{folder}/fin/default-00000-of-00001.parquet", 1)
    ]


def test_the_identity_follows_the_files_and_not_the_folder(folder: Path) -> None:
    webfaq(folder)
    before = identity_of(list_units([f"hf://{folder}@main"], Location.of))
    moved = folder.with_name("moved")
    folder.rename(moved)
    assert identity_of(list_units([f"hf://{moved}@main"], Location.of)) == before


def test_bitexts_by_config(folder: Path) -> None:
    spoken = BITEXT | {"language1": "deu", "language2": "eng"}
    dataset(folder, {"deu-eng": ("deu-eng.parquet", [BITEXT]), "other": ("other.jsonl.gz", [spoken])})
    units = list_units([f"hf://{folder}@main"], Location.of)
    assert [(unit.labels, unit.name) for unit in units] == [
        (("deu-eng", "eng-deu"), "0/deu-eng.parquet"),
        ((), "0/other.jsonl.gz"),
    ]
    for unit in units:
        (checked,) = read_unit(unit)
        assert checked.good.column("language").to_pylist() == ["deu-eng", "eng-deu"]


def test_default_beside_other_configs_is_the_same_rows(folder: Path) -> None:
    dataset(folder, {"default": ("**/*.parquet", []), "eng": ("eng.parquet", ROWS), "fin": ("fin.parquet", ROWS)})
    units = list_units([f"hf://{folder}@main"], Location.of)
    assert [unit.name for unit in units] == ["0/eng.parquet", "0/fin.parquet"]


def test_files_of_a_dataset_without_configs_say_their_languages(folder: Path) -> None:
    dataset(folder, {"eng": ("data/eng.parquet", ROWS), "fin": ("data/fin.parquet", ROWS)})
    (folder / "README.md").unlink()
    units = list_units([f"hf://{folder}@main"], Location.of)
    assert [(unit.labels, unit.name) for unit in units] == [
        (("eng",), "0/data/eng.parquet"),
        (("fin",), "0/data/fin.parquet"),
    ]


def test_a_config_that_is_no_language_is_named(folder: Path) -> None:
    dataset(folder, {"eng": ("eng.parquet", ROWS), "queries": ("queries.parquet", ROWS)})
    assert f"{folder}/queries.parquet: 'queries' says the language" in refusal(f"hf://{folder}@main")


def test_a_file_without_the_columns_or_broken_is_named(folder: Path) -> None:
    dataset(folder, {"eng": ("eng.parquet", [{"question": "a?", "reply": "a"}])})
    assert f"{folder}/eng.parquet: no rows that can be read" in refusal(f"hf://{folder}@main")
    os.truncate(folder / "eng.parquet", 40)
    assert f"{folder}/eng.parquet: broken or truncated Parquet" in refusal(f"hf://{folder}@main")


def test_a_dataset_that_can_not_be_had_is_named(folder: Path) -> None:
    source = f"hf://{folder}/absent@main"
    assert refusal(source).startswith(f"corpus.source: {source}: can't be read: ")


@pytest.mark.parametrize(
    ("splits", "chosen"), [(["train", "default"], "default"), (["test", "train"], "train"), (["a", "b"], "a")]
)
def test_one_split_is_read(splits: list[str], chosen: str) -> None:
    assert hub_split(splits) == chosen


READER = """
import json, sys
from raytrain.corpus.raw.reading import read_unit
from raytrain.corpus.raw.sources import count_rows, identity_of, list_units
from raytrain.storage import Location

units = count_rows(list_units(["hf://me/webfaq@main"], Location.of))
counted = [[unit.name, list(unit.labels), unit.rows] for unit in units]
print(json.dumps({"units": counted, "identity": dict(identity_of(units))}), flush=True)
for unit in units[: int(sys.argv[1])]:
    for checked in read_unit(unit):
        print(json.dumps([checked.good.num_rows, checked.bad.column("file").to_pylist()]), flush=True)
"""


def test_files_of_the_hub_are_fetched_once_and_counted_without(tmp_path: Path) -> None:
    """Over HTTP, by processes of their own: the libraries read the hub's address when they are imported."""
    folder = webfaq(tmp_path / "repository")
    card = (folder / "README.md").read_text().removesuffix("---\n# A dataset\n")
    dataset(folder, {"swa": ("swa.jsonl.gz", ROWS)})
    swa = (folder / "README.md").read_text().removeprefix("---\nconfigs:\n")
    (folder / "README.md").write_text(card + swa)
    with hubserver.serve(folder, "me/webfaq") as hub:
        env = hubserver.environment(hub, tmp_path)

        def run(files: int) -> tuple[dict[str, Any], list[Any]]:
            hub.fetched.clear()
            command = [sys.executable, "-c", READER, str(files)]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            first, *rest = [json.loads(line) for line in done.stdout.splitlines()]
            return first, rest

        eng, fin = (f"{lang}/default-00000-of-00001.parquet" for lang in ("eng", "fin"))
        listed, read = run(1)
        assert [unit[:2] for unit in listed["units"]] == [
            [f"0/{eng}", ["eng"]],
            [f"0/{fin}", ["fin"]],
            ["0/swa.jsonl.gz", ["swa"]],
        ]
        assert [unit[2] for unit in listed["units"]] == [3, 3, 1]
        assert set(listed["identity"].values()) == {hubserver.COMMIT}
        assert read == [[2, [f"hf://datasets/me/webfaq@{hubserver.COMMIT}/{eng}"]]]
        assert eng in hub.fetched
        assert fin not in hub.fetched
        again, read = run(3)
        assert again == listed
        assert len(read) == 3
        assert eng not in hub.fetched
        assert {fin, "swa.jsonl.gz"} <= set(hub.fetched)
