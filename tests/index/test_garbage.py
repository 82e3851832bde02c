"""Builds that nobody needs are found and deleted; what is served, was served last, or is young stays."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from index_builds import build
from raytrain.errors import UserError
from raytrain.index.current import make_current, roll_back
from raytrain.index.garbage import collect, unreferenced
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
