"""MIRACL as released: graded judgements, passages in several files, a folder for topics and one for passages."""

from pathlib import Path

import pytest
from releases import miracl

from raytrain.errors import UserError
from raytrain.evaluate.benchmark import identity_of, load_benchmark
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location


def load(place: Path, split: str = "", languages: list[str] | None = None) -> list[Retrieval]:
    return list(load_benchmark(f"miracl:{place}{split}", languages, Location.of))


def test_grades_negatives_and_all_files_of_passages(tmp_path: Path) -> None:
    miracl(tmp_path, "sw")
    miracl(tmp_path, "zh")
    swa, zho = load(tmp_path)
    assert (swa.language, zho.language) == ("swa", "zho")
    assert swa.passages == {"39#0": "Albedo Albedo is a measure.", "39#1": "b", "7#0": "Seitse c"}
    assert swa.untitled == {"39#0": "Albedo is a measure.", "7#0": "c"}
    assert swa.queries == {"0#0": "What is albedo?", "1": "And seven?"}
    assert swa.relevant == {"0#0": {"39#0": 1, "7#0": 0}, "1": {"7#0": 2}}
    assert swa.left_out == 1  # judged, and nothing is right
    assert load(tmp_path, languages=["zho"]) == [zho]


def test_the_two_repositories_may_lie_side_by_side(tmp_path: Path) -> None:
    miracl(tmp_path)
    expected = load(tmp_path)
    (tmp_path / "miracl").mkdir()
    (tmp_path / "miracl-v1.0-sw").rename(tmp_path / "miracl/miracl-v1.0-sw")
    (tmp_path / "miracl-corpus").mkdir()
    (tmp_path / "miracl-corpus-v1.0-sw").rename(tmp_path / "miracl-corpus/miracl-corpus-v1.0-sw")
    assert load(tmp_path) == expected


def test_dev_is_the_default_and_a_split_has_files_of_its_own(tmp_path: Path) -> None:
    miracl(tmp_path)
    miracl(tmp_path, split="train", topics=["9\tTrain?"], qrels=["9 Q0 7#0 1"])
    assert load(tmp_path) == load(tmp_path, "#dev")
    assert load(tmp_path, "#train")[0].queries == {"9": "Train?"}
    dev, train = (identity_of(f"miracl:{tmp_path}{split}", Location.of) for split in ("", "#train"))
    assert len(dev) == len(train) == 4
    assert len(dev.keys() & train.keys()) == 2
    with pytest.raises(UserError, match=r"holds no .*topics\.miracl-v1\.0-\{lang\}-test-a\.tsv"):
        load(tmp_path, "#test-a")


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("miracl-corpus-v1.0-sw/docs-0.jsonl.gz", "lacks docs-0 of swa"),
        ("miracl-corpus-v1.0-sw/*", "lacks docs-0 of swa"),
        ("miracl-v1.0-sw/qrels/*", "lacks qrels of swa dev"),
        ("miracl-corpus-v1.0-sw/docs-1.jsonl.gz", "names passage 7#0, which is not there"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, gone: str, words: str) -> None:
    miracl(tmp_path)
    for place in tmp_path.glob(gone):
        place.unlink()
    with pytest.raises(UserError, match=words):
        load(tmp_path)
