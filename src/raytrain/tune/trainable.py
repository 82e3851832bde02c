"""A trial as Ray Tune runs it: an actor without CPUs that waits for the work and hands on its scores."""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune import Trainable

from raytrain.errors import UserError
from raytrain.tune.config import Objective
from raytrain.tune.lineage import Lineage, lineage_of
from raytrain.tune.objective import values_of
from raytrain.tune.results import Change, Point
from raytrain.tune.space import Space
from raytrain.tune.work import Died, Done, Event, Failed, Fork, Scored, Start, Waiting, Work

POINTER = "pointer.json"
STEP, SCORES, ENDED = "step", "scores", "ended"  # keys of a result


@dataclass(frozen=True)
class Rules:
    """What all trials of a sweep have in common."""

    objectives: Sequence[Objective]
    languages: Collection[str] | None  # whose scores count; None: all
    trained: Collection[str]  # that trials may train on
    max_steps: int
    retries: int
    hang_after_s: float


JobOf = Callable[[Lineage], Mapping[str, Any]]


def trainable_of(start: Start, rules: Rules, space: Space, job_of: JobOf) -> type[Trainable]:
    """The class of a sweep's trials. Their config is the number and the draw, and of one that is gone on with its
    lineage."""

    class Trial(Trainable):  # type: ignore[misc]
        """Each ``step`` waits for one score. What dies or hangs is begun again here: it goes on by itself from its
        last checkpoint."""

        def setup(self, config: dict[str, Any]) -> None:
            self._tries, self._in_vain, self._spent, self._began = 1, 0, 0.0, time.monotonic()
            self._curve: list[Point] = []
            self._params = {name: config[name] for name in space.distributions() if name in config}
            self._lineage = lineage_of(config, space)
            self._fork: Fork | None = None
            self._last: dict[str, Any] = {}
            self._work: Work | None = None  # begun by the first ``step``: Ray Tune sets up actors that it never asks

        def cleanup(self) -> None:
            """A trial that Ray Tune ends is not gone on with: its process goes at once, and what it held with it."""
            if self._work:
                self._work.kill()
            self._work = None

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Where to find the checkpoint of the last score: that itself stays in the folder of the run."""
            told = {
                "params": self._params,
                "lineage": self._lineage.model_dump(mode="json"),
                "folder": self._last["folder"],
                "step": self._last[STEP],
                "curve": [point.model_dump() for point in self._curve],
            }
            (Path(checkpoint_dir) / POINTER).write_text(json.dumps(told))

        def load_checkpoint(self, checkpoint: str) -> None:
            """Goes on from a checkpoint: its own, or that of another trial with settings changed."""
            told = json.loads((Path(checkpoint) / POINTER).read_text())
            self._lineage = Lineage.model_validate(told["lineage"])
            self._curve = [Point.model_validate(point) for point in told["curve"]]
            if self._params != told["params"]:
                change = Change(at=told["step"], settings=space.settings(self._params))
                self._lineage = self._lineage.changed(change)
                self._fork = Fork(told["folder"], told["step"], tuple(self._curve))

        def step(self) -> dict[str, Any]:
            while True:
                event = self._next()
                match event:
                    case Waiting():
                        continue  # and be asked anew: who has no room does not hang
                    case Scored():
                        self._take(event)
                        if event.step < rules.max_steps:  # the last score waits for the model to be written
                            return self._told(event, {})
                    case Done():
                        end = {ENDED: "finished", "chosen": event.step, "artifact": event.artifact, "done": True}
                        return self._told(event, end)
                    case Failed():
                        return self._told(event, {ENDED: "failed", "why": event.why, "done": True})
                    case Died():
                        self._in_vain += 1
                        if self._in_vain > rules.retries:
                            why = f"tried {self._tries} times; the last: {event.why}: {_last_word(event)}"
                            return self._told(event, {ENDED: "failed", "why": why, "done": True})
                        self._begin_again(event)

        def _next(self) -> Event:
            if self._work is None:
                self._began = time.monotonic()
                try:
                    self._work = start(job_of(self._lineage), self._fork)
                except UserError as error:  # of settings that no check has found impossible
                    return Failed(str(error), 0.0)
            try:
                return self._work.next(rules.hang_after_s)
            except TimeoutError:
                self._work.kill()
                why = f"no score for {rules.hang_after_s:,.0f} s (tune.hang_after_s)"
                return Died(why, time.monotonic() - self._began)

        def _take(self, event: Scored) -> None:
            """A score; one of a step that is new also says that what went wrong before did not come again."""
            values = values_of(rules.objectives, chosen(event.languages, rules.languages), rules.trained)
            if event.step > max((point.step for point in self._curve), default=0):
                self._curve.append(Point(step=event.step, languages=dict(event.languages), values=values))
                self._in_vain = 0
            self._last = {
                STEP: event.step,
                **values,
                SCORES: json.dumps(dict(event.languages)),  # Ray Tune would flatten a dict
                "folder": event.folder,
                "fresh": event.fresh,
            }

        def _begin_again(self, event: Died) -> None:
            self._tries += 1
            self._spent += max(event.seconds, time.monotonic() - self._began)
            self.cleanup()

        def _told(self, event: Event, end: dict[str, Any]) -> dict[str, Any]:
            lineage = {
                "lineage": self._lineage.model_dump_json(),
                "forked": json.dumps([point.model_dump() for point in self._fork.curve]) if self._fork else "",
            }
            return {**self._last, **lineage, "seconds": self._spent + event.seconds, "tries": self._tries, **end}

    return Trial


def chosen(scores: Any, languages: Collection[str] | None) -> dict[str, float]:
    """The scores that count."""
    return {label: score for label, score in scores.items() if languages is None or label in languages}


def _last_word(event: Died) -> str:
    """The last line of its log that says something."""
    return next((line.strip() for line in reversed(event.log) if line.strip()), "it said nothing")
