"""What is sent for a job: its id, what travels with it, and that no secret does."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs import small_job
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import dump_job, job_from, load_job
from raytrain.submit.client import dashboard_of, unencrypted
from raytrain.submit.local_paths import check_paths
from raytrain.submit.request import Request, Stage, request_for, shipped
from raytrain.submit.source import JOB_FILE, package_folder, size_of, write_working_dir
from raytrain.submit.submitting import attempts_of, constraints_of, next_attempt


def job(**changes: Any) -> Job:
    return job_from(small_job("s3://bucket/raw", "s3://bucket/root") | changes, "test")


def sent(folder: Path, of: Job, stage: Stage = "run", package: Path | None = None) -> Request:
    folder.mkdir()
    content = write_working_dir(dump_job(shipped(of)), folder, package or package_folder())
    return request_for(of, stage, content, str(folder))


def made_package(folder: Path, code: str = "x = 1\n") -> Path:
    package = folder / "raytrain"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__/one.pyc").write_bytes(os.urandom(20))
    (package / ".secret").write_text("hidden")
    (package / "one.py").write_text(code)
    return package


def test_the_same_job_stage_and_source_have_one_id(tmp_path: Path) -> None:
    first = made_package(tmp_path / "1")
    second, other = made_package(tmp_path / "2"), made_package(tmp_path / "3", "x = 2\n")
    name = sent(tmp_path / "a", job(), package=first).submission_id
    assert name.startswith("small-run-")
    assert sent(tmp_path / "b", job(), package=second).submission_id == name
    at_home = job(
        cluster={"workers": 2, "cpus_per_worker": 0.5, "local_cpus": 4, "rows_per_round": 200, "address": "a:1"}
    )
    assert sent(tmp_path / "c", at_home, package=first).submission_id == name  # from where it is sent is no part of it
    changed = [
        sent(tmp_path / "d", job(), package=other),
        sent(tmp_path / "e", job(), "train", package=first),
        sent(tmp_path / "f", job(track={"tensorboard": False}), package=first),
    ]
    assert len({name, *(one.submission_id for one in changed)}) == 4


def test_source_and_job_travel_and_nothing_else(tmp_path: Path) -> None:
    sent(tmp_path / "a", job(), package=made_package(tmp_path / "p"))
    files = {file.relative_to(tmp_path / "a").as_posix() for file in (tmp_path / "a").rglob("*") if file.is_file()}
    assert files == {JOB_FILE, "raytrain/one.py"}
    assert shipped(job()) == load_job(tmp_path / "a" / JOB_FILE)


def test_the_real_package_is_whole_and_small(tmp_path: Path) -> None:
    sent(tmp_path / "a", job())
    there = {file.name for file in (tmp_path / "a/raytrain").rglob("*")}
    assert {"cli.py", "page.html.j2", "published.yaml"} <= there
    assert size_of(tmp_path / "a") < 8 << 20


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    package = made_package(tmp_path)
    with (package / "weights.bin").open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(UserError, match=r"holds 65 MiB, and a job takes 64 MiB"):
        sent(tmp_path / "a", job(), package=package)


def test_no_credential_of_this_machine_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIAVERYSECRET",
        "AWS_SECRET_ACCESS_KEY": "very/secret/key",
        "AWS_SESSION_TOKEN": "very-secret-session",
        "RAY_AUTH_TOKEN": "very-secret-token",
        "WANDB_API_KEY": "very-secret-wandb",
        "HF_TOKEN": "hf_very_secret",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    request = sent(tmp_path / "a", job())
    files = b"".join(file.read_bytes() for file in (tmp_path / "a").rglob("*") if file.is_file())
    for value in secrets.values():
        assert value not in str(request)
        assert value.encode() not in files
    assert list(request.runtime_env["env_vars"]) == ["RAY_JOB_STOP_WAIT_TIME_S"]


def test_a_password_in_a_job_file_is_refused_and_not_repeated() -> None:
    for change in (
        {"storage": {"endpoint": "https://user:hunter2@minio:9000"}},
        {"cluster": {"address": "http://user:hunter2@head:8265"}},
        {"index": {"passages": ["s3://AKIA:hunter2@bucket/x"]}},
    ):
        with pytest.raises(UserError, match="holds a password") as refused:
            job(**change)
        assert "hunter2" not in str(refused.value)


def test_paths_of_this_machine_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_paths(job())
    check_paths(job(root="/shared/runs", corpus={"source": "/shared/raw"}))
    with pytest.raises(UserError, match="root: runs/demo is a folder of this machine"):
        check_paths(job(root="runs/demo"))
    (tmp_path / "raw").mkdir()
    with pytest.raises(UserError, match=r"corpus.source: raw is on this machine"):
        check_paths(job(corpus={"source": "raw"}))
    with pytest.raises(UserError, match=r"evaluate.benchmarks: raw is on this machine"):
        check_paths(job(evaluate={"benchmarks": ["demo:cldr", "beir:raw#dev"]}))
    (tmp_path / "org/model").mkdir(parents=True)
    named = {"name_or_path": "org/model", "revision": "abc"}
    with pytest.raises(UserError, match=r"model.name_or_path: org/model is on this machine"):
        check_paths(job(model=named))
    check_paths(job(model=named | {"name_or_path": "org/other"}))  # a name of the hub


def test_attempts_are_counted() -> None:
    assert [attempts_of("a-run-1", name) for name in ("a-run-1", "a-run-1-2", "a-run-1-x", "a-run-12", "b")] == [
        1,
        2,
        0,
        0,
        0,
    ]
    assert next_attempt("a", None) == "a"
    assert next_attempt("a", "a") == "a-2"
    assert next_attempt("a", "a-9") == "a-10"


def test_to_which_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    of = job(cluster={"address": "http://from-the-job:8265/"})
    with pytest.raises(UserError, match="to which cluster"):
        dashboard_of(None, job().cluster)
    with pytest.raises(UserError, match="is no URL"):
        dashboard_of("head:8265")
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(UserError, match="to which cluster"):
        dashboard_of(None)
    monkeypatch.setenv("RAY_ADDRESS", "http://ray:8265")
    assert dashboard_of(None) == "http://ray:8265"
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "https://api")
    assert dashboard_of(None) == "https://api"
    assert dashboard_of(None, of.cluster) == "http://from-the-job:8265"
    assert dashboard_of("http://given:1", of.cluster) == "http://given:1"


def test_a_token_in_the_clear() -> None:
    assert unencrypted("http://head:8265")
    assert not any(map(unencrypted, ("https://head", "http://localhost:8265", "http://127.0.0.1:8265")))


def test_a_bare_cluster_gets_pinned_packages_but_not_ray(tmp_path: Path) -> None:
    of = job(cluster={"environment": "pip"})
    assert constraints_of(job()) is None
    constraints = constraints_of(of)
    assert constraints is not None
    (tmp_path / "a").mkdir()
    content = write_working_dir(dump_job(shipped(of)), tmp_path / "a", package_folder(), constraints)
    pip = request_for(of, "run", content, str(tmp_path / "a")).runtime_env["pip"]
    assert pip["packages"][0] == "-c ${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/constraints.txt"
    assert (tmp_path / "a/constraints.txt").read_bytes() == constraints.read_bytes()
    names = [package.split("[")[0].split("=")[0].split(">")[0] for package in pip["packages"][1:]]
    assert "ray" not in names
    assert {"torch", "faiss-cpu", "deepspeed"} <= set(names)
    assert "pytest" not in names


def test_labels_are_selectors() -> None:
    job(cluster={"labels": {"train": {"ray.io/market-type": "!spot"}, "data": {"pool": "in(a, b)"}}})
    with pytest.raises(UserError, match=r"cluster.labels.train: pool: a b is no label selector"):
        job(cluster={"labels": {"train": {"pool": "a b"}}})


def test_the_job_that_is_sent_is_the_resolved_one(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(small_job("s3://b/raw", "s3://b/root")))
    resolved = load_job(tmp_path / "job.yaml", ["train.max_steps=7"])
    sent(tmp_path / "a", resolved)
    assert load_job(tmp_path / "a" / JOB_FILE).train.max_steps == 7
