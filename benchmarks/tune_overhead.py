"""What a trial costs beside its work, and what is left behind: many trials through the whole machinery.

    python benchmarks/tune_overhead.py driver [500]     trials that only score, without workers
    python benchmarks/tune_overhead.py train [30]       small training runs, with workers, and ASHA

Prints seconds a trial (with ``train`` also those of the same run without a sweep), and before and after: placement
groups, what is held of the cluster, processes, open files and memory of the driver, and what of Ray Tune is in the
temporary folder.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from raytrain.config import Job
from raytrain.storage import Location
from raytrain.tune.conductor import Plan
from raytrain.tune.config import Tune
from raytrain.tune.cost import Rate
from raytrain.tune.ledger import Ledger
from raytrain.tune.sweep import run_sweep
from raytrain.tune.trainable import Rules
from raytrain.tune.work import Done, Event, Fork, Scored

SPACE = {"train.learning_rate": {"uniform": [0.0, 1.0]}}
STEPS = 300
LANGUAGES = ["ara", "eng", "spa"]


class Score:
    """A ``Work`` that does nothing but score three times."""

    def __init__(self, job: Mapping[str, Any], fork: Fork | None = None) -> None:
        self._x, self._step = job["x"], 0

    def next(self, timeout: float) -> Event:
        """As ``Work.next``."""
        if self._step == STEPS:
            return Done(STEPS, "", 0.0)
        self._step += STEPS // 3
        return Scored(self._step, {"eng": self._x * self._step / STEPS}, 0.0, "")

    def kill(self) -> None:
        """Nothing to kill."""


def left() -> dict[str, float]:
    """What is there now."""
    import ray
    from ray.util import placement_group_table

    own = psutil.Process()
    groups = [group for group in placement_group_table().values() if group["state"] != "REMOVED"]
    return {
        "placement groups": len(groups),
        "head held": round(1.0 - ray.available_resources().get("node:__internal_head__", 0.0), 4),
        "CPUs held": ray.cluster_resources()["CPU"] - ray.available_resources().get("CPU", 0.0),
        "processes": len(own.children(recursive=True)),
        "files": own.num_fds(),
        "driver MiB": round(own.memory_info().rss / 2**20),
        "Ray Tune's folders": len(list(Path(tempfile.gettempdir()).glob("raytrain-tune-*"))),
    }


def settled() -> dict[str, float]:
    """What is there once Ray has seen that actors are gone."""
    time.sleep(15)
    return left()


def driver_only(trials: int) -> None:
    """Trials that only score."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    tune = Tune.model_validate({"space": SPACE, "budget": {"trials": trials}})
    plan = Plan(
        lambda lineage: {"x": (lineage.settings or {"train.learning_rate": 0.5})["train.learning_rate"]},
        {"train.learning_rate": 0.5},
        None,
        lambda settings: 1,
        Rate(0, None),
    )
    rules = Rules(tune.objectives, None, ["eng"], STEPS, 0, 60.0)
    before = settled()
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Location.of(folder), ("average",))
        began = time.monotonic()
        run_sweep(tune, plan, rules, ledger, Score, 2, STEPS // 3, lambda line: None)
        seconds = time.monotonic() - began
        files = len(list(Path(folder).rglob("*.json")))
    tell(trials, seconds, before, settled(), {"files in the ledger": files})
    ray.shutdown()


def with_workers(trials: int) -> None:
    """Small training runs of the embedded corpus, one worker each."""
    from raytrain.cluster import running_ray, stop_ray
    from raytrain.jobfile import job_from
    from raytrain.pipeline import run
    from raytrain.stages.chain import sweep

    with tempfile.TemporaryDirectory() as root:
        job = job_from(_job(root, trials), "the benchmark")
        tasks = sweep(job)
        running_ray(job.cluster)
        run(tasks[:-1], lambda line: None)
        plain = median([_plain(job, rate) for rate in (2e-3, 3e-3, 4e-3)])
        before = settled()
        began = time.monotonic()
        run(tasks, lambda line: print(line, file=sys.stderr, flush=True))
        seconds = time.monotonic() - began
        after = settled()
        ledger = next(iter(Path(root).glob("sweeps/*")))
        found = [json.loads(file.read_text())["trial"] for file in ledger.rglob("*.json")]
        folders = [folder for folder in Path(root, "train").iterdir() if not (folder / "manifest.json").exists()]
        states = {state: sum(t["state"] == state for t in found) for state in ("finished", "stopped", "failed")}
        also = {**states, "unfinished run folders": len(folders), "a run without a sweep": f"{plain:.2f} s"}
        tell(trials, seconds, before, after, also)
        stop_ray()


def _plain(job: Job, rate: float) -> float:
    """Seconds of a training run to its end, in this process, as ``raytrain train`` on a Ray that is there."""
    from raytrain.pipeline import run, up_to
    from raytrain.stages.chain import chain, one_run

    train = job.train.model_copy(update={"learning_rate": rate})
    tasks = up_to(chain(one_run(job.model_copy(update={"train": train}))), "train")
    began = time.monotonic()
    run(tasks, lambda line: None)
    return time.monotonic() - began


def _job(root: str, trials: int) -> dict[str, Any]:
    return {
        "name": "overhead",
        "root": root,
        "corpus": {
            "source": "demo:cldr",
            "languages": LANGUAGES,
            "clean": {"min_question_chars": 5, "min_answer_chars": 10},
            "identify": False,
        },
        "model": {
            "from_scratch": {"layers": 1, "hidden": 32, "heads": 2, "vocab_size": 2000, "tokenizer_rows": 300},
            "query_max_len": 24,
            "passage_max_len": 32,
        },
        "train": {
            "batch_size": 16,
            "lanes": 4,
            "max_steps": 9,
            "warmup_steps": 1,
            "learning_rate": 1e-3,
            "validate_on": {
                "benchmark": "demo:cldr",
                "languages": LANGUAGES,  # the model knows no others
                "every": 3,
                "questions": 20,
                "passages": 50,
            },
        },
        "tune": {
            "space": {"train.learning_rate": {"loguniform": [1e-5, 1e-2]}},
            "budget": {"trials": trials},
            "confirm": None,
        },
        "cluster": {"workers": 1, "local_cpus": os.cpu_count()},
    }


def tell(trials: int, seconds: float, before: dict[str, float], after: dict[str, float], also: dict[str, Any]) -> None:
    """Prints what was found."""
    print(f"{trials} trials: {seconds:.0f} s, {seconds / trials:.2f} s a trial; {also}")
    for name, value in after.items():
        print(f"  {name}: {before[name]:g} before, {value:g} after")


if __name__ == "__main__":
    {"driver": driver_only, "train": with_workers}[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 30)
