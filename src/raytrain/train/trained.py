"""A checkpoint as a model folder."""

from pathlib import Path

from raytrain.artifact import Artifact, download_folder
from raytrain.config import Model, Train
from raytrain.model.encoder import BiEncoder, load_backbone
from raytrain.storage import Location
from raytrain.train.checkpoint import Checkpoint, load_state
from raytrain.train.trainee import Trainee


def write_trained(
    run: Location, checkpoint: Checkpoint, model: Artifact, rules: Model, config: Train, to: Path
) -> Trainee:
    """Writes the model folder that the run started from, with the weights of a checkpoint; gives what was trained."""
    state = load_state(run, checkpoint)
    download_folder(model, FOLDER, to)
    trained = Trainee(BiEncoder(load_backbone(to), rules.pooling), config.losses)
    weights = {k.removeprefix("weight/"): v for k, v in state.items() if k.startswith("weight/")}
    trained.load_state_dict(weights)
    trained.encoder.backbone.save_pretrained(to)
    return trained


FOLDER = "model"  # of a model artifact
