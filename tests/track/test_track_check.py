"""A tracker that can't be used is refused before the start."""

import subprocess
import sys

import pytest

from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.storage import Location
from raytrain.track import check
from raytrain.track.check import check_track
from raytrain.track.config import MLflow, Track, WandB

HERE = Location.of("/runs")
SERVER = MLflow(uri="https://mlflow.example", experiment="tests")


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    found = check.find_spec
    monkeypatch.setattr(check, "find_spec", lambda name: None if name in names else found(name))


def test_what_can_be_used_is_not_refused() -> None:
    check_track(Track(), HERE)
    check_track(Track(mlflow=SERVER, wandb=WandB(project="tests", mode="offline")), HERE)


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "mlflow", "wandb")
    with pytest.raises(UserError, match=r"^track\.mlflow: mlflow is not installed: pip install 'raytrain\[mlflow\]'$"):
        check_track(Track(mlflow=SERVER), HERE)
    with pytest.raises(UserError, match=r"^track\.wandb: wandb is not installed: pip install 'raytrain\[wandb\]'$"):
        check_track(Track(wandb=WandB(project="tests")), HERE)
    check_track(Track(), HERE)


def test_a_database_without_what_mlflow_needs_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "sqlalchemy")
    for uri in ("sqlite:////runs/mlflow.db", "postgresql+psycopg2://db.example/mlflow"):
        with pytest.raises(
            UserError, match=r"track\.mlflow\.uri: for (sqlite|postgresql)://.*: pip install sqlalchemy alembic$"
        ):
            check_track(Track(mlflow=MLflow(uri=uri, experiment="tests")), HERE)


def test_mlflow_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    unknown = Track(mlflow=MLflow(experiment="tests"))
    with pytest.raises(UserError, match=r"track\.mlflow\.uri: .* MLFLOW_TRACKING_URI"):
        check_track(unknown, HERE)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    check_track(unknown, HERE)


def test_offline_needs_a_local_disk() -> None:
    with pytest.raises(UserError, match=r"track\.wandb\.mode: offline .* s3://bucket/runs"):
        check_track(Track(wandb=WandB(project="tests", mode="offline")), Location.of("s3://bucket/runs"))


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("me:secret", r"track\.mlflow\.uri: holds a password"),
        ("secret", r"track\.mlflow: uri holds a user .*MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_a_user_or_a_password_in_a_job_file_is_refused_by_its_key(user: str, told: str) -> None:
    job = {
        "name": "small",
        "root": "runs",
        "corpus": {"source": "demo:cldr"},
        "model": {"from_scratch": {}},
        "track": {"mlflow": {"uri": f"https://{user}@mlflow.example", "experiment": "tests"}},
    }
    with pytest.raises(UserError, match=told) as refused:
        job_from(job, "job.yaml")
    assert "secret" not in str(refused.value)


def test_the_config_needs_no_tracker() -> None:
    """`raytrain config` and `status` read jobs where no tracker is installed, and quickly."""
    trackers = "{'mlflow', 'wandb', 'tensorboardX'}"
    loaded = f"import sys, raytrain.config, raytrain.track.check; print({trackers} & {{*sys.modules}})"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True) == "set()\n"
