"""A run that begins with a checkpoint of another: until there both are one, and those steps are not made again.

checkpoints/forked.json   in the folder of the new run: of which run, and which step
"""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from raytrain.artifact import MANIFEST, File, sha256_of
from raytrain.config import Train
from raytrain.errors import DamagedError, FileMissingError, OvertakenError, UserError
from raytrain.plan import Plan
from raytrain.storage import Location
from raytrain.train.changes import WITHOUT_EFFECT, until
from raytrain.train.checkpoint import (
    FOLDER,
    Checkpoint,
    checkpoint_folder,
    commit_checkpoint,
    committed_steps,
    read_checkpoint,
)

FORKED = "forked.json"


def fork(source: Location, step: int, target: Location, say: Callable[[str], None]) -> None:
    """Copies the checkpoint after ``step`` steps of a run, and its log up to there, into another run's empty folder.

    The other run goes on from there as if the steps had been its own. That is so only if they would have been: the two
    must start from the same model, and agree until ``step`` (``check_agree``). Scores of earlier checkpoints are not
    copied; where training is validated, those count as lost.

    Every file is compared with its hash on the way, and the manifest is written last. To fork again is to complete a
    copy that was cut off, and changes nothing once the run has begun, also where the source has gone by then.
    Raises UserError if the source has no such checkpoint or it is damaged, and if the target has a run of its own.
    """
    mark = target / FOLDER / FORKED
    told = json.dumps({"source": source.uri, "step": step}).encode()
    if (target / MANIFEST).exists():
        return  # it is finished
    begun = committed_steps(target)
    if mark.exists() or begun:
        _check_mark(mark, told, source, step)
    if begun:
        return
    checkpoint = _checkpoint_of(source, step)
    if not mark.put_if_absent(told):
        _check_mark(mark, told, source, step)
    for file in checkpoint.log:
        _copy(source, file, target)
    for file in checkpoint.parts:  # the largest last: what is damaged is seen before
        _copy(checkpoint_folder(source, step), file, checkpoint_folder(target, step))
    with suppress(OvertakenError):  # by another fork of the same: the mark says so
        commit_checkpoint(target, checkpoint)
    say(f"train: begins with the checkpoint of step {step:,} of {source.uri}")


def check_agree(ours: Train, theirs: Train, plan: Plan, other: Plan, step: int) -> None:
    """Raises UserError, naming what differs, if two runs of one model have other settings or rows before ``step``.

    The number of workers is free, and so is what has no effect on weights.
    """
    one, two = (until(train, step).model_dump(exclude=WITHOUT_EFFECT) for train in (ours, theirs))
    differ = [name for name in one if one[name] != two[name]]
    if not differ and plan.until(step) != other.until(step):
        differ = ["the corpus"]
    if differ:
        raise UserError(
            f"train: runs that differ in {', '.join(differ)} before step {step:,} don't share its checkpoint"
        )


def _checkpoint_of(source: Location, step: int) -> Checkpoint:
    try:
        return read_checkpoint(source, step)
    except FileMissingError as error:
        there = ", ".join(f"{n:,}" for n in committed_steps(source)) or "none"
        raise UserError(
            f"{source.uri}: no checkpoint of step {step:,} to fork (there are: {there}): train it until there, with "
            "train.keep_checkpoints so that it is kept"
        ) from error


def _check_mark(mark: Location, told: bytes, source: Location, step: int) -> None:
    try:
        found = mark.read_bytes()
    except FileMissingError:
        found = b"a run of its own"
    if found != told:
        raise UserError(
            f"{mark.uri.removesuffix(f'/{FOLDER}/{FORKED}')}: can't begin with step {step:,} of {source.uri}: it has "
            f"{found.decode(errors='replace')}; delete that folder to begin it again"
        )


def _copy(source: Location, file: File, target: Location) -> None:
    """Copies a file of the same path in both folders, through this machine's disk."""
    place = source / file.path
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / "file"
        try:
            place.download(local)
        except FileMissingError as error:
            raise UserError(
                f"{place.uri}: it has gone while it was copied: keep more with train.keep_checkpoints"
            ) from error
        if sha256_of(local) != file.sha256:
            raise DamagedError(f"{place.uri}: damaged: its bytes are not those that were written")
        (target / file.path).upload(local)
