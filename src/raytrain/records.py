"""Parts of an artifact in the making: each counts only by its own record, written after its files.

What is left to do is the plan less the records, so that a killed run goes on. Files that another run of the same
plan may write otherwise (k-means gives other bits on another machine) have their hash in their names: a slower writer
leaves files that nobody names, and overwrites none.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, Self, TypeVar

from pydantic import ValidationError

from raytrain.artifact import File, sha256_of, write_file
from raytrain.errors import FileMissingError
from raytrain.storage import Location, sha256_file

RECORDS = "records"  # the folder they are in until the manifest has taken them over
DIGITS = 12  # of a hash, in a name


class PartRecord(Protocol):
    """What was made: a model of pydantic that knows its files."""

    @property
    def files(self) -> tuple[File, ...]:
        """Those that it counts for."""
        ...

    def model_dump_json(self) -> str:
        """Itself as JSON."""
        ...

    @classmethod
    def model_validate_json(cls, json_data: str | bytes) -> Self:
        """From JSON; ValidationError if it is none."""
        ...


R = TypeVar("R", bound=PartRecord)


def upload_by_content(local: Path, folder: Location, pattern: str) -> File:
    """Uploads a local file to ``folder/pattern``, in which ``{sha}`` stands for the beginning of its hash."""
    sha256 = sha256_of(local)
    path = pattern.format(sha=sha256[:DIGITS])
    (folder / path).upload(local)
    return File(path=path, size=local.stat().st_size, sha256=sha256)


def write_by_content(data: bytes, folder: Location, pattern: str) -> File:
    """Writes ``data`` to ``folder/pattern``, in which ``{sha}`` stands for the beginning of its hash."""
    return write_file(data, folder, pattern.format(sha=hashlib.sha256(data).hexdigest()[:DIGITS]))


def write_record(folder: Location, path: str, record: PartRecord) -> None:
    """Writes the record of a part whose files are there."""
    (folder / path).write_bytes(record.model_dump_json().encode())


def read_records(folder: Location, wanted: Mapping[str, str], kind: type[R]) -> dict[str, R]:
    """Records of the parts that are done, by part: those whose files are there and have the size they should have.

    ``wanted``: part → path of its record. One that can't be read counts for nothing: its part is made again.
    """
    there = {info.path: info.size for info in folder.list()}
    found = {}
    for part, path in wanted.items():
        if path in there:
            try:
                record = kind.model_validate_json((folder / path).read_bytes())
            except (ValidationError, FileMissingError):  # another writer has finished and tidied meanwhile
                continue
            if all(there.get(file.path) == file.size for file in record.files):
                found[part] = record
    return found


def intact(folder: Location, wanted: Mapping[str, str], found: Mapping[str, R]) -> dict[str, R]:
    """Those of some records whose files hold the bytes that were written. Reads them all; deletes the records of the
    others, which so are made again.
    """
    whole = {}
    for part, record in found.items():
        if all(_holds(folder, file) for file in record.files):
            whole[part] = record
        else:
            (folder / wanted[part]).delete()
    return whole


def _holds(folder: Location, file: File) -> bool:
    try:
        return sha256_file(folder / file.path) == file.sha256
    except FileMissingError:
        return False


def delete_records(folder: Location) -> None:
    """Deletes all, once a manifest has taken them over."""
    (folder / RECORDS).delete_tree()
