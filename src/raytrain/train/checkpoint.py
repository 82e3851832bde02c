"""Checkpoints in storage: one committed by its manifest, written last; a half-written one never counts.

checkpoints/step-000000200/WRITER-00000-of-00002.safetensors   what a rank wrote: some of the weights and moments, whole
checkpoints/step-000000200/manifest.json                       step, hashes, and the log files of all steps so far
log/000000000-000000200-WRITER/…                               metrics, skipped steps, and the ledger of each rank

Tensors are whole whatever the stage of ZeRO and the number of ranks, so that any number of ranks can go on. WRITER
names an attempt: what a rank writes that outlived its run is never mistaken for what the next one wrote.
"""

import json
import re
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from raytrain.artifact import File, Record, digest, sha256_of, upload_file
from raytrain.errors import DamagedError, FileMissingError, OvertakenError, UserError
from raytrain.storage import Location, sha256_file

FOLDER = "checkpoints"
SCORES = "validation"
MANIFEST = "manifest.json"
SET_ASIDE = "damaged.json"  # what a manifest is called whose files are not what it says
READERS = 8  # files that are hashed at a time


class Checkpoint(Record):
    """The manifest of a checkpoint. ``parts`` hold the state, each some of its tensors; ``log`` are all that counts."""

    step: int  # steps done, with those left out
    skipped: int  # steps left out
    world_size: int
    parts: list[File]
    log: list[File]

    @property
    def updates(self) -> int:
        """How often the weights were updated: AdamW's own count."""
        return self.step - self.skipped


def checkpoint_folder(run: Location, step: int) -> Location:
    """Where the checkpoint after ``step`` steps lies."""
    return run / FOLDER / f"step-{step:09d}"


def score_file(run: Location, step: int) -> Location:
    """Where the score of a checkpoint is written down, if it was validated."""
    return run / SCORES / f"step-{step:09d}.json"


def log_folder(first: int, last: int, writer: str) -> str:
    """Where the log of steps first..last-1 lies, relative to the run."""
    return f"log/{first:09d}-{last:09d}-{writer}"


def write_part(run: Location, step: int, state: dict[str, torch.Tensor], rank: int, world: int, writer: str) -> File:
    """Writes what a rank holds of the state; it counts once a manifest names it."""
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / f"{writer}-{rank:05d}-of-{world:05d}.safetensors"
        save_file(state, local)
        return upload_file(local, checkpoint_folder(run, step), local.name)


def commit_checkpoint(run: Location, checkpoint: Checkpoint) -> None:
    """Writes the manifest. One rank calls it, when the parts and the log of all ranks are in storage.

    Raises OvertakenError if another process has committed this step.
    """
    folder = checkpoint_folder(run, checkpoint.step)
    data = checkpoint.model_dump(mode="json")
    manifest = json.dumps({**data, "digest": digest(data)}, indent=1)
    if not (folder / MANIFEST).put_if_absent(manifest.encode()):
        raise OvertakenError(f"{folder.uri}: another process trains the same run; let one of them finish")


def read_checkpoint(run: Location, step: int) -> Checkpoint:
    """The manifest of a committed checkpoint. Raises DamagedError if it is not what was written."""
    place = checkpoint_folder(run, step) / MANIFEST
    try:
        data = json.loads(place.read_bytes())
        written = data.pop("digest")
        checkpoint = Checkpoint.model_validate(data)
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise DamagedError(f"{place.uri}: damaged: no manifest of a checkpoint") from error
    if written != digest(data) or checkpoint.step != step:
        raise DamagedError(f"{place.uri}: damaged: it is not what was written")
    return checkpoint


def latest_checkpoint(run: Location) -> Checkpoint | None:
    """The newest committed checkpoint of a run, or None. Raises DamagedError if its manifest can't be parsed."""
    steps = committed_steps(run)
    return read_checkpoint(run, steps[-1]) if steps else None


def committed_steps(run: Location) -> list[int]:
    """Steps of the committed checkpoints, ascending."""
    found = (re.fullmatch(rf"step-(\d+)/{MANIFEST}", info.path) for info in (run / FOLDER).list())
    return sorted(int(match[1]) for match in found if match)


