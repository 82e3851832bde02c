"""What an evaluation leaves behind: run, hits and scores tell the same, and no question is lost."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from raytrain.artifact import Artifact, File, RowAccount, commit, download_file, make_manifest
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut, write_held_out
from raytrain.evaluate.metrics import DEPTH, METRICS, Hits, score
from raytrain.evaluate.retrieval import Retrieval
from raytrain.evaluate.scored import read_scored, write_scored
from raytrain.evaluate.trec import read_run
from raytrain.parquet import read_parquet, write_parquet
from raytrain.storage import Location

# In an order that is not sorted; é sorts after z, and 10 before 9.
RELEVANT = {
    "q9": {"p2": 1},
    "é": {"a passage": 1},
    "z": {"p1": 2, "p3": 1},
    "q10": {"p1": 1},
    "a question": {"p4": 1, "p2": 1},
}
RANKED: dict[str, Hits] = {
    "z": [("p3", 0.9), ("p2", 0.8), ("p1", 0.1)],
    "q9": [("p3", 0.5), ("p2", 0.5), ("p1", 0.5)],  # a tie, ids descending
    "a question": [("p1", 1e-9), ("p2", -0.25), ("a passage", -0.5)],
    "é": [("a passage", 2.0)],
    "q10": [],
}


def part_of(folder: Location, relevant: dict[str, dict[str, int]]) -> HeldOut:
    passages = dict.fromkeys(["p1", "p2", "p3", "p4", "a passage"], "text")
    _, counts = write_held_out("bench", Retrieval("fin", dict.fromkeys(relevant, "?"), passages, relevant), folder)
    return HeldOut("bench", "fin", folder / "bench/fin", **counts)


def evaluated(part: HeldOut, ranked: dict[str, Hits], folder: Location) -> tuple[Artifact, dict[str, float]]:
    files, means = write_scored(part, ranked, "a tag", folder)
    return committed(folder, files), means


def committed(folder: Location, files: list[File]) -> Artifact:
    manifest = make_manifest(
        stage="evaluate",
        writer="me",
        identity={},
        config={},
        inputs={},
        files=files,
        content=["bench/"],
        rows=RowAccount(taken=0, kept=0),
        summary={},
    )
    return commit(folder, manifest)


@pytest.fixture
def part(tmp_path: Path) -> HeldOut:
    return part_of(Location.of(str(tmp_path / "benchmark")), RELEVANT)


@pytest.fixture
def place(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "evaluate"))


def test_scores_are_read_back_with_sorted_questions(part: HeldOut, place: Location) -> None:
    artifact, means = evaluated(part, RANKED, place)
    questions, scores = read_scored(artifact, part)
    assert questions == sorted(RELEVANT) == ["a question", "q10", "q9", "z", "é"]
    expected = score(RELEVANT, RANKED)
    assert set(scores) == set(METRICS)
    for metric, values in scores.items():
        assert values.dtype == np.float64
        assert values.tolist() == [expected[question][metric] for question in questions]
        assert means[metric] == pytest.approx(sum(values.tolist()) / 5, abs=1e-15)
    assert scores["MRR@100"].tolist() == [1 / 2, 0, 1 / 2, 1, 1]  # as can be counted by hand
    assert scores["Recall@100"].tolist() == [1 / 2, 0, 1, 1, 1]


def test_a_question_without_hits_counts_0(part: HeldOut, place: Location) -> None:
    """Whether its list is empty or it was never asked, the mean is over all."""
    without = {query: hits for query, hits in RANKED.items() if query not in ("q10", "é")}
    artifact, means = evaluated(part, without, place)
    questions, scores = read_scored(artifact, part)
    assert questions == sorted(RELEVANT)
    assert scores["MRR@100"].tolist() == [1 / 2, 0, 1 / 2, 1, 0]
    assert means["MRR@100"] == pytest.approx(2 / 5)


def test_no_hits_at_all(part: HeldOut, place: Location) -> None:
    artifact, means = evaluated(part, {}, place)
    assert means == dict.fromkeys(METRICS, 0.0)
    assert read_scored(artifact, part)[0] == sorted(RELEVANT)
    assert (place / "bench/fin/run.trec").read_bytes() == b""
    assert read_parquet(place / "bench/fin/hits.parquet").num_rows == 0


def test_the_run_file_gives_the_same_metrics(part: HeldOut, place: Location) -> None:
    artifact, means = evaluated(part, RANKED, place)
    run = read_run((place / "bench/fin/run.trec").read_text(), "run")
    order = {query: [passage for passage, _ in hits] for query, hits in run.items()}
    assert order == {query: [passage for passage, _ in hits] for query, hits in RANKED.items() if hits}
    again = score(part.read_relevant(), run)
    questions, scores = read_scored(artifact, part)
    assert {q: {m: scores[m][i] for m in METRICS} for i, q in enumerate(questions)} == again
    for metric in METRICS:
        assert np.mean([values[metric] for values in again.values()]) == pytest.approx(means[metric], abs=1e-15)


def test_a_ranking_deeper_than_the_depth_is_cut_alike_everywhere(tmp_path: Path, place: Location) -> None:
    deep = [(f"n{i:04d}", float(-i)) for i in range(DEPTH + 20)]
    relevant = {"in": {f"n{DEPTH - 1:04d}": 1}, "out": {f"n{DEPTH:04d}": 1}, "shallow": {"n0099": 1}}
    part = part_of(Location.of(str(tmp_path / "benchmark")), relevant)
    artifact, _ = evaluated(part, dict.fromkeys(relevant, deep), place)
    questions, scores = read_scored(artifact, part)
    assert questions == ["in", "out", "shallow"]
    assert scores["MRR@100"].tolist() == [0, 0, 1 / 100]
    assert scores["Recall@1000"].tolist() == [1, 0, 1]
    run = read_run((place / "bench/fin/run.trec").read_text(), "run")
    again = score(relevant, run)
    assert {q: {m: scores[m][i] for m in METRICS} for i, q in enumerate(questions)} == again


def test_scores_that_lack_a_metric_are_named(part: HeldOut, place: Location) -> None:
    table = pa.table({"question": ["q9"], "nDCG@10": [1.0]})
    files = [write_parquet(table, place, "bench/fin/scores.parquet")]
    with pytest.raises(UserError, match=r"scores\.parquet: no MRR@10, .*: another raytrain scored it: evaluate anew"):
        read_scored(committed(place, files), part)


def test_hits_keep_their_raw_scores_in_order(part: HeldOut, place: Location) -> None:
    evaluated(part, RANKED, place)
    rows = read_parquet(place / "bench/fin/hits.parquet").to_pylist()
    wanted = [(query, passage, np.float32(value)) for query, hits in RANKED.items() for passage, value in hits]
    assert [(row["question"], row["passage"], np.float32(row["score"])) for row in rows] == wanted


def test_the_files_are_as_the_manifest_says_and_the_same_again(tmp_path: Path, part: HeldOut) -> None:
    files = []
    for name in ("one", "two"):
        artifact, _ = evaluated(part, RANKED, Location.of(str(tmp_path / name)))
        for file in artifact.manifest.files:
            assert download_file(artifact, file.path, tmp_path / "down").stat().st_size == file.size
        files.append(artifact.manifest.files)
    assert files[0] == files[1]
    names = ["hits.parquet", "run.trec", "scores.parquet"]
    assert [file.path for file in files[0]] == [f"bench/fin/{name}" for name in names]


def test_scores_that_are_gone_are_named(part: HeldOut, place: Location) -> None:
    artifact, _ = evaluated(part, RANKED, place)
    (place / "bench/fin/scores.parquet").delete()
    with pytest.raises(UserError, match=r"bench/fin/scores\.parquet"):
        read_scored(artifact, part)
