"""A checkpoint in storage, as ranks leave it."""

from collections.abc import Sequence

import torch

from raytrain.artifact import File
from raytrain.storage import Location
from raytrain.train.checkpoint import Checkpoint, commit_checkpoint, write_part


def save_checkpoint(
    run: Location,
    states: Sequence[dict[str, torch.Tensor]],
    *,
    step: int,
    skipped: int = 0,
    log: Sequence[File] = (),
    writer: str = "writer",
) -> Checkpoint:
    """Commits the states of some ranks."""
    world = len(states)
    parts = [write_part(run, step, state, rank, world, writer) for rank, state in enumerate(states)]
    checkpoint = Checkpoint(step=step, skipped=skipped, world_size=world, parts=parts, log=list(log))
    commit_checkpoint(run, checkpoint)
    return checkpoint
