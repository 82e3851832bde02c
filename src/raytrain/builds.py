"""The builds of a job's indexes: what there is, going back to an earlier one, and deleting what nobody needs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from raytrain.artifact import read_manifest
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.index.current import BUILDS, Pointer, history, names, needed, roll_back
from raytrain.index.garbage import Garbage, collect, unreferenced
from raytrain.pipeline import root_of
from raytrain.serving import served_as

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class Build:
    """A build under ``ROOT/index``: where it is served, what it is, and how good."""

    build: str
    served: str
    created: str
    kind: str
    passages: int | None
    recall: float | None
    size: int


def builds_of(job: Job) -> Iterator[Build]:
    """All builds of the job's root, the newest first; those that are not finished last."""
    root = root_of(job)
    served: dict[str, list[str]] = {}
    for name in names(root):
        for build, words in zip(needed(history(root, name).pointers), (name, f"({name} before)"), strict=False):
            served.setdefault(build, []).append(words)
    sizes: dict[str, int] = {}
    for info in (root / BUILDS).list():
        build = info.path.split("/", 1)[0]
        sizes[build] = sizes.get(build, 0) + info.size
    found = [_build(job, build, ", ".join(served.get(build, [])), size) for build, size in sizes.items()]
    yield from sorted(found, key=lambda build: build.created, reverse=True)


def _build(job: Job, build: str, served: str, size: int) -> Build:
    try:
        manifest = read_manifest(root_of(job) / BUILDS / build)
    except UserError:
        return Build(build, served, "", "damaged manifest", None, None, size)
    if manifest is None:
        return Build(build, served, "", "not finished", None, None, size)
    summary = manifest.summary
    recall = summary.get("quality", {}).get("recall")
    return Build(build, served, manifest.created, summary.get("kind", ""), summary.get("rows"), recall, size)


def go_back(job: Job, to: str | None, arm: str | None, seed: int | None) -> Pointer:
    """Serves an earlier build of the job's index, or of an arm's. Raises UserError if there is none."""
    return roll_back(root_of(job), served_as(job, arm, seed), to)


def garbage_of(job: Job, grace: str, *, delete: bool) -> list[Garbage]:
    """Builds that nobody has needed for a time ("7d", "12h"); deletes them if asked to. Raises UserError."""
    found = unreferenced(root_of(job), time_of(grace), datetime.now(UTC))
    return collect(root_of(job), found) if delete else found


def time_of(text: str) -> timedelta:
    """How long "90s", "30m", "12h", "7d" or "2w" is. Raises UserError."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if not match:
        raise UserError(f"--grace: {text!r} is no time: give 30m, 12h, 7d or 2w")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
