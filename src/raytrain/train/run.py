"""What a rank is told of its run. Light, since the processes that place and feed the ranks take it in too."""

from dataclasses import dataclass

from raytrain.artifact import Artifact
from raytrain.config import Model, Train
from raytrain.storage import Location
from raytrain.train.stream import Feed


@dataclass(frozen=True)
class Run:
    """All that a rank needs: the run's folder, the model to start from and its rules, the config, the rows."""

    folder: Location
    model: Artifact
    rules: Model
    pad_id: int
    train: Train
    feed: Feed
    threads: int
    gpu: bool
