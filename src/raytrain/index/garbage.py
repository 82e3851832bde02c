"""Builds of indexes that nobody needs any more: found, and deleted after a time of grace."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from raytrain.artifact import MANIFEST, read_manifest
from raytrain.errors import UserError
from raytrain.index.current import BUILDS, CONDEMNED, history, names, needed
from raytrain.storage import FileInfo, Location

UNFINISHED = "never finished"
MARK_LASTS = timedelta(hours=1)  # longer than anybody needs from the mark to the manifest


@dataclass(frozen=True)
class Garbage:
    """A build of ``size`` bytes that has not been needed ``since``, and why it is not."""

    build: str
    size: int
    since: datetime
    why: str


def unreferenced(root: Location, grace: timedelta, now: datetime) -> list[Garbage]:
    """Builds that are neither current under any name nor the one before it, for longer than ``grace``.

    Counted from when they stopped being one of the two or, if they never were, from when they were finished; of one
    that was not finished, from its last file.
    """
    files = defaultdict[str, list[FileInfo]](list)
    for info in (root / BUILDS).list():
        build, _, rest = info.path.partition("/")
        if rest:
            files[build].append(info)
    kept, left = _pointed_at(root)
    found = []
    for build, infos in files.items():
        if build not in kept:
            since, why = _since(root, build, infos, left.get(build))
            if now - since > grace:
                found.append(Garbage(build, sum(info.size for info in infos), since, why))
    return sorted(found, key=lambda garbage: garbage.since)


def collect(root: Location, garbage: Iterable[Garbage]) -> list[Garbage]:
    """Deletes builds, the manifest first, so that a kill leaves no index. Gives those that were deleted.

    Those that became current meanwhile stay, and unfinished ones that somebody works on again. What an earlier deletion
    has marked and is needed loses its mark, if that is older than ``MARK_LASTS``. Raises UserError, before it marks or
    deletes anything, if a pointer can't be read.
    """
    deleted = []
    for build in _pointed_at(root)[0]:
        _unmark(root / BUILDS / build)
    for one in garbage:
        folder = root / BUILDS / one.build
        if one.why == UNFINISHED and _last_written(folder.list()) > one.since:
            continue
        (folder / CONDEMNED).put_if_absent(b"")  # there already if an earlier deletion was killed
        try:
            needed_now = one.build in _pointed_at(root)[0]
        except UserError:
            (folder / CONDEMNED).delete()
            raise
        if needed_now:
            (folder / CONDEMNED).delete()
            continue
        (folder / MANIFEST).delete()
        folder.delete_tree()
        deleted.append(one)
    return deleted


def _unmark(folder: Location) -> None:
    """Takes the mark of a deletion that was killed off a build that is needed; a younger one may be somebody's."""
    for info in folder.list(recursive=False):
        if info.path == CONDEMNED and datetime.now(UTC) - _last_written([info]) > MARK_LASTS:
            (folder / CONDEMNED).delete()


def _pointed_at(root: Location) -> tuple[set[str], dict[str, datetime]]:
    """Builds that are current or the one before, under any name; and when each other one that was stopped being so."""
    kept = set[str]()
    left = dict[str, datetime]()
    for name in names(root):
        there = history(root, name)
        if there.damaged:  # it may point to any of them
            raise UserError(f"{next(iter(there.damaged.values()))}: delete it before builds are")
        pointers = there.pointers
        kept.update(needed(pointers))
        for build in {pointer.build for pointer in pointers} - kept:
            last = max(i for i, pointer in enumerate(pointers) if pointer.build == build)
            # It was the one before until its follower had one.
            stopped = pointers[min(last + 2, len(pointers) - 1)].created
            left[build] = max(left.get(build, stopped), stopped)
    return kept, left


def _last_written(files: Iterable[FileInfo]) -> datetime:
    return datetime.fromtimestamp(max((info.modified for info in files), default=0.0), UTC)


def _since(root: Location, build: str, files: list[FileInfo], left: datetime | None) -> tuple[datetime, str]:
    if left is not None:
        return left, "was current"
    if any(info.path == f"{build}/{MANIFEST}" for info in files):
        try:
            manifest = read_manifest(root / BUILDS / build)
        except UserError:
            manifest = None
        if manifest is not None:
            return datetime.fromisoformat(manifest.created), "never current"
    return _last_written(files), UNFINISHED
