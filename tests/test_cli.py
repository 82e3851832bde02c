"""The command as a user calls it: help, and wrong inputs with one clear line and exit code 2."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from jobs import small_job, write_corpus, write_held_out
from s3server import S3Server


def raytrain(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "raytrain", *args], capture_output=True, text=True, timeout=120)


def refused(tmp_path: Path, data: dict[str, Any], *words: str) -> None:
    """Runs a job, which must be refused in one line with these words, exit code 2, and nothing written."""
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(data))
    done = raytrain("run", str(job))
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]
    root = Path(data["root"])
    assert not root.exists() or not [p for p in root.rglob("*") if p.is_file()]


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    return small_job(write_corpus(tmp_path / "raw", rows=60), tmp_path / "root")


def test_a_misspelt_key(tmp_path: Path, data: dict[str, Any]) -> None:
    data["train"]["bach_size"] = 8
    refused(tmp_path, data, "train.bach_size: unknown key", "did you mean batch_size?", "learning_rate")


def test_a_missing_bucket(tmp_path: Path, data: dict[str, Any], s3: S3Server) -> None:
    refused(tmp_path, {**data, "root": "s3://no-such-bucket-here/x"}, "no-such-bucket-here", "bucket")


def test_a_missing_source_bucket(tmp_path: Path, data: dict[str, Any], s3: S3Server) -> None:
    data["corpus"]["source"] = "s3://no-such-bucket-here/raw"
    refused(tmp_path, data, "no-such-bucket-here")


def test_wrong_credentials(
    tmp_path: Path, data: dict[str, Any], serve_s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_s3() as server:
        bucket = server.bucket()
        server.post("/moto-api/reset-auth", "0")
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        refused(tmp_path, {**data, "root": f"s3://{bucket}/x"}, bucket, "AWS_ACCESS_KEY_ID")


def test_a_language_without_rows(tmp_path: Path, data: dict[str, Any]) -> None:
    data["corpus"]["languages"] = ["eng", "swahili"]
    refused(tmp_path, data, "nothing for swa", "deu, eng, fin")


def test_a_language_with_an_empty_file(tmp_path: Path, data: dict[str, Any]) -> None:
    pq.write_table(
        pa.table({"question": pa.array([], "string"), "answer": pa.array([], "string")}),
        tmp_path / "raw/swa.parquet",
    )
    refused(tmp_path, data, "no rows for swa")


def test_a_mix_with_a_language_that_is_not_there(tmp_path: Path, data: dict[str, Any]) -> None:
    data["train"]["mix"] = {"weights": {"eng": 1, "tha": 1}}
    refused(tmp_path, data, "train.mix", "nothing for tha")


def test_a_parquet_without_answers(tmp_path: Path, data: dict[str, Any]) -> None:
    pq.write_table(pa.table({"question": ["a"], "text": ["b"]}), tmp_path / "raw/swa.parquet")
    refused(tmp_path, data, "swa.parquet", "it has question, text, and needs question, answer")


def test_a_truncated_parquet(tmp_path: Path, data: dict[str, Any]) -> None:
    place = tmp_path / "raw/swa.parquet"
    pq.write_table(pa.table({"question": ["a"] * 99, "answer": ["b"] * 99}), place)
    place.write_bytes(place.read_bytes()[:-20])
    refused(tmp_path, data, "swa.parquet", "truncated")


def test_jsonl_without_answers(tmp_path: Path, data: dict[str, Any]) -> None:
    (tmp_path / "raw/swa.jsonl").write_text('{"question": "a"}\n' * 9)
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(data))
    done = raytrain("prepare", str(job))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    [line] = done.stderr.strip().splitlines()
    assert f"{tmp_path}/raw/swa.jsonl: " in line
    assert "it has question, and needs question, answer" in line
    assert not list((tmp_path / "root").rglob("manifest.json"))


def refused_while_reading(tmp_path: Path, data: dict[str, Any], *words: str) -> None:
    """Found by the first stage, after the line that says it has begun: one line, exit code 2, and no artifact."""
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(data))
    done = raytrain("run", str(job))
    assert done.returncode == 2, done.stderr
    begun, error = done.stderr.strip().splitlines()
    assert begun.startswith("benchmark (1 of ")
    for word in words:
        assert word in error
    assert not list((tmp_path / "root").rglob("manifest.json"))


def test_an_empty_evaluation_folder(tmp_path: Path, data: dict[str, Any]) -> None:
    (tmp_path / "eval").mkdir()
    data["evaluate"] = {"benchmarks": [f"beir:{tmp_path}/eval"]}
    refused(tmp_path, data, f"{tmp_path}/eval", "corpus.jsonl")


def test_judgements_of_unknown_documents(tmp_path: Path, data: dict[str, Any]) -> None:
    place = write_held_out(tmp_path / "eval", questions=5) / "fin/qrels/test.tsv"
    place.write_text(place.read_text() + "fin1\tnowhere\t1\n")
    data["evaluate"] = {"benchmarks": [f"beir:{tmp_path}/eval"]}
    refused_while_reading(tmp_path, data, str(place), "line 7", "nowhere")


def test_a_truncated_gzip(tmp_path: Path, data: dict[str, Any]) -> None:
    whole = Path(__file__).parent / "data/tydiqa/tiny_dev.jsonl.gz"
    place = tmp_path / "dev.jsonl.gz"
    place.write_bytes(whole.read_bytes()[:-1000])
    data["evaluate"] = {"benchmarks": [f"tydiqa-primary:{place}"]}
    refused_while_reading(tmp_path, data, str(place), "gzip")


def test_a_benchmark_whose_language_the_job_does_not_know(tmp_path: Path, data: dict[str, Any]) -> None:
    write_held_out(tmp_path / "eval", ("eng", "swa"), questions=5)
    data["evaluate"] = {"benchmarks": [f"beir:{tmp_path}/eval"]}
    refused_while_reading(tmp_path, data, "swa, which the corpus lacks", "evaluate.languages")


def test_a_benchmark_in_a_language_that_is_none(tmp_path: Path, data: dict[str, Any]) -> None:
    write_held_out(tmp_path / "eval", questions=5)
    (tmp_path / "eval/fin").rename(tmp_path / "eval/gibberish")
    data["evaluate"] = {"benchmarks": [f"beir:{tmp_path}/eval"]}
    refused_while_reading(tmp_path, data, "eval/gibberish", "is no language")


def test_an_unknown_benchmark(tmp_path: Path, data: dict[str, Any]) -> None:
    data["evaluate"] = {"benchmarks": ["mr-tydi"]}
    refused(tmp_path, data, "evaluate.benchmarks", "'mr-tydi' is no benchmark", "tydiqa-goldp:FILE")


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ({"arms": {"a": {"include": ["eng"]}}}, ("study.arms", "at least 2")),
        ({"arms": {"a": {"include": ["eng"]}, "b": {"include": ["english"]}}}, ("same mix", "other seeds")),
        ({"arms": {"a": {"include": ["eng"]}, "b": {}}, "baseline": "c"}, ("baseline c is no arm: a, b",)),
        ({"arms": {"a": {"include": ["eng"]}, "b": {"include": ["tha"]}}}, ("nothing for tha",)),
        ({"arms": {"a": {"include": ["eng"]}, "bm25": {}}}, ("bm25 is the name of a baseline",)),
    ],
)
def test_a_study_that_compares_nothing(
    tmp_path: Path, data: dict[str, Any], study: dict[str, Any], words: tuple[str, ...]
) -> None:
    data["evaluate"] = {"benchmarks": [f"beir:{write_held_out(tmp_path / 'eval', questions=5)}"]}
    refused(tmp_path, {**data, "study": study}, *words)


def test_a_study_without_a_benchmark(tmp_path: Path, data: dict[str, Any]) -> None:
    data["study"] = {"arms": {"a": {"include": ["eng"]}, "b": {}}}
    refused(tmp_path, data, "study needs evaluate.benchmarks")


def test_a_command_that_needs_a_benchmark(tmp_path: Path, data: dict[str, Any]) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(data))
    for command, why in (
        (["index", str(job)], "evaluate.benchmarks: names none"),
        (["evaluate", str(job)], "evaluate.benchmarks: names none"),
        (["search", str(job), "ban"], "no index is served here yet: run raytrain index"),
    ):
        done = raytrain(*command)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
        assert why in done.stderr


def test_nobody_at_the_address(tmp_path: Path, data: dict[str, Any]) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(data))
    for address, words in [("127.0.0.1:1", "nobody answers"), ("nonsense", "is not host:port of a head")]:
        done = raytrain("run", str(job), f"cluster.address={address}")
        assert done.returncode == 2, done.stderr
        assert words in done.stderr.strip().splitlines()[-1]


def test_a_batch_larger_than_a_language(tmp_path: Path, data: dict[str, Any]) -> None:
    for path in (tmp_path / "raw").glob("*.jsonl"):
        path.unlink()
    pq.write_table(pa.table({"question": ["a"] * 30, "answer": ["b"] * 30}), tmp_path / "raw/swa.parquet")
    refused(tmp_path, data, "swa has 30 rows", "needs 48")


def test_more_workers_than_cpus_leave_for_data(tmp_path: Path, data: dict[str, Any]) -> None:
    data["cluster"] |= {"workers": 3, "cpus_per_worker": 0.5, "local_cpus": 2}
    refused(tmp_path, data, "cluster.workers", "for reading data")


def test_a_job_file_that_is_not_there() -> None:
    done = raytrain("run", "no/such.yaml")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "no/such.yaml" in done.stderr


def test_config_shows_overrides_and_defaults(tmp_path: Path, data: dict[str, Any]) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(data))
    shown = yaml.safe_load(raytrain("config", str(job), "train.learning_rate=2e-4").stdout)
    assert shown["train"]["learning_rate"] == 2e-4
    assert shown["train"]["schedule"] == "linear"


def test_status_of_a_fresh_job(tmp_path: Path, data: dict[str, Any]) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(data))
    done = raytrain("status", str(job))
    assert done.returncode == 0
    assert "never run" in done.stdout
    assert "waits for prepare" in done.stdout


@pytest.mark.parametrize(
    "command",
    ["run", "prepare", "plan", "train", "export", "index", "evaluate", "search", "config", "status", "doctor"],
)
def test_help_teaches(command: str) -> None:
    done = raytrain(command, "--help")
    assert done.returncode == 0
    assert "JOB.yaml" in done.stdout


def test_doctor_tells_what_there_is() -> None:
    done = raytrain("doctor")
    assert done.returncode == 0, done.stderr
    for what in ("torch", "Ray", "DeepSpeed", "faiss", "compiler", "S3"):
        assert what in done.stdout


def test_the_script_for_mteb_wants_a_benchmark_that_mteb_has(tmp_path: Path, data: dict[str, Any]) -> None:
    (tmp_path / "job.yaml").write_text(yaml.safe_dump({**data, "evaluate": {"benchmarks": ["demo:cldr"]}}))
    done = raytrain("mteb", str(tmp_path / "job.yaml"))
    assert done.returncode == 2
    assert done.stderr.startswith(
        "raytrain: evaluate.benchmarks: mteb has no task for demo:cldr; it has one for mrtydi"
    )
