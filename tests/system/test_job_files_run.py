"""Every smoke twin of the jobs that come along runs to its report, and what twins share is done once."""

import time
from pathlib import Path

import pytest
from rich.console import Console

from raytrain.artifact import Artifact
from raytrain.cluster import stop_ray
from raytrain.jobfile import load_job
from raytrain.pipeline import Task, run, status
from raytrain.stages.chain import tasks_of
from raytrain.stages.report import read_report
from raytrain.tuning import finished_sweep, tune_job

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

JOBS = Path(__file__).parents[2] / "jobs"
# In this order the study finds the runs of its first seed, and the index the model of the mixed job.
TWINS = ["webfaq_mixed", "webfaq_english", "webfaq_non_english", "webfaq_study", "index_tydi", "webfaq_all"]
TUNED = "tune_mix"


def test_every_twin_runs_to_its_report(tmp_path: Path) -> None:
    assert sorted([*TWINS, TUNED]) == sorted(place.stem.removesuffix("_smoke") for place in JOBS.glob("*_smoke.yaml"))
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


def test_the_twin_of_the_search_comes_to_its_end(tmp_path: Path) -> None:
    job = load_job(JOBS / f"{TUNED}_smoke.yaml", [f"root={tmp_path}"])

    def work(tasks: list[Task]) -> dict[str, Artifact]:
        return run(tasks, lambda line: None)

    start = time.monotonic()
    try:
        tune_job(job, work, Console())
    finally:
        stop_ray()
    print(f"{TUNED}_smoke: {time.monotonic() - start:.0f} s")
    sweep = finished_sweep(job)
    assert len(sweep.trials) == 3
    assert sweep.objectives == ["trained", "never_trained"]
    assert sweep.front
    assert list(tmp_path.glob("sweep-report/*/sweep.html"))
