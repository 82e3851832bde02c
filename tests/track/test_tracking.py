"""All trackers of a run at once."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raytrain.storage import Location
from raytrain.track import tracking as module
from raytrain.track.config import MLflow, Track
from raytrain.track.tracking import tracking
from s3server import S3Server
from track.tracked import metrics


def losses(folder: Path) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


def test_a_run_is_followed_by_all_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "mlruns").as_uri()
    folder = Location.of(str(tmp_path / "train" / "0123456789abcdef"))
    track = Track(mlflow=MLflow(uri=uri, experiment="tests"))
    told: list[str] = []
    for first, last in ((0, 5), (3, 8)):
        with tracking(track, folder, job_name="small", config={}, first_step=first, warn=told.append) as log:
            for step in range(first, last):
                log(metrics(step))
    assert told == []
    assert losses(folder.local_path / "tensorboard") == [(n, n + 0.5) for n in range(8)]
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("tests")
    (run,) = client.search_runs([experiment.experiment_id])
    assert [m.step for m in client.get_metric_history(run.info.run_id, "loss")] == list(range(8))


def test_the_error_that_ends_a_run_passes_through_and_the_last_steps_arrive(tmp_path: Path) -> None:
    folder = Location.of(str(tmp_path))

    def train() -> None:
        with tracking(Track(), folder, job_name="small", config={}, first_step=0) as log:
            log(metrics(0))
            raise RuntimeError("a worker died")

    with pytest.raises(RuntimeError, match="a worker died"):
        train()
    assert losses(tmp_path / "tensorboard") == [(0, 0.5)]


def test_trackers_that_fail_are_told_and_training_ends_well(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One is told once on standard error, and has all steps in the end; of the other steps are missing."""
    monkeypatch.setattr(module, "UPLOAD_S", 0.01)
    folder = Location.of(f"s3://{s3.bucket()}/train/0123")
    nowhere = Track(mlflow=MLflow(uri="nonsense://server", experiment="tests"))
    with tracking(nowhere, folder, job_name="small", config={}, first_step=0) as log:
        for step in range(20):
            log(metrics(step))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("track: mlflow: ")
    assert lines[0].endswith("; training goes on, and this is tried again")
    assert lines[1] == "track: mlflow: some steps are missing there; metrics.jsonl has them all"
    (file,) = (folder / "tensorboard").list()
    (folder / "tensorboard" / file.path).download(tmp_path / file.path)
    assert losses(tmp_path) == [(n, n + 0.5) for n in range(20)]


def test_nothing_is_written_where_nothing_is_asked_for(tmp_path: Path) -> None:
    with tracking(Track(tensorboard=False), Location.of(str(tmp_path)), job_name="x", config={}, first_step=0) as log:
        log(metrics(0))
    assert list(tmp_path.iterdir()) == []
