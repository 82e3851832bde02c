"""Which build of an index is served under a name: numbered pointers, of which the highest counts.

A pointer is written once and only if its number is free, so that of two who move a name at the same time one succeeds
and the other hears of it, on any object store; and the older ones say what to go back to.
"""

import re
from datetime import UTC, datetime

from pydantic import ValidationError

from raytrain.artifact import MANIFEST, Record, read_manifest
from raytrain.errors import UserError, one_line
from raytrain.storage import Location

NAMES, BUILDS = "indexes", "index"  # folders of a root
_POINTER = re.compile(r"CURRENT-(\d{8})\.json")


class Pointer(Record):
    """From ``created`` on the build ``ROOT/index/build`` is served, until there is a pointer with a higher number."""

    number: int
    build: str
    created: str

    @property
    def since(self) -> datetime:
        """When it was written."""
        return datetime.fromisoformat(self.created)


def history(root: Location, name: str) -> list[Pointer]:
    """All pointers of a name, the oldest first. Raises UserError that names one that can't be read."""
    folder = root / NAMES / name
    found = []
    for info in folder.list(recursive=False):
        if _POINTER.fullmatch(info.path):
            place = folder / info.path
            try:
                found.append(Pointer.model_validate_json(place.read_text()))
            except ValidationError as error:
                raise UserError(
                    f"{place.uri}: is no whole pointer ({one_line(error.errors()[0]['msg'])}): delete it, and the "
                    "build before is served"
                ) from error
    return sorted(found, key=lambda pointer: pointer.number)


def current(root: Location, name: str) -> Pointer | None:
    """What is served under a name, if anything is."""
    pointers = history(root, name)
    return pointers[-1] if pointers else None


def make_current(root: Location, name: str, build: str) -> Pointer:
    """Serves a finished build from now on; nothing is written if it is the current one already.

    Raises UserError if there is no such build, or another was made current in the same moment.
    """
    before = current(root, name)
    if before and before.build == build:
        return before
    if read_manifest(root / BUILDS / build) is None:
        raise UserError(f"{(root / BUILDS / build).uri}: no finished index, so it can't be served as {name}")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    pointer = Pointer(number=before.number + 1 if before else 1, build=build, created=now)
    place = root / NAMES / name / f"CURRENT-{pointer.number:08d}.json"
    if place.put_if_absent(pointer.model_dump_json().encode()):
        return pointer
    there = current(root, name)
    if there and there.build == build:  # somebody did the same
        return there
    raise UserError(
        f"{name}: index {there.build if there else '?'} was made current at the same moment as {build}, and is served: "
        "run the command again if yours is to be"
    )


def roll_back(root: Location, name: str, to: str | None = None) -> Pointer:
    """Serves an earlier build again: ``to``, or the one before the current one that is still there.

    Raises UserError if there is none.
    """
    pointers = history(root, name)
    if not pointers:
        raise UserError(f"{name}: no index is served under this name")
    now = pointers[-1].build
    if to is not None:
        return make_current(root, name, to)
    for pointer in reversed(pointers):
        if pointer.build != now and (root / BUILDS / pointer.build / MANIFEST).exists():
            return make_current(root, name, pointer.build)
    raise UserError(f"{name}: there is no earlier build than {now} to go back to")


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
