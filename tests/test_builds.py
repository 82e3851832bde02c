"""The builds of a job as the commands show them."""

from datetime import timedelta
from pathlib import Path

import pytest

from index_builds import build
from jobs import small_job
from raytrain.builds import builds_of, garbage_of, go_back, time_of
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.index.current import make_current
from raytrain.jobfile import job_from
from raytrain.pipeline import root_of


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_from(small_job(tmp_path / "raw", tmp_path / "root"), "here")


def test_builds_are_listed_with_what_they_are(job: Job) -> None:
    root = root_of(job)
    summary = {"kind": "IVF8,Flat", "rows": 1_200, "quality": {"recall": 0.97}}
    one, two = build(root, "one", summary), build(root, "two")
    make_current(root, "small", one)
    make_current(root, "small", two)
    (root / "index/begun/shards/0").write_bytes(b"123")
    found = {each.build: each for each in builds_of(job)}
    assert found[two].served == "small"
    assert (found[one].served, found[one].kind, found[one].passages) == ("(small before)", "IVF8,Flat", 1_200)
    assert found[one].recall == 0.97
    assert (found["begun"].kind, found["begun"].size) == ("not finished", 3)
    assert list(found)[-1] == "begun"
    assert go_back(job, None, None, None).build == one
    assert {each.build: each.served for each in builds_of(job)}[one] == "small"


def test_nothing_is_deleted_unless_asked_for(job: Job) -> None:
    never = build(root_of(job), "never")
    assert garbage_of(job, "7d", delete=True) == []  # it is young
    assert [one.build for one in garbage_of(job, "0s", delete=False)] == [never]
    assert (root_of(job) / "index" / never / "manifest.json").exists()
    assert [one.build for one in garbage_of(job, "0s", delete=True)] == [never]
    assert not (root_of(job) / "index" / never).exists()


def test_times() -> None:
    assert time_of("90s") == timedelta(seconds=90)
    assert time_of("2w") == timedelta(weeks=2)
    for wrong in ("", "7", "d", "7 d", "-1d", "1.5h"):
        with pytest.raises(UserError, match="is no time: give 30m, 12h, 7d or 2w"):
            time_of(wrong)
