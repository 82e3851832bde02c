"""prepare on a real Ray: the same corpus whatever the files look like, every row accounted for."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import small_job, write_corpus
from raytrain.artifact import Artifact
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.pipeline import Task, run
from raytrain.stages.prepare import PREPARE

pytestmark = pytest.mark.usefixtures("local_ray")


def prepared(source: Path, root: Path, **corpus: Any) -> Artifact:
    data = small_job(source, root)
    data["corpus"] |= corpus
    return run([Task.of(PREPARE, job_from(data, "test"))], print)["prepare"]


def texts(artifact: Artifact, language: str) -> list[tuple[str, str]]:
    table = Corpus.of(artifact).first_rows(language, 10**6, ["question", "answer"])
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def as_parquet_parts(source: Path, to: Path) -> Path:
    """The same rows as {lang}/*.parquet, the files in another order."""
    for path in source.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        folder = to / path.stem
        folder.mkdir(parents=True)
        for part in range(3):
            pq.write_table(pa.Table.from_pylist(rows[part::3]), folder / f"{9 - part}.parquet")
    return to


def test_the_files_make_no_difference(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", rows=200)
    zipped = tmp_path / "zipped"
    zipped.mkdir()
    for path in source.glob("*.jsonl"):
        (zipped / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    contents = {
        prepared(folder, tmp_path / f"root{i}").manifest.content
        for i, folder in enumerate([source, zipped, as_parquet_parts(source, tmp_path / "parts")])
    }
    assert len(contents) == 1


def test_bad_rows_are_counted_and_kept_apart(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("eng", "fin"), rows=50)
    with (source / "fin.jsonl").open("ab") as file:
        file.write(b'{"question": "only asked"}\n{"question": " ", "answer": "x"}\n')
        file.write(b'{"question": "broken \xff", "answer": "x"}\n{"question": 7, "answer": "x"}\n')
    artifact = prepared(source, tmp_path / "root")
    rows = artifact.manifest.rows
    assert rows is not None
    assert rows.taken == 104
    assert rows.kept == 100
    reasons = {"missing_answer": 1, "empty_question": 1, "undecodable_question": 1, "mistyped_question": 1}
    assert rows.dropped == reasons
    table = pq.read_table((artifact.location / "quarantine/fin.parquet").open_input()).to_pylist()
    assert [(row["row"], row["reason"]) for row in table] == list(
        zip(
            range(50, 54),
            ["missing_answer", "empty_question", "undecodable_question", "mistyped_question"],
            strict=True,
        )
    )
    assert all(row["file"].endswith("fin.jsonl") for row in table)


def test_rows_are_shuffled_and_cut_into_shards_and_row_groups(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("eng",), rows=900)
    artifact = prepared(source, tmp_path / "root", shard_rows=100, row_group_rows=16)
    shards = Corpus.of(artifact).shards["eng"]
    assert len(shards.shard_rows) > 1
    assert shards.rows == 900
    file = pq.ParquetFile((artifact.location / "eng/part-00000.parquet").open_input())
    assert file.metadata.row_group(0).num_rows == 16
    raw = [json.loads(line) for line in (source / "eng.jsonl").read_text().splitlines()]
    before, after = [(row["question"], row["answer"]) for row in raw], texts(artifact, "eng")
    assert sorted(before) == sorted(after)
    assert before != after
    other = prepared(source, tmp_path / "root", shard_rows=100, row_group_rows=16, seed=18)
    assert texts(other, "eng") != after


def test_reading_gives_the_rows_asked_for_in_their_order(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("eng",), rows=300)
    artifact = prepared(source, tmp_path / "root", shard_rows=100, row_group_rows=16)
    all_rows = texts(artifact, "eng")
    wanted = np.random.default_rng(1).integers(0, 300, 500)
    got = Corpus.of(artifact).read("eng", wanted, ["question", "answer"])
    assert list(zip(*(c.to_pylist() for c in got.columns), strict=True)) == [all_rows[i] for i in wanted]


def test_columns_we_do_not_know_are_kept(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("eng",), rows=20)
    extra = Corpus.of(prepared(source, tmp_path / "root")).first_rows("eng", 20, ["extra"])
    assert {json.loads(text)["topic"] for text in extra.column("extra").to_pylist()} == {"eng"}


def test_a_truncated_gzip_names_the_file_and_commits_nothing(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("eng",), rows=300)
    data = gzip.compress((source / "eng.jsonl").read_bytes())
    (source / "fin.jsonl.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"fin\.jsonl\.gz: broken or truncated gzip"):
        prepared(source, tmp_path / "root")
    assert not list((tmp_path / "root").rglob("manifest.json"))


def test_a_lost_shard_is_named(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("eng",), rows=20)
    artifact = prepared(source, tmp_path / "root")
    (artifact.location / "eng/part-00000.parquet").delete()
    with pytest.raises(UserError, match=r"part-00000\.parquet"):
        texts(artifact, "eng")
