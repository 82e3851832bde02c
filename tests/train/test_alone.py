"""Training without Ray: the same losses as under it, from the same artifacts."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
import yaml

from jobs import small_job, write_corpus
from raytrain.artifact import Artifact
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.pipeline import Task, run, up_to
from raytrain.plan import lanes_of
from raytrain.stages.chain import chain
from raytrain.storage import Location
from raytrain.train.alone import device_of, finished_inputs, rank_blocks, run_of, train_alone
from raytrain.train.batches import rank_rows
from raytrain.train.checkpoint import latest_checkpoint
from raytrain.train.rank import train_on
from train.saved import save_checkpoint

STEPS = 12


def job_data(folder: Path, **train: Any) -> dict[str, Any]:
    """The root is in ``folder``, beside the raw rows that ``written`` makes."""
    data = small_job(folder / "raw", folder / "root", max_steps=STEPS, checkpoint_every=5, **train)
    data["cluster"]["threads_per_worker"] = 1
    return data


def tasks_to(data: dict[str, Any], last: str) -> list[Task]:
    return up_to(chain(job_from(data, "test")), last)


@pytest.fixture(scope="module")
def trained(local_ray: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Artifact]]:
    """A folder with a job file, and what Ray made of it with two workers."""
    folder = tmp_path_factory.mktemp("alone")
    write_corpus(folder / "raw")
    data = job_data(folder)
    (folder / "job.yaml").write_text(yaml.dump(data))
    return folder, run(tasks_to(data, "train"), print)


def launch(folder: Path, *arguments: str) -> str:
    """What the launcher and its two ranks said."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *("-m", "raytrain.train.alone", str(folder / "job.yaml"), *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def logs_of(run: Path) -> list[Path]:
    """The metrics that the newest checkpoint counts."""
    checkpoint = latest_checkpoint(Location.of(str(run)))
    assert checkpoint is not None
    return [run / file.path for file in checkpoint.log if file.path.endswith("metrics.jsonl")]


def logged(logs: Sequence[Path]) -> list[dict[str, Any]]:
    """The metrics of all steps, less what is time."""
    found = [json.loads(line) for path in logs for line in path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if "seconds" not in key} for line in found]


def test_ranks_of_the_launcher_train_as_workers_of_ray_do_and_go_on_after_a_checkpoint(
    trained: tuple[Path, dict[str, Artifact]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With dropout, bit by bit."""
    folder, artifacts = trained
    told = launch(folder)
    expected = logged([artifacts["train"].location.local_path / "metrics.jsonl"])
    (place,) = (folder / "root/alone").iterdir()
    assert place.name == artifacts["train"].manifest.hash
    assert len(expected) == STEPS
    assert logged(logs_of(place)) == expected
    assert f"train: {STEPS} steps at " in told
    assert f" pairs/s on 2 ranks: {place}" in told

    shutil.rmtree(place / "checkpoints/step-000000012")
    assert f"train: {STEPS - 10} steps at " in launch(folder, "--out", str(place))
    assert logged(logs_of(place)) == expected

    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    train_alone(str(folder / "job.yaml"), [], None)
    assert capsys.readouterr().err == f"train: all {STEPS} steps are done already: {place}\n"
    with pytest.raises(UserError, match=r"^--out .*: there is a run of another job \(\w+, and this is \w+\): name"):
        train_alone(str(folder / "job.yaml"), ["train.learning_rate=0.5"], str(place))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_each_rank_reads_its_own_rows(trained: tuple[Path, dict[str, Artifact]], world: int) -> None:
    """Rounds of several blocks, a ragged last one, and ranks with one lane and with two."""
    folder, artifacts = trained
    whole = run_of(job_from(job_data(folder), "test"), artifacts, artifacts["train"].location / "new", 0)
    feed = replace(whole.feed, first_step=1, rows_per_round=80)
    assert len(feed.rounds(world)) > 2
    for rank in range(world):
        lanes = lanes_of(rank, world, feed.plan.lanes)
        rows = list(rank_rows(rank_blocks(feed, rank, world), feed.plan, lanes, 1))
        assert [step for step, _ in rows] == list(range(1, STEPS))
        assert pa.concat_tables([table for _, table in rows]).column("lane").to_pylist() == [
            lane for _ in range(1, STEPS) for lane in lanes for _ in range(feed.plan.lane_rows)
        ]


def refusal(action: Any, *args: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*args)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_what_is_not_there_is_named_with_the_command_that_makes_it(
    trained: tuple[Path, dict[str, Artifact]], tmp_path: Path
) -> None:
    folder, artifacts = trained
    inputs, name = finished_inputs(job_from(job_data(folder), "test"), "job.yaml")
    assert inputs.keys() == {"prepare", "plan", "model"}
    assert name == artifacts["train"].manifest.hash

    other = job_from(job_data(folder, batch_size=32), "test")
    assert refusal(finished_inputs, other, "job.yaml train.batch_size=32").endswith(
        ": run raytrain plan job.yaml train.batch_size=32"
    )
    data = job_data(folder)
    data["corpus"]["tokenise"] = True
    assert refusal(finished_inputs, job_from(data, "test"), "j").endswith(": run raytrain tokenise j")
    data["root"] = str(tmp_path)
    assert refusal(finished_inputs, job_from(data, "test"), "j").endswith(": run raytrain prepare j")


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ({"kind": "kl", "score_scale": 10.0}, "train.losses.own: kl needs a teacher's scores"),
        ({"matryoshka": {"dims": [16, 64]}}, "train.losses.own.matryoshka.dims: 64 is more than the 32 of"),
    ],
)
def test_a_loss_that_model_or_corpus_cant_have_is_refused_before_the_first_step(
    trained: tuple[Path, dict[str, Artifact]], loss: dict[str, Any], told: str
) -> None:
    folder, artifacts = trained
    job = job_from(job_data(folder, losses={"own": loss}), "test")
    place = artifacts["train"].location / "new"
    rank = run_of(job, artifacts, place, 0)
    assert refusal(train_on, rank, iter([]), torch.device("cpu"), print, print, bool).startswith(told)
    assert not place.list()


def test_a_run_that_skipped_too_many_steps_is_not_done_at_its_last(
    trained: tuple[Path, dict[str, Artifact]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = {"weight/a": torch.zeros(1)}
    save_checkpoint(Location.of(str(tmp_path)), [weights], step=STEPS, skipped=3)
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    file = str(trained[0] / "job.yaml")
    told = refusal(train_alone, file, ["train.max_skipped=2"], str(tmp_path))
    assert told.startswith("train: 3 steps were skipped, more than train.max_skipped (2)")
    train_alone(file, ["train.max_skipped=3"], str(tmp_path))
    assert "are done already" in capsys.readouterr().err


def test_ranks_that_nobody_started_or_too_many_are_refused(
    trained: tuple[Path, dict[str, Artifact]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(trained[0] / "job.yaml")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert "start it with torchrun" in refusal(train_alone, file, [], None)
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "5")
    assert refusal(train_alone, file, [], None).startswith("train.lanes: 5 ranks are more than its 4")


def test_a_gpu_that_is_not_there_is_refused(trained: tuple[Path, dict[str, Artifact]]) -> None:
    data = job_data(trained[0])
    data["cluster"]["gpus_per_worker"] = 1
    assert "cluster.gpus_per_worker: this machine has" in refusal(device_of, job_from(data, "test"), 4_096)
    assert device_of(job_from(job_data(trained[0]), "test"), 0).type == "cpu"
