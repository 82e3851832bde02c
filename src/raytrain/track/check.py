"""Whether the trackers that a job asks for can be used at all; asked before anything works."""

import os
from importlib.util import find_spec
from urllib.parse import urlsplit

from raytrain.errors import UserError
from raytrain.storage import Location
from raytrain.track.config import Track

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def check_track(track: Track, root: Location) -> None:
    """Raises UserError for a tracker that no run below ``root`` could use, such as one that is not installed."""
    for name, asked in (("mlflow", track.mlflow), ("wandb", track.wandb)):
        if asked and find_spec(name) is None:
            raise UserError(f"track.{name}: {name} is not installed: pip install 'raytrain[{name}]'")
    if track.mlflow:
        uri = track.mlflow.uri or os.environ.get("MLFLOW_TRACKING_URI")
        if not uri:
            raise UserError("track.mlflow.uri: give the server's, or set MLFLOW_TRACKING_URI")
        scheme = urlsplit(uri).scheme.split("+")[0]
        if scheme in _DATABASES and find_spec("sqlalchemy") is None:
            raise UserError(f"track.mlflow.uri: for {scheme}:// MLflow needs more: pip install sqlalchemy alembic")
    if track.wandb and track.wandb.mode == "offline" and not root.is_local:
        raise UserError(
            f"track.wandb.mode: offline writes to local disk, and root is {root.uri}: use online, or a local root"
        )
