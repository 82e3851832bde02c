"""Checkpoints in storage: one committed by its manifest, written last; a half-written one never counts.

checkpoints/step-000000200/state.safetensors   weights and moments, whole, so that any world size can go on
checkpoints/step-000000200/manifest.json       step, hashes, and the log files of all steps so far
log/000000000-000000200/…                      metrics, and the ledger of each rank
"""

import json
import re
import tempfile
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from raytrain.artifact import File, new_writer, sha256_of, upload_file
from raytrain.errors import UserError
from raytrain.storage import Location

STATE = "state.safetensors"
FOLDER = "checkpoints"


class Checkpoint(BaseModel):
    """The manifest of a checkpoint. ``log`` are the log files that count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: int  # steps done, with those left out
    skipped: int  # steps left out
    world_size: int
    state: File
    log: list[File]

    @property
    def updates(self) -> int:
        """How often the weights were updated: AdamW's own count."""
        return self.step - self.skipped


def checkpoint_folder(run: Location, step: int) -> Location:
    """Where the checkpoint after ``step`` steps lies."""
    return run / FOLDER / f"step-{step:09d}"


def log_folder(first: int, last: int) -> str:
    """Where the log of steps first..last-1 lies, relative to the run."""
    return f"log/{first:09d}-{last:09d}"


def save_checkpoint(
    run: Location, state: dict[str, torch.Tensor], *, step: int, skipped: int, world_size: int, log: list[File]
) -> None:
    """Writes a checkpoint and commits it. One rank calls it, when the log of all ranks is in storage."""
    folder = checkpoint_folder(run, step)
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / STATE
        save_file(state, local)
        written = upload_file(local, folder, f"{new_writer()}-{STATE}")
    manifest = Checkpoint(step=step, skipped=skipped, world_size=world_size, state=written, log=log)
    if not (folder / "manifest.json").put_if_absent(manifest.model_dump_json(indent=1).encode()):
        raise UserError(f"{folder.uri}: another process trains the same run; let one of them finish")


def latest_checkpoint(run: Location) -> Checkpoint | None:
    """The newest committed checkpoint of a run, or None.

    Raises UserError if its manifest can't be parsed.
    """
    steps = committed_steps(run)
    if not steps:
        return None
    place = checkpoint_folder(run, steps[-1]) / "manifest.json"
    try:
        return Checkpoint.model_validate(json.loads(place.read_text()))
    except (ValueError, ValidationError) as error:
        raise UserError(f"{place.uri}: no valid checkpoint; delete its folder to go on from the one before") from error


def committed_steps(run: Location) -> list[int]:
    """Steps of the committed checkpoints, ascending."""
    found = (re.fullmatch(r"step-(\d+)/manifest\.json", info.path) for info in (run / FOLDER).list())
    return sorted(int(match[1]) for match in found if match)


def load_state(run: Location, checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Weights and moments of a checkpoint. Raises UserError that names the file if its bytes are damaged."""
    place = checkpoint_folder(run, checkpoint.step) / checkpoint.state.path
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / STATE
        place.download(local)
        if sha256_of(local) != checkpoint.state.sha256:
            raise UserError(f"{place.uri}: damaged: delete its folder to go on from the checkpoint before")
        try:
            return load_file(local)
        except SafetensorError as error:
            raise UserError(f"{place.uri}: no safetensors file: {error}") from error


def prune(run: Location, keep: int) -> None:
    """Deletes all but the newest ``keep`` checkpoints; the manifest goes first, so that none is left half."""
    for step in committed_steps(run)[:-keep]:
        folder = checkpoint_folder(run, step)
        (folder / "manifest.json").delete()
        folder.delete_tree()
