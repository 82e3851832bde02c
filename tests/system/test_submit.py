"""raytrain submit against a real head with token authentication."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from heads import Head, running_head
from jobs import small_job, write_corpus

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with running_head(cpus=3) as found:
        yield found


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return written(tmp_path)


def written(folder: Path, name: str = "submitted", **train: Any) -> Path:
    data = small_job(write_corpus(folder / "raw", rows=60), folder / "root", **train) | {"name": name}
    file = folder / "job.yaml"
    file.write_text(yaml.safe_dump(data))
    return file


def raytrain(head: Head, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = head.environment | {"RAY_API_SERVER_ADDRESS": head.dashboard} | variables
    command = [sys.executable, "-m", "raytrain", *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def begun(head: Head, *args: str) -> "subprocess.Popen[str]":
    environment = head.environment | {"RAY_API_SERVER_ADDRESS": head.dashboard}
    command = [sys.executable, "-m", "raytrain", *args]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def submission(text: str) -> str:
    """The id in what submit says of what it sends."""
    (line,) = [line for line in text.splitlines() if line.startswith("submit: sends submitted") and "MiB" in line]
    return line.split()[2].rstrip(",")


def test_a_job_runs_streams_and_is_one_however_often_it_is_sent(head: Head, job: Path) -> None:
    first = raytrain(head, "submit", str(job), "--stage", "prepare")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "prepare (1 of 1)" in first.stdout
    assert "prepare: " in first.stdout.splitlines()[-1]
    name = submission(first.stderr)
    again = raytrain(head, "submit", str(job), "--stage", "prepare")
    assert again.returncode == 0
    assert f"{name} has succeeded before" in again.stderr
    assert "sends" not in again.stderr
    assert again.stdout == first.stdout
    listed = raytrain(head, "jobs").stdout
    assert listed.count(name) == 1
    assert "succeeded" in listed
    anew = raytrain(head, "submit", str(job), "--stage", "prepare", "--again", "--detach")
    assert anew.stdout.strip() == f"{name}-2"
    shown = raytrain(head, "logs", f"{name}-2", "--follow")
    assert shown.returncode == 0
    assert "done already" in shown.stdout


def test_the_exit_code_of_a_job_that_fails(head: Head, tmp_path: Path) -> None:
    data = yaml.safe_load(written(tmp_path).read_text())
    data["corpus"]["languages"] = ["swa"]
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(data))
    done = raytrain(head, "submit", str(tmp_path / "job.yaml"), "--stage", "prepare")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "nothing for swa" in done.stdout
    tried = raytrain(head, "submit", str(tmp_path / "job.yaml"), "--stage", "prepare", "--detach")
    assert tried.stdout.strip() == f"{submission(done.stderr)}-2"
    assert "has failed; sends it again" in tried.stderr


def test_refused_without_the_token_or_with_another(head: Head, job: Path) -> None:
    for variables in ({"RAY_AUTH_TOKEN": "0" * 32}, {"RAY_AUTH_TOKEN": "", "RAY_AUTH_MODE": "disabled"}):
        for command in (["submit", str(job)], ["jobs"]):
            done = raytrain(head, *command, **variables)
            assert done.returncode == 2
            (line,) = done.stderr.strip().splitlines()
            assert "wants a token" in line
            assert "RAY_AUTH_TOKEN" in line
            assert head.token not in line
        # To connect as a driver is refused as quickly.
        start = time.monotonic()
        done = raytrain(head, "run", str(job), RAY_ADDRESS=head.gcs, **variables)
        assert done.returncode == 2, done.stderr
        assert "wants a token" in done.stderr.splitlines()[-1], done.stderr
        assert time.monotonic() - start < 60


def test_a_killed_client_leaves_a_job_that_is_followed_again_and_stopped(head: Head, tmp_path: Path) -> None:
    job = written(tmp_path, name="submitted.long", max_steps=100_000, checkpoint_every=10_000)
    client = begun(head, "submit", str(job), "--stage", "train")
    first = until(client, "/100,000 steps")
    client.send_signal(signal.SIGKILL)
    client.wait()
    second = begun(head, "submit", str(job), "--stage", "train")  # finds what runs
    assert until(second, "/100,000 steps")[: len(first) - 1] == first[:-1]
    second.send_signal(signal.SIGINT)
    _, told = second.communicate(timeout=60)
    assert second.returncode == 130
    (name,) = {line.split()[1] for line in told.splitlines() if "runs already" in line}
    assert f"raytrain logs {name} --follow" in told
    assert f"raytrain stop {name}" in told
    third = begun(head, "logs", str(job), "--follow")
    assert until(third, "/100,000 steps")[: len(first) - 1] == first[:-1]
    stopped = raytrain(head, "stop", str(job))
    assert stopped.returncode == 0, stopped.stderr
    assert f"{name} stopped" in stopped.stderr
    rest, told = third.communicate(timeout=60)
    assert third.returncode == 130
    assert f"{name} was stopped" in told
    assert "ends with a checkpoint" in rest
    assert list((tmp_path / "root/train").glob("*/checkpoints/*")), rest
    assert "has ended already: stopped" in raytrain(head, "stop", name).stderr


def until(client: "subprocess.Popen[str]", word: str) -> list[str]:
    """The lines that a client shows up to the first with this word."""
    assert client.stdout
    lines = []
    for line in client.stdout:
        lines.append(line)
        if word in line and not line.startswith("train: 0/"):
            return lines
    raise AssertionError("".join(lines) + (client.stderr.read() if client.stderr else ""))


def test_nothing_of_this_machine_travels(head: Head, job: Path) -> None:
    from ray.job_submission import JobSubmissionClient

    secret = {"AWS_ACCESS_KEY_ID": "AKIASECRETKEYID", "AWS_SECRET_ACCESS_KEY": "secret/access/key"}
    done = raytrain(head, "submit", str(job), "--stage", "prepare", **secret)
    assert done.returncode == 0
    client = JobSubmissionClient(head.dashboard, headers={"Authorization": f"Bearer {head.token}"})
    told = str([job.dict() for job in client.list_jobs()])
    kept = "".join(file.read_text(errors="replace") for file in (job.parent / "root").rglob("*") if file.is_file())
    for value in [*secret.values(), head.token]:
        assert value not in told
        assert value not in done.stdout + done.stderr
        assert value not in kept
