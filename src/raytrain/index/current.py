"""Which build of an index is served under a name: numbered pointers, of which the highest counts.

A pointer is written once and only if its number is free, so that of two who move a name at the same time one succeeds
and the other hears of it, on any object store; and the older ones say what to go back to.
"""

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import AwareDatetime, ValidationError

from raytrain.artifact import MANIFEST, Record, read_manifest
from raytrain.errors import UserError, one_line
from raytrain.storage import Location

NAMES, BUILDS = "indexes", "index"  # folders of a root
CONDEMNED = "condemned"  # the mark of a build that is being deleted
_POINTER = re.compile(r"CURRENT-(\d{8})\.json")


class Pointer(Record):
    """From ``created`` on the build ``ROOT/index/build`` is served, until there is a pointer with a higher number."""

    number: int
    build: str
    created: AwareDatetime


@dataclass(frozen=True)
class History:
    """The pointers of a name that can be read, the oldest first; the highest number taken; and by their numbers why
    others can't be read.
    """

    pointers: list[Pointer]
    last_number: int
    damaged: dict[int, str]

    @property
    def current(self) -> Pointer | None:
        """What is served, if anything is."""
        return self.pointers[-1] if self.pointers else None


def history(root: Location, name: str) -> History:
    """All pointers of a name. One that is damaged counts for nothing, and what was served before it still is."""
    folder = root / NAMES / name
    found, numbers, damaged = list[Pointer](), [0], dict[int, str]()
    for info in folder.list(recursive=False):
        match = _POINTER.fullmatch(info.path)
        if match:
            place = folder / info.path
            numbers.append(int(match[1]))
            try:
                pointer = Pointer.model_validate_json(place.read_bytes())
                if pointer.number != int(match[1]):
                    raise ValueError(f"it is number {pointer.number} by its content")
                found.append(pointer)
            except ValueError as error:  # pydantic's too
                reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
                damaged[int(match[1])] = f"{place.uri}: is no whole pointer ({one_line(reason)})"
    return History(sorted(found, key=lambda pointer: pointer.number), max(numbers), damaged)


def current(root: Location, name: str) -> Pointer | None:
    """What is served under a name, if anything is. A line on stderr tells of a newer pointer that can't be read."""
    there = history(root, name)
    now = there.current
    for number, line in there.damaged.items():
        if now is None or number > now.number:
            what = f"{now.build} is served, as before it" if now else "nothing is served"
            print(f"index: {line}, so {what}; delete it", file=sys.stderr, flush=True)
    return there.current


def make_current(root: Location, name: str, build: str) -> Pointer:
    """Serves a finished build from now on; nothing is written if it is the current one already.

    Raises UserError if there is no such build, it is being deleted, or another was made current in the same moment.
    """
    return _point(root, name, build, history(root, name))


def _point(root: Location, name: str, build: str, there: History) -> Pointer:
    """Writes the pointer that follows those that are there."""
    before = there.current
    if before and before.build == build:
        return before
    folder = root / BUILDS / build
    if read_manifest(folder) is None:
        raise UserError(f"{folder.uri}: no finished index, so it can't be served as {name}")
    if (folder / CONDEMNED).exists():
        raise _condemned(folder, name)
    pointer = _write(root, name, build, there.last_number + 1)
    if pointer is None:
        now = history(root, name).current
        if now and now.build == build:  # somebody did the same
            return now
        raise UserError(
            f"{name}: index {now.build if now else '?'} was made current at the same moment as {build}, and is "
            "served: run the command again if yours is to be"
        )
    # Who deletes marks first and then looks at pointers; who serves points first and then looks for the mark. So one of
    # the two sees the other.
    if (folder / CONDEMNED).exists() or not (folder / MANIFEST).exists():
        if before:
            _write(root, name, before.build, pointer.number + 1)
        else:
            (root / NAMES / name / _file(pointer.number)).delete()
        raise _condemned(folder, name)
    return pointer


def _condemned(folder: Location, name: str) -> UserError:
    return UserError(
        f"{folder.uri}: is being deleted, so it can't be served as {name}: let raytrain builds collect --delete "
        "finish, and build it again"
    )


def _write(root: Location, name: str, build: str, number: int) -> Pointer | None:
    """The pointer of a number; None if it is taken."""
    pointer = Pointer(number=number, build=build, created=datetime.now(UTC).replace(microsecond=0))
    place = root / NAMES / name / _file(number)
    return pointer if place.put_if_absent(pointer.model_dump_json().encode()) else None


def _file(number: int) -> str:
    return f"CURRENT-{number:08d}.json"


def roll_back(root: Location, name: str, to: str | None = None) -> Pointer:
    """Serves an earlier build again: ``to``, or the one before the current one that is still there.

    Raises UserError if there is none, or another became current meanwhile.
    """
    there = history(root, name)
    now = there.current
    if now is None:
        raise UserError(f"{name}: no index is served under this name")
    if to is not None:
        return _point(root, name, to, there)
    for pointer in reversed(there.pointers):
        if pointer.build != now.build and (root / BUILDS / pointer.build / MANIFEST).exists():
            return _point(root, name, pointer.build, there)
    raise UserError(f"{name}: there is no earlier build than {now.build} to go back to")


def needed(pointers: list[Pointer]) -> list[str]:
    """Builds of a name that are kept: the current one and, to go back to, the one before."""
    return list(dict.fromkeys(pointer.build for pointer in reversed(pointers)))[:2]


def names(root: Location) -> list[str]:
    """All names that something is served under."""
    found = {
        path.rsplit("/", 1)[0]
        for path in (info.path for info in (root / NAMES).list())
        if "/" in path and _POINTER.fullmatch(path.rsplit("/", 1)[1])
    }
    return sorted(found)


def build_of(place: Location) -> Location:
    """The folder of a build: of the current one of ``ROOT/indexes/NAME``, or ``place`` itself if it is one.

    Raises UserError if it is neither.
    """
    if (place / MANIFEST).exists():
        return place
    root, found, name = place.uri.rpartition(f"/{NAMES}/")
    if found:
        at = Location.of(root, place.options)
        pointer = current(at, name)
        if pointer is None:
            raise UserError(f"{place.uri}: no index is served here yet: run raytrain index JOB.yaml, or raytrain run")
        return at / BUILDS / pointer.build
    raise UserError(f"{place.uri}: is no index: name ROOT/{NAMES}/NAME, or a build, ROOT/{BUILDS}/HASH")
