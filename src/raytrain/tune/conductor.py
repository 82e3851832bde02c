"""Between Ray Tune and the ledger: proposes trials, takes their scores, and knows when a sweep is to end."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune import Stopper
from ray.tune.search import Searcher

from raytrain.progress import time_left
from raytrain.tune.config import Tune
from raytrain.tune.cost import Rate, budget_of, spent_of, spent_up
from raytrain.tune.ledger import ENDED as OVER
from raytrain.tune.ledger import Ledger
from raytrain.tune.lineage import LINEAGE, Lineage
from raytrain.tune.results import Cost, Point
from raytrain.tune.search import propose
from raytrain.tune.space import Settings, Space
from raytrain.tune.trainable import ENDED, SCORES, STEP, JobOf

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How settings become a trial. ``job_of`` gives the job of a trial as plain data. ``base`` are the job file's own
    settings, of which ``base_params`` is the draw if the space holds them."""

    job_of: JobOf
    base: Settings
    base_params: dict[str, Any] | None
    batch_size_of: Callable[[Settings | None], int]
    rate: Rate


class Conductor(Searcher):  # type: ignore[misc]
    """A searcher of Ray Tune, and the only writer of the ledger. Trial 0 is the job file itself."""

    def __init__(self, tune: Tune, plan: Plan, ledger: Ledger, say: Say) -> None:
        super().__init__()
        self._tune, self._plan, self._ledger, self._say = tune, plan, ledger, say
        self._space = Space(tune.space)
        self._numbers: dict[str, int] = {}
        self._seconds: dict[int, tuple[float, float]] = {}  # of a trial's actors before the one there is, and of that
        records = ledger.records.values()
        self._unfinished = [record.trial.number for record in records if record.ended is None]
        self.exhausted = ""  # why no trial is proposed any more
        self._began, self._ended_here = time.monotonic(), 0

    @property
    def budget(self) -> dict[str, float]:
        """The limits, by unit."""
        return budget_of(self._tune.budget)

    def spent(self) -> dict[str, float]:
        """What has been spent, by unit."""
        return spent_of(record.trial.cost for record in self._ledger.records.values())

    def spent_up(self) -> str:
        """Why running trials are to end, or ""."""
        return spent_up(self.budget, self.spent(), ("steps", "pairs", "gpu_hours", "money"))

    def suggest(self, trial_id: str) -> Any:
        """The next trial: one that was begun and has not ended, or a new one."""
        if why := self.spent_up():
            return self._finished(why)
        if self._unfinished:
            number = self._unfinished.pop(0)
            self._ledger.resume(number)
            self._say(f"tune: trial {number} is gone on with")
        else:
            # A population starts from draws: the job file itself, which the space may not hold, is not among them.
            first = 1 if self._tune.schedule.is_population else 0
            number = self._ledger.next_number(first)
            if number - first >= self._tune.budget.trials:
                return self._finished(f"all {self._tune.budget.trials} trials were proposed")
            if not self._begin(number):
                return self._finished("the space holds no other settings")
        self._numbers[trial_id] = number
        trial = self._ledger.records[number].trial
        self._seconds[number] = trial.cost.seconds, 0.0
        return {"number": number, **self._config(number)}

    def _config(self, number: int) -> dict[str, Any]:
        """The draw, and what has changed since."""
        record = self._ledger.records[number]
        if not record.trial.changes:
            return record.params or {}
        lineage = Lineage(settings=record.trial.settings, changes=tuple(record.trial.changes))
        return {**(self._space.params(lineage.now or {}) or {}), LINEAGE: lineage.model_dump_json()}

    def _begin(self, number: int) -> bool:
        if not number:
            self._ledger.start(0, self._plan.base, self._plan.base_params)
            return True
        known = self._ledger.known()
        params = propose(self._space, self._tune.search, len(self._tune.objectives), number, known)
        if params is None:
            return False
        settings = self._space.settings(params)
        self._ledger.start(number, settings, params)
        self._say(f"tune: trial {number}: {in_words(settings)}")
        return True

    def _finished(self, why: str) -> Any:
        self.exhausted = self.exhausted or why
        return Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Takes a score."""
        self._take(self._numbers[trial_id], result)

    def _take(self, number: int, result: dict[str, Any]) -> None:
        if STEP not in result:
            return  # it failed before its first score
        lineage = Lineage.model_validate_json(result["lineage"])
        if result["forked"] and list(lineage.changes) != self._ledger.records[number].trial.changes:
            curve = [Point.model_validate(point) for point in json.loads(result["forked"])]
            self._ledger.fork(number, lineage, curve)
            at, now = lineage.changes[-1].at, in_words(lineage.now or {})
            self._say(f"tune: trial {number} went on from step {at:,} of another: {now}")
        values = {str(name): float(result[name]) for name in self._tune.objectives}
        point = Point(step=result[STEP], languages=json.loads(result[SCORES]), values=values)
        if self._ledger.point(number, point, self._cost(number, result), result["folder"] if result["fresh"] else ""):
            self._say(f"tune: trial {number}: step {point.step:,}: {_scores(values)}")

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Takes the end of a trial, whatever it was."""
        number = self._numbers.pop(trial_id, None)
        if number is None:
            return
        if error or result is None:
            self._end(number, "failed", why="its actor on the cluster died again and again")
            return
        self._take(number, result)  # Ray Tune hands the last result only to this
        trial = self._ledger.records[number].trial
        told: dict[str, Any] = {"cost": self._cost(number, result), "tries": result["tries"]}
        if result.get(ENDED) == "finished":
            step = result["chosen"]
            values = next(point.values for point in trial.curve if point.step == step)
            self._end(number, "finished", step=step, values=values, artifact=result["artifact"], **told)
        elif result.get(ENDED) == "failed":
            self._end(number, "failed", why=result["why"], **told)
        elif why := self.spent_up():
            self._ledger.pause(number, why, told["cost"])
            self._say(f"tune: trial {number} stopped: {why}; with a larger budget it goes on")
        else:
            by = self._tune.schedule.kind
            self._end(number, "stopped", why=f"ended early by {by} at step {result[STEP]:,}", **told)

    def _end(self, number: int, state: Any, **told: Any) -> None:
        self._ledger.end(number, state, **told)
        ended = sum(record.trial.state in OVER for record in self._ledger.records.values())
        how = f": {told['why']}" if told.get("why") else f": {_scores(told['values'])}"
        self._ended_here += 1
        trials = self._tune.budget.trials
        left = time_left(time.monotonic() - self._began, self._ended_here, max(trials - ended, 0))
        self._say(f"tune: trial {number} {state}{how} ({ended} of {trials} trials{left})")

    def _cost(self, number: int, result: Mapping[str, Any]) -> Cost:
        """Of all tries and all actors that worked on it: each actor counts from 0, so less than before is another."""
        trial = self._ledger.records[number].trial
        before, last = self._seconds[number]
        if result["seconds"] < last:
            before += last
        self._seconds[number] = before, result["seconds"]
        seconds = before + result["seconds"]
        steps = max(result.get(STEP, 0), trial.cost.steps)
        return self._plan.rate.cost(steps, self._plan.batch_size_of(trial.settings if number else None), seconds)

    def save(self, checkpoint_path: str) -> None:
        """Ray Tune asks for it; the ledger holds all there is to know."""
        Path(checkpoint_path).write_bytes(b"")


class Spent(Stopper):  # type: ignore[misc]
    """Ends the trials that run when the budget is spent."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Whether a trial that has told a score is to end. It is asked before the searcher is told."""
        self._conductor.on_trial_result(trial_id, result)
        return bool(self._conductor.spent_up())

    def stop_all(self) -> bool:
        """Each ends when it tells its next score."""
        return False


def in_words(settings: Settings) -> str:
    """Settings in one line."""
    return ", ".join(f"{key} = {_word(value)}" for key, value in settings.items())


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {share:.3f}" for name, share in value.items()) + "}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _scores(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in values.items())
