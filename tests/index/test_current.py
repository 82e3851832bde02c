"""Which build is served: numbered pointers, one writer a number, and the way back."""

import shutil
import threading
from pathlib import Path

import pytest

from index_builds import build
from raytrain.errors import UserError
from raytrain.index.current import Pointer, build_of, current, history, make_current, names, roll_back
from raytrain.storage import Location
from s3server import S3Server


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> Location:
    return Location.of(str(tmp_path / "root") if request.param == "disk" else f"s3://{s3.bucket()}/root")


def test_the_highest_number_counts(root: Location) -> None:
    one, two = build(root, "one"), build(root, "two")
    assert current(root, "mine") is None
    assert make_current(root, "mine", one).number == 1
    assert make_current(root, "mine", two).number == 2
    assert make_current(root, "mine", two).number == 2  # nothing to do
    assert [(p.number, p.build) for p in history(root, "mine").pointers] == [(1, one), (2, two)]
    assert build_of(root / "indexes/mine").uri == (root / "index" / two).uri
    assert build_of(root / "index" / one).uri == (root / "index" / one).uri
    make_current(root, "mine/arm/42", one)
    assert names(root) == ["mine", "mine/arm/42"]
    assert build_of(root / "indexes/mine/arm/42").uri == (root / "index" / one).uri
    assert build_of(root / "indexes/mine").uri == (root / "index" / two).uri


def test_going_back_and_forth(root: Location) -> None:
    one, two, three = (build(root, name) for name in ("one", "two", "three"))
    with pytest.raises(UserError, match="mine: no index is served under this name"):
        roll_back(root, "mine")
    make_current(root, "mine", one)
    with pytest.raises(UserError, match=f"there is no earlier build than {one} to go back to"):
        roll_back(root, "mine")
    make_current(root, "mine", two)
    make_current(root, "mine", three)
    assert roll_back(root, "mine").build == two
    assert roll_back(root, "mine").build == three  # the one before now
    assert roll_back(root, "mine", one).build == one
    assert [p.number for p in history(root, "mine").pointers] == [1, 2, 3, 4, 5, 6]
    (root / "index" / three).delete_tree()
    assert roll_back(root, "mine").build == two  # three is gone
    with pytest.raises(UserError, match="no finished index, so it can't be served as mine"):
        roll_back(root, "mine", three)


def test_what_is_not_finished_is_not_served(root: Location) -> None:
    with pytest.raises(UserError, match="index/0123: no finished index"):
        make_current(root, "mine", "0123")
    assert current(root, "mine") is None
    with pytest.raises(UserError, match="no index is served here yet: run raytrain index"):
        build_of(root / "indexes/mine")
    with pytest.raises(UserError, match="is no index: name ROOT/indexes/NAME"):
        build_of(root / "elsewhere")


