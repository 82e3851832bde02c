"""Benchmarks by name: which names there are, what they are called, and what tells their content apart."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus import cldr
from raytrain.errors import FileMissingError, UserError
from raytrain.evaluate.benchmark import (
    KINDS,
    check_name,
    identity_of,
    kind_of,
    label_of,
    load_benchmark,
)
from raytrain.languages import to_iso639_3
from raytrain.storage import Location

NAMES = [
    *("demo:cldr", "beir:eval", "beir:s3://bucket/eval", "tydiqa-goldp:dev.json", "tydiqa-primary:dev.jsonl.gz"),
    *("mrtydi:DIR", "mrtydi:DIR#dev", "miracl:s3://bucket/m#train", "webfaq:DIR", "crosslingual:DIR", "bitext:DIR"),
    *("beir:a#b/eval", "bitext:DIR#1"),  # a folder may be called so, where no split is meant
]
WRONG = ["", "demo", "demo:", "demo:x", "beir", "beir:", "beir: ", "tydiqa:dev.json", "tydiqa-goldp:", "x", "BEIR:x"]
FORMS = (
    "demo:cldr, beir:DIR[#SPLIT], tydiqa-goldp:FILE, tydiqa-primary:FILE, tydiqa-passages:FILE, mrtydi:DIR[#SPLIT], "
    "miracl:DIR[#SPLIT], webfaq:DIR[#SPLIT], crosslingual:DIR[#SPLIT] or bitext:DIR"
)


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
    assert kind_of(name) is KINDS[name.split(":")[0]]


@pytest.mark.parametrize("name", WRONG)
def test_any_other_name_is_refused_with_those_there_are(name: str) -> None:
    line = f"{name!r} is no benchmark: {FORMS}"
    with pytest.raises(ValueError, match="is no benchmark") as caught:
        check_name(name)
    assert str(caught.value) == line
    for refuse in (label_of, lambda n: identity_of(n, Location.of), lambda n: load_benchmark(n, None, Location.of)):
        with pytest.raises(UserError) as refused:
            refuse(name)
        assert str(refused.value) == f"evaluate.benchmarks: {line}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mrtydi:DIR#validation", "'mrtydi:DIR#validation' names no split of mrtydi: it has test, dev, train"),
        ("miracl:DIR#test", "'miracl:DIR#test' names no split of miracl: it has dev, train, test-a, test-b"),
        ("beir:DIR#", "'beir:DIR#' names no split of beir: it has test, dev, train"),
        ("webfaq:#train", "'webfaq:#train' names no split of webfaq: it has test, train"),
    ],
)
def test_a_split_that_a_kind_lacks_is_refused_with_those_it_has(name: str, line: str) -> None:
    with pytest.raises(ValueError, match="names no split") as caught:
        check_name(name)
    assert str(caught.value) == line


def test_every_kind_says_what_it_is() -> None:
    for kind in KINDS.values():
        about = kind.about()
        assert {"task", "metric", "passages", "licence"} <= about.keys()
        assert list(kind.languages) == [to_iso639_3(language) for language in kind.languages]
        assert set(kind.questions) <= set(kind.splits) or kind.where == "FILE"
    assert len(KINDS["webfaq"].languages) == 20
    assert len(KINDS["miracl"].languages) == 18
    assert len(KINDS["mrtydi"].languages) == len(KINDS["tydiqa-passages"].languages) == 11
    assert (KINDS["mrtydi"].release, KINDS["miracl"].release) == ("v1.1", "v1.0")


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
        ("tydiqa-primary:gs://b/tydiqa-v1.0-dev.jsonl.gz", "tydiqa-primary-open-v1.0-dev"),
        ("tydiqa-primary:tiny_dev.jsonl", "tydiqa-primary-open-tiny_dev"),
        ("tydiqa-primary:/x/.jsonl", "tydiqa-primary-open"),
        ("tydiqa-passages:gs://b/tydiqa-v1.0-dev.jsonl.gz", "tydiqa-selectp-v1.0-dev"),
        ("mrtydi:/x/mrtydi-v1.1", "mrtydi-v1.1"),
        ("mrtydi:/x/mrtydi-v1.1#test", "mrtydi-v1.1"),
        ("mrtydi:/x/mrtydi-v1.1/#dev", "mrtydi-v1.1-dev"),
        ("miracl:/x/MIRACL#dev", "miracl-MIRACL"),
        ("miracl:/x/miracl#train", "miracl-train"),
        ("bitext:tatoeba.v1", "bitext-tatoeba.v1"),
        ("crosslingual:s3://b/mkqa", "crosslingual-mkqa"),
    ],
)
def test_a_label_says_the_kind_once_and_not_the_place(name: str, label: str) -> None:
    assert label_of(name) == label


@given(
    st.sampled_from(["beir", "tydiqa-goldp", "tydiqa-primary"]),
    st.text(min_size=1).filter(lambda text: "#" not in text and text.strip()),
)
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


def test_the_identity_is_that_of_the_split(tmp_path: Path) -> None:
    folder = beir_folder(tmp_path / "b")
    (folder / "README.md").write_text("not read")
    (folder / "qrels" / "dev.tsv").write_text("q\td\t1\n")
    assert sorted(identity_of(f"beir:{folder}", Location.of)) == ["corpus.jsonl", "qrels/test.tsv", "queries.jsonl"]
    assert "qrels/dev.tsv" in identity_of(f"beir:{folder}#dev", Location.of)
    assert identity_of(f"beir:{folder}#dev", Location.of) != identity_of(f"beir:{folder}#test", Location.of)


@pytest.mark.parametrize("kind", ["tydiqa-goldp", "tydiqa-primary", "tydiqa-passages"])
def test_the_identity_of_a_file_follows_it_and_no_other(tmp_path: Path, kind: str) -> None:
    name = f"{kind}:{tmp_path}/dev.jsonl"
    (tmp_path / "dev.jsonl").write_text("one\n")
    before = identity_of(name, Location.of)
    assert list(before) == ["dev.jsonl"]
    (tmp_path / "other.jsonl").write_text("x\n")
    assert identity_of(name, Location.of) == before
    (tmp_path / "dev.jsonl").write_text("another\n")
    assert identity_of(name, Location.of) != before


@pytest.mark.parametrize("kind", ["tydiqa-goldp", "tydiqa-primary", "tydiqa-passages"])
def test_a_missing_file_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    for place in ("absent.jsonl", "absent.parquet", "folder.jsonl", "no/such/folder/dev.jsonl"):
        for look in (identity_of, lambda name, open_location: list(load_benchmark(name, None, open_location))):
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
    (part,) = load_benchmark(name, None, Location.of)
    assert list(part.queries) == ["finnish-1-0"]
    place.write_bytes(json.dumps(row | {"question": "Mikä tämä on?"}).encode())
    assert identity_of(name, Location.of) != before
    with pytest.raises(FileMissingError, match="no such file"):
        identity_of(f"{name}.gz", Location.of)


def test_the_embedded_benchmark() -> None:
    found = list(load_benchmark("demo:cldr", ["swa", "fin"], Location.of))
    assert [part.language for part in found] == ["fin", "swa"]
    for part in found:
        assert part.queries.keys() == part.relevant.keys()
        assert all(set(grades) <= part.passages.keys() for grades in part.relevant.values())
    assert identity_of("demo:cldr", Location.of) == {"demo:cldr": cldr.version()}
    with pytest.raises(UserError, match=r"demo:cldr has no eus; it has ara, ben"):
        list(load_benchmark("demo:cldr", ["fin", "eus"], Location.of))
