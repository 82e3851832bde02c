"""A real store of MLflow, on disk."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.storage import Location
from raytrain.track.config import MLflow
from raytrain.track.mlflow import MLflowRun, fitting
from raytrain.track.run import Step, TrackedRun
from raytrain.track.scalars import scalars
from track.tracked import metrics

CONFIG = {"train": {"losses": {"info_nce": {"weight": 1.0}}, "ledger": False, "graph_gib": None}, "name": "small"}


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files, which want nothing that mlflow-skinny lacks."""
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "mlruns").as_uri()


def client_of(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def steps(first: int, last: int) -> list[Step]:
    return [Step(n, 1e9 + n, scalars(metrics(n))) for n in range(first, last)]


def attempt(uri: str, folder: Path, first: int, last: int, failed: bool, workers: int = 1) -> None:
    config = CONFIG | {"cluster": {"workers": workers}}
    tracked = TrackedRun(Location.of(str(folder)), "small", config, first)
    run = MLflowRun(MLflow(uri=uri, experiment="tests"), tracked)
    left = steps(first, last)
    while left:
        del left[: run.write(left)]
    run.close(failed)


def test_one_run_has_each_step_of_all_attempts_once(uri: str, tmp_path: Path) -> None:
    """The first died after step 59, the checkpoint was of step 40, and it went on with two workers."""
    folder = tmp_path / "train" / "0123456789abcdef"
    client = client_of(uri)
    attempt(uri, folder, 0, 60, failed=True)
    experiment = client.get_experiment_by_name("tests")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
    attempt(uri, folder, 40, 80, failed=False, workers=2)
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "small-0123456789abcdef")
    assert run.data.tags["raytrain.artifact"] == "0123456789abcdef"
    assert run.data.params == {
        "train.losses.info_nce.weight": "1.0",
        "train.ledger": "False",
        "name": "small",
        "cluster.workers": "1",
    }
    assert run.data.metrics.keys() == {name.replace("@", ":") for name in steps(0, 1)[0].scalars}
    losses = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.timestamp, m.value) for m in losses] == [(n, (10**9 + n) * 1000, n + 0.5) for n in range(80)]


def test_another_folder_is_another_run(uri: str, tmp_path: Path) -> None:
    """The same job under another root has the same hash."""
    for root in ("mine", "yours"):
        attempt(uri, tmp_path / root / "0123456789abcdef", 0, 3, failed=False)
    client = client_of(uri)
    experiment = client.get_experiment_by_name("tests")
    assert len(client.search_runs([experiment.experiment_id])) == 2


@given(st.lists(st.integers(0, 9), min_size=1), st.integers(1, 30))
def test_a_request_takes_as_many_steps_as_fit(sizes: list[int], most: int) -> None:
    taken = fitting(sizes, most)
    assert 1 <= taken <= len(sizes)
    assert taken == 1 or sum(sizes[:taken]) <= most
    assert taken == len(sizes) or sum(sizes[: taken + 1]) > most
