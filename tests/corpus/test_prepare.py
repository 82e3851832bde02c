"""prepare on a real Ray: the same corpus whatever the files look like, every row accounted for."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from jobs import small_job, write_corpus, write_held_out
from processes import kill_tree, start, wait_for
from raytrain.artifact import Artifact
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.pipeline import Task, run
from raytrain.stages.benchmark import BENCHMARK
from raytrain.stages.prepare import PREPARE, prepare_task

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


def spoilt(folder: Path) -> Path:
    """50 good pairs of English and of Finnish, and four Finnish rows of no use."""
    source = write_corpus(folder, languages=("eng", "fin"), rows=50)
    with (source / "fin.jsonl").open("ab") as file:
        file.write(b'{"question": "only asked"}\n{"question": " ", "answer": "x"}\n')
        file.write(b'{"question": "broken \xff", "answer": "x"}\n{"question": 7, "answer": "x"}\n')
    return source


SPOILT = ["missing_answer", "empty_question", "undecodable_line", "mistyped_question"]


def test_bad_rows_are_counted_and_kept_apart(tmp_path: Path) -> None:
    artifact = prepared(spoilt(tmp_path / "raw"), tmp_path / "root", max_bad_fraction=0.1)
    rows = artifact.manifest.rows
    assert rows is not None
    assert (rows.taken, rows.kept, rows.dropped) == (104, 100, dict.fromkeys(SPOILT, 1))
    of_finnish = artifact.manifest.summary["languages"]["fin"]
    assert (of_finnish["taken"], of_finnish["rows"], of_finnish["dropped"]) == (54, 50, dict.fromkeys(SPOILT, 1))
    bad = [file for file in artifact.manifest.files if file.path.startswith("quarantine/")]
    tables = [pq.read_table((artifact.location / file.path).open_input()) for file in bad]
    found = pa.concat_tables(tables).to_pylist()
    assert [(row["row"], row["reason"]) for row in found] == list(zip(range(50, 54), SPOILT, strict=True))
    assert all(row["file"].endswith("fin.jsonl") for row in found)


def test_too_many_bad_rows_stop_the_run_and_more_may_be_allowed(tmp_path: Path) -> None:
    source = spoilt(tmp_path / "raw")
    with pytest.raises(
        UserError, match=r"4 of \d+ rows read can.t be used \(.*max_bad_fraction allows 0.02: see .*quarant"
    ):
        prepared(source, tmp_path / "root", max_bad_fraction=0.02)
    assert not list((tmp_path / "root").rglob("manifest.json"))
    assert list((tmp_path / "root").rglob("quarantine/*.parquet"))
    assert prepared(source, tmp_path / "root", max_bad_fraction=0.1).manifest.rows


def test_nothing_of_the_work_is_left(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", rows=20)
    artifact = prepared(source, tmp_path / "root")
    named = {file.path for file in artifact.manifest.files} | {"manifest.json"}
    assert {info.path for info in artifact.location.list()} == named
    (artifact.location / "work/runs/left").write_bytes(b"as a kill right after the manifest leaves it")
    prepared(source, tmp_path / "root")
    assert {info.path for info in artifact.location.list()} == named


def test_a_language_of_which_no_row_says_that_it_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    rows = [
        {"question1": f"wer {i}", "answer1": f"der {i}", "question2": f"who {i}", "answer2": f"he {i}"}
        | {"language1": "deu", "language2": "eng"}
        for i in range(20)
    ]
    (tmp_path / "raw/other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    artifact = prepared(tmp_path / "raw", tmp_path / "root", languages=["deu-eng"])
    assert list(artifact.manifest.summary["languages"]) == ["deu-eng"]
    assert artifact.manifest.rows is not None
    assert artifact.manifest.rows.dropped == {"language_not_wanted": 20}
    with pytest.raises(UserError, match=r"corpus.languages: no row of fin-swe was found; there are deu-eng, eng-deu"):
        prepared(tmp_path / "raw", tmp_path / "root", languages=["deu-eng", "fin-swe"])


def test_rows_are_shuffled_and_cut_into_shards_and_row_groups(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("eng",), rows=950)
    artifact = prepared(source, tmp_path / "root", shard_rows=100, row_group_rows=16)
    shards = Corpus.of(artifact).shards["eng"]
    assert shards.shard_rows == (*[100] * 9, 50)
    file = pq.ParquetFile((artifact.location / "eng/part-00000.parquet").open_input())
    assert file.metadata.row_group(0).num_rows == 16
    raw = [json.loads(line) for line in (source / "eng.jsonl").read_text().splitlines()]
    before, after = [(row["question"], row["answer"]) for row in raw], texts(artifact, "eng")
    assert sorted(before) == sorted(after)
    assert before != after
    other = prepared(source, tmp_path / "root", shard_rows=100, row_group_rows=16, seed=18)
    assert texts(other, "eng") != after


def test_the_default_rules_clean_identify_and_deduplicate(tmp_path: Path) -> None:
    good = {
        "question": "Q: How do I return an order that arrived broken?",
        "answer": "A: Send us a photo of the parcel within two weeks, and we will pay you back the full price at once.",
    }
    rows = [
        good,
        {**good, "question": "How do I return an order, that arrived BROKEN?", "answer": good["answer"] + " Promised."},
        {**good, "question": "How can I return an order that arrived broken"},
        {"question": "Why?", "answer": good["answer"]},
        {"question": "When does the shop open?", "answer": "At nine."},
        {"question": "Is it open on Sundays too?", "answer": "Why would it be open on Sundays, of all the days?"},
        {
            "question": "Wie kann ich eine Bestellung zurückgeben?",
            "answer": "Schicken Sie uns innerhalb von zwei Wochen ein Bild des Pakets, dann zahlen wir alles zurück.",
        },
    ]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/eng.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = small_job(tmp_path / "raw", tmp_path / "root")
    job["corpus"] = {"source": str(tmp_path / "raw")}
    artifact = run([Task.of(PREPARE, job_from(job, "test"))], print)["prepare"]
    assert artifact.manifest.rows is not None
    assert artifact.manifest.rows.dropped == {
        "question_short": 1,
        "answer_short": 1,
        "answer_asks": 1,
        "language_other": 1,
        "duplicate_question": 1,
        "near_duplicate": 1,
    }
    [(question, answer)] = texts(artifact, "eng")
    assert not question.startswith("Q:")
    assert not answer.startswith("A:")


def contaminated(folder: Path) -> tuple[Path, Path]:
    """A benchmark, and pairs of which 3 hold a question, 2 a relevant passage and 4 another passage of it."""
    held_out = write_held_out(folder / "eval", languages=("fin",), questions=20)
    lines = [(held_out / f"fin/{name}.jsonl").read_text().splitlines() for name in ("queries", "corpus")]
    questions, passages = ([json.loads(line)["text"] for line in of] for of in lines)
    source = write_corpus(folder / "raw", languages=("eng", "fin"), rows=40)
    rows = [{"question": text.upper(), "answer": f"bald und oft {i}"} for i, text in enumerate(questions[:3])]
    rows += [{"question": f"wozu dient {i}", "answer": f"«{text}»"} for i, text in enumerate(passages[:2])]
    rows += [{"question": f"wer ist {i}", "answer": text} for i, text in enumerate(passages[-4:])]
    for language in ("eng", "fin"):  # in English they are no matter
        with (source / f"{language}.jsonl").open("a") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
    return source, held_out


@pytest.mark.parametrize("others", [False, True])
def test_what_a_benchmark_asks_or_answers_is_not_trained_on(tmp_path: Path, others: bool) -> None:
    source, held_out = contaminated(tmp_path)
    data = small_job(source, tmp_path / "root") | {"evaluate": {"benchmarks": [f"beir:{held_out}"]}}
    data["corpus"] |= {"decontaminate": {"all_passages": others}}
    job = job_from(data, "test")
    artifact = run([Task.of(BENCHMARK, job), prepare_task(job)], print)["prepare"]
    languages = artifact.manifest.summary["languages"]
    other = {"benchmark_other_passage": 4} if others else {}
    assert languages["fin"]["dropped"] == {"benchmark_question_exact": 3, "benchmark_passage_exact": 2} | other
    assert languages["eng"]["dropped"] == {}
    found = {"beir-eval": {"fin": {"question_exact": 3, "passage_exact": 2} | ({"other_passage": 4} if others else {})}}
    assert artifact.manifest.summary["benchmark_matches"] == found


def test_a_killed_run_goes_on_to_the_same_corpus(tmp_path: Path) -> None:
    """SIGKILL to the driver and all it started, in the first phase and in a later one."""
    source = as_parquet_parts(write_corpus(tmp_path / "raw", rows=400), tmp_path / "parts")
    whole = prepared(source, tmp_path / "whole")
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(small_job(source, tmp_path / "root")))
    for phase in ("screened", "suspects"):
        process = start(job, "prepare")
        wait_for(tmp_path / "root", f"prepare/*/work/{phase}/*", process)
        kill_tree(process)
        assert not list((tmp_path / "root").rglob("manifest.json"))
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "root").glob("prepare/*/work/screened/*")}
    kept: list[bool] = []

    def watch(line: str) -> None:
        kept.append(all(path.stat().st_mtime_ns == then for path, then in finished.items()))

    data = small_job(source, tmp_path / "root")
    again = run([Task.of(PREPARE, job_from(data, "test"))], watch)["prepare"]
    assert (again.manifest.hash, again.manifest.content) == (whole.manifest.hash, whole.manifest.content)
    assert again.manifest.rows == whole.manifest.rows
    assert all(kept)


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
