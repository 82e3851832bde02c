"""Benchmarks by name: which names there are, what they are called, and what tells their content apart."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus import cldr
from raytrain.errors import FileMissingError, UserError
from raytrain.evaluate.benchmark import KINDS, check_name, identity_of, label_of, load_benchmark
from raytrain.storage import Location

NAMES = ["demo:cldr", "beir:eval", "beir:s3://bucket/eval", "tydiqa-goldp:dev.json", "tydiqa-primary:dev.jsonl.gz"]
WRONG = ["", "demo", "demo:", "demo:x", "beir", "beir:", "beir: ", "tydiqa:dev.json", "tydiqa-goldp:", "x", "BEIR:x"]


def beir_folder(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "one"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "1?"}\n')
    (folder / "qrels" / "test.tsv").write_text("q\td\t1\n")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_each_kind_is_known(name: str) -> None:
    check_name(name)
    assert label_of(name).startswith(name.split(":")[0])
    assert name.split(":")[0] in KINDS


@pytest.mark.parametrize("name", WRONG)
def test_any_other_name_is_refused_with_those_there_are(name: str) -> None:
    line = f"{name!r} is no benchmark: demo:cldr, beir:DIR, tydiqa-goldp:FILE or tydiqa-primary:FILE"
    with pytest.raises(ValueError, match="is no benchmark") as caught:
        check_name(name)
    assert str(caught.value) == line
    for refuse in (label_of, lambda n: identity_of(n, Location.of), lambda n: load_benchmark(n, None, Location.of)):
        with pytest.raises(UserError) as refused:
            refuse(name)
        assert str(refused.value) == f"evaluate.benchmarks: {line}"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("demo:cldr", "demo-cldr"),
        ("beir:/a/b/eval", "beir-eval"),
        ("beir:/a/b/eval/", "beir-eval"),
        ("beir:eval", "beir-eval"),
        ("beir:s3://bucket", "beir-bucket"),
        ("beir:s3://bucket/eval.v2", "beir-eval.v2"),
        ("beir:beir", "beir"),
        ("beir:beir-eval", "beir-eval"),
        ("beir:.", "beir"),
        ("beir:/", "beir"),
        ("beir:my held/out: set", "beir-out_set"),
        ("tydiqa-goldp:/x/tydiqa-goldp-v1.1-dev.json.gz", "tydiqa-goldp-v1.1-dev"),
        ("tydiqa-goldp:/x/tydiqa-goldp-v1.1-dev.json", "tydiqa-goldp-v1.1-dev"),
        ("tydiqa-goldp:validation.parquet", "tydiqa-goldp-validation"),
        ("tydiqa-primary:gs://b/tydiqa-v1.0-dev.jsonl.gz", "tydiqa-primary-v1.0-dev"),
        ("tydiqa-primary:tiny_dev.jsonl", "tydiqa-primary-tiny_dev"),
        ("tydiqa-primary:/x/.jsonl", "tydiqa-primary"),
    ],
)
def test_a_label_says_the_kind_once_and_not_the_place(name: str, label: str) -> None:
    assert label_of(name) == label


@given(st.sampled_from(["beir", "tydiqa-goldp", "tydiqa-primary"]), st.text(min_size=1).filter(str.strip))
def test_a_label_is_safe_as_the_name_of_a_file(kind: str, where: str) -> None:
    label = label_of(f"{kind}:{where}")
    assert label.startswith(kind)
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert label[-1] not in "._-"


def test_the_identity_follows_the_files(tmp_path: Path) -> None:
    folder = beir_folder(tmp_path / "b")
    before = identity_of(f"beir:{folder}", Location.of)
    assert sorted(before) == ["corpus.jsonl", "qrels/test.tsv", "queries.jsonl"]
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "other"}\n')
    after = identity_of(f"beir:{folder}", Location.of)
    assert {name for name in before if before[name] != after[name]} == {"queries.jsonl"}
    with pytest.raises(UserError, match="holds no corpus"):
        identity_of(f"beir:{tmp_path}/absent", Location.of)


@pytest.mark.parametrize("kind", ["tydiqa-goldp", "tydiqa-primary"])
def test_the_identity_of_a_file_follows_it_and_no_other(tmp_path: Path, kind: str) -> None:
    name = f"{kind}:{tmp_path}/dev.jsonl"
    (tmp_path / "dev.jsonl").write_text("one\n")
    before = identity_of(name, Location.of)
    assert list(before) == ["dev.jsonl"]
    (tmp_path / "other.jsonl").write_text("x\n")
    assert identity_of(name, Location.of) == before
    (tmp_path / "dev.jsonl").write_text("another\n")
    assert identity_of(name, Location.of) != before


@pytest.mark.parametrize("kind", ["tydiqa-goldp", "tydiqa-primary"])
def test_a_missing_file_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    for place in ("absent.jsonl", "absent.parquet", "folder.jsonl", "no/such/folder/dev.jsonl"):
        for look in (identity_of, lambda name, open_location: load_benchmark(name, None, open_location)):
            with pytest.raises(UserError, match=f"{tmp_path}/{place}") as caught:
                look(f"{kind}:{tmp_path}/{place}", Location.of)
            assert "\n" not in str(caught.value)
    with pytest.raises(FileMissingError):
        identity_of(f"{kind}:{tmp_path}/absent.jsonl", Location.of)


def test_a_file_on_an_object_store(s3: Any) -> None:
    place = Location.of(f"s3://{s3.bucket()}/held-out/dev.jsonl")
    row = {"id": "finnish-1-0", "question": "Mikä?", "context": "Tämä.", "answers": [{"text": "Tämä"}]}
    place.write_bytes(json.dumps(row).encode())
    name = f"tydiqa-goldp:{place.uri}"
    before = identity_of(name, Location.of)
    assert list(load_benchmark(name, None, Location.of)[0].queries) == ["finnish-1-0"]
    place.write_bytes(json.dumps(row | {"question": "Mikä tämä on?"}).encode())
    assert identity_of(name, Location.of) != before
    with pytest.raises(FileMissingError, match="no such file"):
        identity_of(f"{name}.gz", Location.of)


def test_the_embedded_benchmark() -> None:
    found = load_benchmark("demo:cldr", ["swa", "fin"], Location.of)
    assert [part.language for part in found] == ["fin", "swa"]
    for part in found:
        assert part.queries.keys() == part.relevant.keys()
        assert all(set(grades) <= part.passages.keys() for grades in part.relevant.values())
    assert identity_of("demo:cldr", Location.of) == {"demo:cldr": cldr.version()}
    with pytest.raises(UserError, match=r"demo:cldr has no eus; it has ara, ben"):
        load_benchmark("demo:cldr", ["fin", "eus"], Location.of)
