"""What a job takes along: the package that runs here, and its resolved job file."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import raytrain
from raytrain.errors import UserError

JOB_FILE = "job.yaml"
CONSTRAINTS = "constraints.txt"
LIMIT = 64 << 20  # bytes; the source is about one MiB, and what is more than this has got there by mistake
_NOT_SOURCE = ("__pycache__", "*.pyc", ".*")


def package_folder() -> Path:
    """The folder of the package ``raytrain`` that this process runs."""
    return Path(raytrain.__file__).parent


def write_working_dir(job_yaml: str, to: Path, package: Path, constraints: Path | None = None) -> str:
    """Fills the empty folder ``to`` with the package, ``job.yaml`` and, if given, the pinned versions.

    Gives a hash (SHA-256) of it all. Nothing else of the project travels: no runs, no environment, no history.
    Raises UserError if it is larger than ``LIMIT``.
    """
    (to / JOB_FILE).write_text(job_yaml, "utf-8")
    if constraints is not None:
        shutil.copyfile(constraints, to / CONSTRAINTS)
    shutil.copytree(package, to / package.name, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    size = size_of(to)
    if size > LIMIT:
        raise UserError(
            f"submit: {package} holds {size / 2**20:,.0f} MiB, and a job takes {LIMIT / 2**20:,.0f} MiB along at most: "
            "take out of the package what is no source"
        )
    return _hash_of(to)


def size_of(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(file.stat().st_size for file in _files(folder))


def _hash_of(folder: Path) -> str:
    found = hashlib.sha256()
    for file in _files(folder):
        content = file.read_bytes()
        found.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(file for file in folder.rglob("*") if file.is_file())
