"""The builds of a job: listed with what they are and where they are served, gone back to, and deleted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import small_job
from raytrain.artifact import MANIFEST, commit, make_manifest
from raytrain.builds import Build, builds_of, garbage_of, go_back, time_of
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.index.current import current, make_current
from raytrain.jobfile import job_from
from raytrain.pipeline import root_of

STUDY = {"arms": {"plain": {}, "hot": {"temperature": 2.0}}, "seeds": [1, 2]}


def job(root: Any, **sections: Any) -> Job:
    return job_from(small_job("demo:cldr", root) | {"evaluate": {"benchmarks": ["demo:cldr"]}} | sections, "here")


@pytest.fixture(params=["local", "s3"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    """A job without builds."""
    return job(f"s3://{request.getfixturevalue('s3').bucket()}/x" if request.param == "s3" else tmp_path / "root")


def build(made: Job, name: str, days: int, **summary: Any) -> int:
    """A build finished some days ago; gives its size."""
    place = root_of(made) / "index" / name
    (place / "shards/00000.faiss").write_bytes(b"x" * 1_000)
    manifest = make_manifest(
        stage="index",
        writer="me",
        identity={"name": name},
        config={},
        inputs={},
        files=[],
        content=[""],
        rows=None,
        summary=summary,
    )
    commit(place, manifest.model_copy(update={"created": _ago(days)}))
    return sum(info.size for info in place.list())


def _ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")


def refusal(*given: Any) -> str:
    with pytest.raises(UserError) as caught:
        go_back(*given)
    return str(caught.value)


def test_a_root_without_builds_has_none(made: Job) -> None:
    assert list(builds_of(made)) == []
    assert garbage_of(made, "0s", delete=True) == []


def test_builds_are_told_the_newest_first_and_the_unfinished_last(made: Job) -> None:
    size = build(made, "old", 30, kind="Flat", rows=70, quality={"recall": 1.0})
    build(made, "new", 1, kind="IVF8,SQ8", rows=80, quality={"recall": 0.98})
    build(made, "plain", 10)
    (root_of(made) / "index/half/shards/00000.faiss").write_bytes(b"x" * 10)
    make_current(root_of(made), "small", "old")
    make_current(root_of(made), "small", "new")
    make_current(root_of(made), "other", "old")
    found = list(builds_of(made))
    assert [one.build for one in found] == ["new", "plain", "old", "half"]
    new, plain, old, half = found
    assert (new.served, new.kind, new.passages, new.recall) == ("small", "IVF8,SQ8", 80, 0.98)
    assert (plain.served, plain.kind, plain.passages, plain.recall) == ("", "", None, None)
    assert old == Build("old", "other, (small before)", old.created, "Flat", 70, 1.0, size)
    assert datetime.fromisoformat(old.created) < datetime.fromisoformat(new.created)
    assert half == Build("half", "", "", "not finished", None, None, 10)


def test_one_that_was_current_twice_is_told_once(made: Job) -> None:
    build(made, "a", 2)
    build(made, "b", 1)
    for name in "abab":
        make_current(root_of(made), "small", name)
    assert {one.build: one.served for one in builds_of(made)} == {"a": "(small before)", "b": "small"}


def test_a_damaged_manifest_is_told_and_hides_no_other_build(made: Job) -> None:
    build(made, "a", 2)
    build(made, "b", 1, kind="Flat")
    (root_of(made) / "index/a" / MANIFEST).write_bytes(b"{")
    kinds = {one.build: one.kind for one in builds_of(made)}
    assert kinds == {"a": "damaged manifest", "b": "Flat"}


def test_going_back(made: Job) -> None:
    assert refusal(made, None, None, None) == "small: no index is served under this name"
    for days, name in enumerate("abc"):
        build(made, name, days)
        make_current(root_of(made), "small", name)
    assert go_back(made, None, None, None).build == "b"
    assert go_back(made, "a", None, None).build == "a"
    now = current(root_of(made), "small")
    assert now is not None
    assert (now.number, now.build) == (5, "a")
    line = refusal(made, "z", None, None)
    assert line == f"{root_of(made).uri}/index/z: no finished index, so it can't be served as small"
    line = refusal(made, None, "hot", None)
    assert line == "--arm and --seed choose a run of a study, and the job has none"


def test_going_back_in_a_study(tmp_path: Path) -> None:
    """The job's own name, or that of an arm: its first seed unless one is named."""
    study = job(tmp_path / "root", study=STUDY)
    root = root_of(study)
    for days, name in enumerate("abc"):
        build(study, name, days)
    for name in ("small", "small/hot/1", "small/hot/2"):
        make_current(root, name, "a")
        make_current(root, name, "b")
    assert go_back(study, None, "hot", None).build == "a"
    assert go_back(study, "c", "hot", 2).build == "c"
    served = {name: current(root, name) for name in ("small", "small/hot/1", "small/hot/2")}
    assert {name: pointer.build for name, pointer in served.items() if pointer} == {
        "small": "b",
        "small/hot/1": "a",
        "small/hot/2": "c",
    }
    assert refusal(study, None, "plain", 1) == "small/plain/1: no index is served under this name"
    assert refusal(study, None, None, 1) == "--seed: of which arm? Name one with --arm: plain, hot"
    line = refusal(study, None, "cold", None)
    assert line == "--arm, --seed: the study has no such run; it has plain:1, hot:1, plain:2, hot:2"


def test_garbage_is_shown_and_deleted_only_when_asked_to(made: Job) -> None:
    sizes = {name: build(made, name, days) for name, days in {"a": 30, "b": 20, "c": 10, "d": 2, "e": 1}.items()}
    make_current(root_of(made), "small", "b")
    make_current(root_of(made), "small", "e")
    shown = garbage_of(made, "1w", delete=False)
    assert [(one.build, one.size, one.why) for one in shown] == [
        ("a", sizes["a"], "never current"),
        ("c", sizes["c"], "never current"),
    ]
    assert len(list(builds_of(made))) == 5
    assert garbage_of(made, "1w", delete=True) == shown
    assert [one.build for one in builds_of(made)] == ["e", "d", "b"]
    assert garbage_of(made, "1w", delete=True) == []
    assert [one.build for one in garbage_of(made, "36h", delete=True)] == ["d"]
    assert go_back(made, None, None, None).build == "b"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0s", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("999999w", timedelta(weeks=999_999)),
    ],
)
def test_times(text: str, wanted: timedelta) -> None:
    assert time_of(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "7", "d", "7 d", "-7d", "1.5h", "7D", "7d12h", "7d\n", "7y", "9999999w", "9" * 99 + "d"]
)
def test_what_is_no_time(tmp_path: Path, text: str) -> None:
    message = f"--grace: {text!r} is no time: give 30m, 12h, 7d or 2w"
    made = job(tmp_path / "root")
    for action in (lambda: time_of(text), lambda: garbage_of(made, text, delete=True)):
        with pytest.raises(UserError) as caught:
            action()
        assert str(caught.value) == message
