"""What a training run is tracked with. It changes no result, so nothing of it is part of an artifact's hash."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from raytrain.section import Section


class MLflow(Section):
    """An MLflow tracking server. Credentials come from the MLFLOW_TRACKING_* variables, never from here."""

    uri: str | None = Field(None, description="of the server or its database; default: MLFLOW_TRACKING_URI")
    experiment: str = Field(min_length=1, description="made if there is none of this name")

    @model_validator(mode="after")
    def _without_secrets(self) -> "MLflow":
        # Here, not at the key: the error of a key shows what was given.
        parts = urlsplit(self.uri or "")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "uri holds a user or a password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or the "
                "whole URI as MLFLOW_TRACKING_URI"
            )
        return self


class WandB(Section):
    """Weights & Biases. The key comes from WANDB_API_KEY or ~/.netrc, never from here."""

    project: str = Field(min_length=1)
    entity: str | None = Field(None, description="user or team; default: the key's own")
    mode: Literal["online", "offline"] = Field(
        "online", description="offline: into the run's folder, for `wandb sync` later"
    )


class Track(Section):
    """Where the numbers of every training step go, besides metrics.jsonl."""

    tensorboard: bool = Field(True, description="event files in the run's folder")
    mlflow: MLflow | None = None
    wandb: WandB | None = None
