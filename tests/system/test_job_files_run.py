"""Every smoke twin of the jobs that come along runs to its report, and what twins share is done once."""

import time
from pathlib import Path

import pytest

from raytrain.cluster import stop_ray
from raytrain.jobfile import load_job
from raytrain.pipeline import run, status
from raytrain.stages.chain import tasks_of
from raytrain.stages.report import read_report

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

JOBS = Path(__file__).parents[2] / "jobs"
# In this order the study finds the runs of its first seed, and the index the model of the mixed job.
TWINS = ["webfaq_mixed", "webfaq_english", "webfaq_non_english", "webfaq_study", "index_tydi", "webfaq_all"]


def test_every_twin_runs_to_its_report(tmp_path: Path) -> None:
    assert sorted(TWINS) == sorted(place.stem.removesuffix("_smoke") for place in JOBS.glob("*_smoke.yaml"))
    try:
        for name in TWINS:
            job = load_job(JOBS / f"{name}_smoke.yaml", [f"root={tmp_path}"])
            tasks, start = tasks_of(job), time.monotonic()
            before = {state.name for state in status(tasks) if state.state == "done"}
            done = run(tasks, lambda line: None)
            print(f"{name}_smoke: {time.monotonic() - start:.0f} s, {len(before)} of {len(tasks)} tasks were done")
            report = read_report(done["report"])
            assert report.name == job.name
            assert [benchmark.name for benchmark in report.results.benchmarks] == ["demo-cldr"]
            if name == "webfaq_study":
                assert {f"{arm}:42/train" for arm in ("english", "non-english", "mixed")} <= before
                assert report.results.benchmarks[0].verdicts
            if name == "index_tydi":
                assert {"prepare", "train", "embed"} <= before
                assert done["index"].manifest.summary["kind"].endswith("SQ8")
    finally:
        stop_ray()
