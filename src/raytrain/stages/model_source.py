"""Where a named model's files are: a folder, a prefix of an object store, an artifact, or a pinned name of the hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raytrain.artifact import Artifact, download_folder, read_manifest
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.pipeline import options_of
from raytrain.storage import Location

FOLDER = "model"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")  # what weights were kept in before safetensors


@dataclass(frozen=True)
class Named:
    """A model as the job names it. ``key`` is the section of the job that does."""

    key: str
    name: str
    revision: str | None


def place_of(job: Job, named: Named) -> Location | None:
    """The folder of a named model, or None if the name is one of the hub's.

    Raises UserError if there is none, for a hub name without a revision, or where the only weights are pickles.
    """
    name = named.name
    if "://" not in name and not Path(name).expanduser().exists():
        if name.startswith(("/", ".", "~")) or name.count("/") > 1:
            raise UserError(f"{named.key}: no folder {name}")
        if named.revision is None:
            raise UserError(f"{named.key}.revision: {name} is a hub name: pin a revision (a commit), or give a folder")
        return None
    place = Location.of(name, options_of(job))
    paths = [info.path for info in place.list()]
    if not paths:
        raise UserError(f"{named.key}: {place.uri} is empty or not there")
    _check_weights(named, place, paths)
    return place


def version_of(job: Job, named: Named) -> Any:
    """What tells the content of a named model from any other; None for a hub name, which has its revision."""
    place = place_of(job, named)
    if place is None:
        return None
    manifest = read_manifest(place)
    if manifest:
        return manifest.content
    return {info.path: f"{info.size}-{info.version}" for info in place.list()}


def _check_weights(named: Named, place: Location, paths: Sequence[str]) -> None:
    """Raises UserError for a folder whose only weights are pickles: to load one is to run what is in it."""
    pickled = [path for path in paths if path.endswith(PICKLED)]
    if pickled and not any(path.endswith(".safetensors") for path in paths):
        raise UserError(
            f"{named.key}: {place.uri}/{pickled[0]} is a pickle, which can run code when it is loaded, and there are "
            "no safetensors: if you trust it, convert it with AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )


def download(named: Named, place: Location, to: Path) -> Path:
    """A model folder on this machine: that of a train or export artifact (its hashes checked), or any other."""
    to.mkdir()
    manifest = read_manifest(place)
    if manifest:
        prefixes = {file.path.split("/")[0] for file in manifest.files if file.path.endswith("config.json")}
        if FOLDER not in prefixes:
            raise UserError(f"{named.key}: {place.uri} is a {manifest.stage} artifact and holds no model")
        return download_folder(Artifact(place, manifest), FOLDER, to)
    for info in place.list():
        target = to / info.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (place / info.path).download(target)
    return to