def steps_done(run: Location) -> int:
    """Steps up to the newest committed checkpoint of a run."""
    steps = committed_steps(run)
    return steps[-1] if steps else 0


def newest_whole(run: Location, say: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint whose files are all what its manifest says, or None where none was ever committed.

    Reads all of it. Newer ones that are damaged are said aloud and set aside: their manifest is renamed, so that the
    run can write that step again. Raises DamagedError if there are only damaged ones, which are left as they are.
    """
    damaged: dict[int, DamagedError] = {}
    steps = committed_steps(run)
    for step in reversed(steps):
        try:
            checkpoint = read_checkpoint(run, step)
            check_files(run, checkpoint)
        except FileMissingError:
            continue  # the manifest has gone since: workers of an earlier attempt have deleted an old checkpoint
        except DamagedError as error:
            if (checkpoint_folder(run, step) / MANIFEST).exists():
                damaged[step] = error
            continue
        for later, why in damaged.items():
            say(f"train: {why}; goes on from the checkpoint before, of step {step:,}")
            _set_aside(run, later, str(why))
        if damaged:
            _forget_scores(run, step)
        return checkpoint
    if damaged:
        raise DamagedError(
            f"{damaged[max(damaged)]}; no checkpoint is whole: bring the file back, or delete {run.uri} to begin again"
        )
    # All have gone while they were read: somebody else went on, and tidied up.
    return newest_whole(run, say) if steps else None


def check_files(run: Location, checkpoint: Checkpoint) -> None:
    """Raises DamagedError that names the first file of a checkpoint or its log that is not what it was."""
    folder = checkpoint_folder(run, checkpoint.step)
    files = [*((folder, part) for part in checkpoint.parts), *((run, file) for file in checkpoint.log)]
    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(lambda pair: _check_file(pair[0] / pair[1].path, pair[1].sha256), files):
            pass  # raises the first error, in order


def _check_file(there: Location, sha256: str) -> None:
    try:
        found = sha256_file(there)
    except FileMissingError as error:
        raise DamagedError(f"{there.uri}: damaged: it is gone") from error
    if found != sha256:
        raise DamagedError(f"{there.uri}: damaged: its bytes are not those that were written")


def load_state(run: Location, checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Weights and moments of a checkpoint. Raises UserError that names a file that is missing or damaged."""
    state: dict[str, torch.Tensor] = {}
    for part in checkpoint.parts:
        place = checkpoint_folder(run, checkpoint.step) / part.path
        with tempfile.TemporaryDirectory() as temp:
            local = Path(temp) / "part.safetensors"
            place.download(local)
            if sha256_of(local) != part.sha256:
                raise DamagedError(f"{place.uri}: damaged: its bytes are not those that were written")
            try:
                state |= load_file(local)
            except SafetensorError as error:
                raise UserError(f"{place.uri}: no safetensors file: {error}") from error
    return state


def prune(run: Location, keep: Collection[int]) -> None:
    """Deletes all checkpoints but those of some steps; the manifest goes first, so that none is left half.

    What an earlier attempt has left of a checkpoint that it did not commit goes too.
    """
    newest = steps_done(run)
    found = (re.match(r"step-(\d+)/", info.path) for info in (run / FOLDER).list())
    for step in sorted({int(match[1]) for match in found if match} - set(keep)):
        if step <= newest:  # also what was never committed; a newer one may be on its way
            folder = checkpoint_folder(run, step)
            (folder / MANIFEST).delete()
            folder.delete_tree()


def _forget_scores(run: Location, step: int) -> None:
    """Deletes the scores of later checkpoints: what comes of those steps when they are done again may be others."""
    for info in (run / SCORES).list():
        match = re.fullmatch(r"step-(\d+)\.json", info.path)
        if match and int(match[1]) > step:
            (run / SCORES / info.path).delete()


def _set_aside(run: Location, step: int, why: str) -> None:
    folder = checkpoint_folder(run, step)
    manifest = (folder / MANIFEST).read_bytes().decode(errors="replace")
    (folder / SET_ASIDE).write_bytes(json.dumps({"why": why, "manifest": manifest}, indent=1).encode())
    (folder / MANIFEST).delete()