def test_of_two_at_once_one_is_told_and_something_is_always_served(root: Location) -> None:
    """Each of eight makes its own build current: no number twice, and who is not served hears of who is."""
    builds = [build(root, f"{i}") for i in range(8)]
    make_current(root, "mine", builds[0])
    begin, told, served = threading.Barrier(7), list[str](), list[Pointer]()

    def move(mine: str) -> None:
        begin.wait()
        try:
            served.append(make_current(root, "mine", mine))
        except UserError as error:
            told.append(str(error))

    threads = [threading.Thread(target=move, args=(mine,)) for mine in builds[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(served) + len(told) == 7
    assert served
    numbers = [p.number for p in history(root, "mine").pointers]
    assert numbers == list(range(1, len(served) + 2))
    assert sorted(p.number for p in served) == numbers[1:]
    for line in told:
        assert "was made current at the same moment" in line
        assert line.endswith("and is served: run the command again if yours is to be")


@pytest.mark.parametrize("data", [b'{"number": 2, "bu', b"", b"\xff\xfe"])
def test_what_was_served_before_half_a_pointer_still_is(
    root: Location, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = build(root, "one"), build(root, "two")
    place = root / "indexes/mine/CURRENT-00000001.json"
    place.write_bytes(data)
    assert current(root, "mine") is None
    assert f"{place.uri}: is no whole pointer" in capsys.readouterr().err
    make_current(root, "mine", one)
    place = root / "indexes/mine/CURRENT-00000003.json"
    place.write_bytes(data)
    assert build_of(root / "indexes/mine").name == one
    (line,) = [line for line in capsys.readouterr().err.splitlines() if place.uri in line]
    assert line.endswith(f"so {one} is served, as before it; delete it")
    assert make_current(root, "mine", two).number == 4
    assert current(root, "mine") is not None
    assert capsys.readouterr().err == ""  # what is damaged is older than what is served
    assert roll_back(root, "mine").build == one


def test_a_copied_root_serves_its_own(tmp_path: Path) -> None:
    root = Location.of(str(tmp_path / "root"))
    one = build(root, "one")
    make_current(root, "mine", one)
    shutil.copytree(tmp_path / "root", tmp_path / "copy")
    assert build_of(Location.of(str(tmp_path / "copy/indexes/mine"))).uri == str(tmp_path / "copy/index" / one)


def test_other_files_beside_are_passed_over(root: Location) -> None:
    make_current(root, "mine", build(root, "one"))
    (root / "indexes/mine/notes.txt").write_bytes(b"mine")
    assert len(history(root, "mine").pointers) == 1
    assert names(root) == ["mine"]


def test_something_is_served_all_the_time_and_a_loser_hears_what(root: Location) -> None:
    """Two at once, many times, while a third looks: its number never falls."""
    pairs = [[build(root, name) for name in names_] for names_ in ("ab", "cd")]
    served = [make_current(root, "mine", build(root, "first"))]
    seen, over, told = list[Pointer | None](), threading.Event(), 0

    def watch() -> None:
        while not over.is_set():
            seen.append(current(root, "mine"))

    def move(begin: threading.Barrier, mine: str, got: dict[str, Pointer | UserError]) -> None:
        begin.wait()
        try:
            got[mine] = make_current(root, "mine", mine)
        except UserError as error:
            got[mine] = error

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for turn in range(15):
            pair, begin, got = pairs[turn % 2], threading.Barrier(2), dict[str, Pointer | UserError]()
            threads = [threading.Thread(target=move, args=(begin, mine, got)) for mine in pair]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for mine, result in got.items():
                if isinstance(result, Pointer):
                    served.append(result)
                    continue
                told += 1
                (other,) = set(pair) - {mine}
                assert str(result) == (
                    f"mine: index {other} was made current at the same moment as {mine}, and is served: run the "
                    "command again if yours is to be"
                )
                assert history(root, "mine").pointers[-1].build == other
    finally:
        over.set()
        watcher.join()
    assert told
    assert history(root, "mine").pointers == sorted(served, key=lambda pointer: pointer.number)
    assert [pointer.number for pointer in history(root, "mine").pointers] == list(range(1, len(served) + 1))
    assert seen
    assert all(seen)
    numbers = [pointer.number for pointer in seen if pointer]
    assert numbers == sorted(numbers)


def test_nothing_is_written_when_it_is_current_already(root: Location) -> None:
    one = build(root, "one")
    pointer = make_current(root, "mine", one)
    before = (root / "indexes").list()
    assert make_current(root, "mine", one) == roll_back(root, "mine", one) == pointer
    assert (root / "indexes").list() == before


def test_who_deletes_half_a_pointer_has_mended_it(root: Location) -> None:
    one, two = build(root, "one"), build(root, "two")
    make_current(root, "mine", one)
    make_current(root, "mine", two)
    place = root / "indexes/mine/CURRENT-00000002.json"
    place.write_bytes(place.read_bytes()[:20])
    assert len(history(root, "mine").damaged) == 1
    place.delete()
    assert history(root, "mine").damaged == {}
    assert build_of(root / "indexes/mine").uri == (root / "index" / one).uri
