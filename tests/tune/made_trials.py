"""Trials without training: works that score, fail, die or hang as they are told, and say so in a file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray.cloudpickle

from raytrain.storage import Location
from raytrain.tune.conductor import Plan
from raytrain.tune.config import Tune
from raytrain.tune.cost import Rate
from raytrain.tune.ledger import Ledger
from raytrain.tune.lineage import Lineage
from raytrain.tune.sweep import run_sweep
from raytrain.tune.trainable import Rules
from raytrain.tune.work import Died, Done, Event, Failed, Fork, Scored, Waiting

MAX_STEPS, EVERY, BATCH = 90, 10, 8


class Made:
    """A ``Work`` whose scores rise with its steps and with ``x``."""

    def __init__(self, job: Mapping[str, Any], fork: Fork | None = None) -> None:
        self._job, self._step = job, fork.step if fork else 0
        self._say("begun")

    def next(self, timeout: float) -> Event:
        mood = self._job.get("train.mood", "fine")
        if mood == "fails":
            return Failed("train: 11 steps were left out, since loss or gradient was not finite", 1.0)
        if mood == "dies" and self._step == 2 * EVERY:
            return Died("its process ended with signal 9", 1.0, ("a line", "Killed by somebody", ""))
        if mood == "dies once" and self._step == 2 * EVERY and self._times("begun") < 2:
            return Died("its process ended with signal 9", 1.0, ("Killed",))
        if mood == "waits" and self._step == 2 * EVERY and self._times("waits") < 3:
            self._say("waits")
            time.sleep(0.7 * timeout)
            return Waiting(1.0)
        if mood == "hangs" and self._step == 2 * EVERY:
            time.sleep(timeout)
            raise TimeoutError
        if self._step == MAX_STEPS:
            self._say("done")
            return Done(MAX_STEPS, "somewhere", float(self._step))
        self._step += EVERY
        x = self._job.get("train.x", self._job.get("train.learning_rate", 0.5))
        scores = {"deu": x * self._step / MAX_STEPS, "eng": 0.5 * self._step / MAX_STEPS}
        return Scored(self._step, scores, float(self._step), f"folder of {self._job['key']}")

    def kill(self) -> None:
        self._say("killed")

    def _say(self, word: str) -> None:
        with Path(self._job["told"]).open("a") as file:
            file.write(f"{word} {self._job['key']}\n")

    def _times(self, word: str) -> int:
        return told(Path(self._job["told"])).count(f"{word} {self._job['key']}")


def told(file: Path) -> list[str]:
    """What works said, in order."""
    return file.read_text().splitlines() if file.exists() else []


def sweep(folder: Path, tune: dict[str, Any], said: list[str] | None = None, at_a_time: int = 1) -> tuple[Ledger, str]:
    """A sweep of made trials in a folder; goes on with what is there. Gives its ledger, and why it ended."""
    import made_trials

    ray.cloudpickle.register_pickle_by_value(made_trials)  # Ray's workers know no test module
    config = Tune.model_validate({"retries": 1, "hang_after_s": 2.0, **tune})
    base = dict.fromkeys(config.space)

    def job_of(lineage: Lineage) -> dict[str, Any]:
        return {**(lineage.now or {}), "key": str(lineage.settings), "told": str(folder / "told")}

    ledger = Ledger(Location.of(str(folder)), tuple(config.objectives))
    plan = Plan(job_of, base, None, lambda settings: BATCH, Rate(2, 3.0))
    rules = Rules(config.objectives, None, ["deu"], MAX_STEPS, config.retries, config.hang_after_s)
    why = run_sweep(config, plan, rules, ledger, Made, at_a_time, EVERY, said.append if said is not None else print)
    return ledger, why
