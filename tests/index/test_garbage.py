"""Builds that nobody needs are found and deleted; what is served, was served last, or is young stays."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from index_builds import build
from raytrain.artifact import MANIFEST
from raytrain.errors import UserError
from raytrain.index.current import CONDEMNED, Pointer, history, make_current, roll_back
from raytrain.index.garbage import MARK_LASTS, collect, unreferenced
from raytrain.storage import Location
from s3server import S3Server

WEEK = timedelta(days=7)
LATER = datetime.now(UTC) + timedelta(days=30)


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> Location:
    return Location.of(str(tmp_path / "root") if request.param == "disk" else f"s3://{s3.bucket()}/root")


def found(root: Location, now: datetime = LATER) -> dict[str, str]:
    return {one.build: one.why for one in unreferenced(root, WEEK, now)}


def test_what_is_served_or_was_served_last_stays(root: Location) -> None:
    one, two, three, never = (build(root, name) for name in ("one", "two", "three", "never"))
    for each in (one, two, three):
        make_current(root, "mine", each)
    make_current(root, "other", two)
    assert found(root) == {one: "was current", never: "never current"}
    assert found(root, datetime.now(UTC)) == {}  # all are young
    roll_back(root, "mine", one)  # needed again
    assert found(root) == {never: "never current"}
    sizes = [garbage.size for garbage in unreferenced(root, WEEK, LATER)]
    assert sizes[0] > 10


def test_what_was_never_finished_goes_by_its_last_file(root: Location) -> None:
    place = root / "index/unfinished/shards/00000.faiss"
    place.write_bytes(b"12345")
    assert found(root) == {"unfinished": "never finished"}
    assert found(root, datetime.now(UTC) + timedelta(days=6)) == {}
    if root.is_local:
        old = (datetime.now(UTC) - timedelta(days=8)).timestamp()
        os.utime(place.local_path, (old, old))
        assert found(root, datetime.now(UTC)) == {"unfinished": "never finished"}
        (root / "index/unfinished/shards/00001.faiss").write_bytes(b"12345")  # somebody works on it
        assert found(root, datetime.now(UTC)) == {}


def test_only_garbage_is_deleted_and_what_became_current_meanwhile_is_none(root: Location) -> None:
    one, two, never = (build(root, name) for name in ("one", "two", "never"))
    make_current(root, "mine", two)
    garbage = unreferenced(root, WEEK, LATER)
    assert {g.build for g in garbage} == {one, never}
    make_current(root, "mine", one)
    assert [g.build for g in collect(root, garbage)] == [never]
    assert {info.path.split("/")[0] for info in (root / "index").list()} == {one, two}
    assert found(root) == {}


def test_what_a_kill_left_of_a_deletion_is_no_index_and_goes_the_next_time(root: Location) -> None:
    """The manifest goes first: a folder without one can't be made current, and is found as never finished."""
    one = build(root, "one")
    (root / "index" / one / "manifest.json").delete()
    with pytest.raises(UserError, match="no finished index"):
        make_current(root, "mine", one)
    assert found(root) == {one: "never finished"}
    collect(root, unreferenced(root, WEEK, LATER))
    assert (root / "index").list() == []


def test_where_nothing_was_ever_built(root: Location) -> None:
    assert found(root) == {}


START = datetime(2026, 1, 1, tzinfo=UTC)


def serve(root: Location, name: str, builds: dict[int, str]) -> None:
    """Makes builds current on given days."""
    for number, (day, made) in enumerate(builds.items(), 1):
        created = (START + timedelta(days=day)).isoformat(timespec="seconds")
        pointer = Pointer(number=number, build=made, created=created)
        (root / "indexes" / name / f"CURRENT-{number:08d}.json").write_bytes(pointer.model_dump_json().encode())


def test_time_is_counted_from_when_it_stopped_being_the_one_before(root: Location) -> None:
    """The last time, and under the last name."""
    a, b, c, d, e = (build(root, name) for name in "abcde")
    serve(root, "mine", {1: a, 2: b, 3: a, 4: c, 5: d})  # a is needed until d, b until c
    serve(root, "other", {1: b, 8: d, 9: e})  # b until e
    since = {one.build: one.since for one in unreferenced(root, WEEK, LATER)}
    assert since == {a: START + timedelta(days=5), b: START + timedelta(days=9)}
    assert found(root, START + timedelta(days=12)) == {}
    assert found(root, START + timedelta(days=12, seconds=1)) == {a: "was current"}


def test_who_cannot_read_what_is_served_deletes_nothing(root: Location) -> None:
    one, two = build(root, "one"), build(root, "two")
    make_current(root, "mine", one)
    garbage = unreferenced(root, WEEK, LATER)
    (root / "indexes/mine/CURRENT-00000002.json").write_bytes(b'{"number": 2')
    for action in (lambda: found(root), lambda: collect(root, garbage)):
        with pytest.raises(UserError, match=r"CURRENT-00000002\.json: is no whole pointer"):
            action()
    assert {info.path.split("/")[0] for info in (root / "index").list()} == {one, two}
    assert marks(root) == []
    (root / "indexes/mine/CURRENT-00000002.json").delete()
    assert make_current(root, "mine", two).build == two  # nothing holds it up


def marks(root: Location) -> list[str]:
    return [info.path for info in (root / "index").list() if info.path.endswith(f"/{CONDEMNED}")]


def test_a_mark_that_a_killed_deletion_left_is_told_and_goes(tmp_path: Path) -> None:
    """Nothing is served because of it, and once it is old a build that is needed loses it."""
    root = Location.of(str(tmp_path))
    one, two = build(root, "one"), build(root, "two")
    mark = root / "index" / one / CONDEMNED
    mark.write_bytes(b"")
    with pytest.raises(UserError, match="is being deleted, so it can't be served as mine"):
        make_current(root, "mine", one)
    assert (root / "indexes").list() == []
    mark.delete()
    make_current(root, "mine", one)
    make_current(root, "mine", two)
    mark.write_bytes(b"")
    with pytest.raises(UserError, match="is being deleted"):
        roll_back(root, "mine")
    assert len(history(root, "mine").pointers) == 2  # no pointer to it and back
    collect(root, [])
    assert marks(root) == [f"{one}/{CONDEMNED}"]  # somebody may be at it
    old = (datetime.now(UTC) - 2 * MARK_LASTS).timestamp()
    os.utime(mark.local_path, (old, old))
    collect(root, [])
    assert marks(root) == []
    assert roll_back(root, "mine").build == one


def test_a_damaged_manifest_counts_as_never_finished(root: Location) -> None:
    one = build(root, "one")
    (root / "index" / one / MANIFEST).write_bytes(b"{")
    assert found(root) == {one: "never finished"}


_COLLECTS = """
import sys
from datetime import UTC, datetime, timedelta
from raytrain.index.garbage import collect, unreferenced
from raytrain.storage import Location
root = Location.of(sys.argv[1])
collect(root, unreferenced(root, timedelta(0), datetime(2090, 1, 1, tzinfo=UTC)))
"""


def test_a_deletion_that_is_killed_leaves_no_index(tmp_path: Path) -> None:
    """No file is gone before the manifest; killed as soon as that is gone."""
    root = Location.of(str(tmp_path / "root"))
    folder = root.local_path / "index/0123"
    folder.mkdir(parents=True)
    for number in range(10_000):
        (folder / f"{number:05d}.ids").touch()
    shutil.move(root.local_path / "index" / build(root, "one") / MANIFEST, folder)
    for number in range(10_000, 20_000):
        (folder / f"{number:05d}.ids").touch()
    first = folder / next(name for name in os.listdir(folder) if name != MANIFEST)  # to be deleted with the folder
    with subprocess.Popen([sys.executable, "-c", _COLLECTS, root.uri]) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            gone = not first.exists()
            if not (folder / MANIFEST).exists():
                break
            assert not gone
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / MANIFEST).exists()
    assert found(root)["0123"] == "never finished"
    collect(root, unreferenced(root, WEEK, LATER))
    assert (root / "index").list() == []
