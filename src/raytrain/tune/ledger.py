"""The ledger of a sweep: one file a trial, in storage, which says all that was known of it and when.

trials/00007.json      the trial, the draw that its settings came from, and the order of events

It is the whole state of a sweep: whoever reads it can go on, and can make each proposal again.
"""

import itertools
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from raytrain.artifact import digest
from raytrain.errors import DamagedError
from raytrain.storage import Location
from raytrain.tune.known import Known
from raytrain.tune.lineage import Lineage
from raytrain.tune.results import Cost, Point, State, Trial
from raytrain.tune.space import Params, Settings

ENDED: tuple[State, ...] = ("finished", "stopped", "failed")


class Record(BaseModel):
    """A trial and when things were known of it: by a clock that counts the events of the sweep.

    ``params`` is None for settings that the space does not hold, as the job file's own may be. ``folders``: of the runs
    that it began itself, which may be deleted with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trial: Trial
    params: Params | None
    started: int
    points: list[int] = []
    ended: int | None = None
    folders: list[str] = []

    def known_at(self, clock: int, objectives: tuple[str, ...]) -> Known | None:
        """What was known of it before the event ``clock``; None if nothing that a searcher can be told."""
        if self.started >= clock or self.params is None:
            return None
        curve = tuple(
            (point.step, tuple(point.values[name] for name in objectives))
            for point, when in zip(self.trial.curve, self.points, strict=True)
            if when < clock
        )
        if self.ended is None or self.ended >= clock:
            return Known(self.trial.number, self.params, "running", curve)
        values = tuple(self.trial.values[name] for name in objectives) if self.trial.values else ()
        return Known(self.trial.number, self.params, self.trial.state, curve, values)


class Ledger:
    """Reads what there is at the beginning; afterwards the only writer."""

    def __init__(self, folder: Location, objectives: tuple[str, ...]) -> None:
        self._folder = folder / "trials"
        self._objectives = objectives
        self._records = {record.trial.number: record for record in self._read()}
        times = [t for record in self._records.values() for t in (record.started, *record.points, record.ended or 0)]
        self._clock = max(times, default=0)

    @property
    def records(self) -> Mapping[int, Record]:
        """By number, in order."""
        return dict(sorted(self._records.items()))

    @property
    def clock(self) -> int:
        """Of the last event."""
        return self._clock

    def next_number(self, first: int) -> int:
        """Of the first trial, from ``first`` on, that there is not: the next, or one whose file was deleted."""
        return next(number for number in itertools.count(first) if number not in self._records)

    def known(self, clock: int | None = None) -> list[Known]:
        """What a searcher may be told, now or before the event ``clock``."""
        at = self._clock + 1 if clock is None else clock
        found = (record.known_at(at, self._objectives) for record in self.records.values())
        return [known for known in found if known]

    def start(self, number: int, settings: Settings, params: Params | None) -> None:
        """A trial that is new."""
        trial = Trial(number=number, settings=settings, state="running")
        self._write(Record(trial=trial, params=params, started=self._tick()))

    def point(self, number: int, point: Point, cost: Cost, own_folder: str) -> bool:
        """A score of a trial. Of one that is known already only the cost is new (a trial that was begun again tells
        all once more), and it gives False. ``own_folder``: of the run, "" if there was something in it before."""
        record = self._records[number]
        if point.step in {old.step for old in record.trial.curve}:
            self._write(record.model_copy(update={"trial": record.trial.model_copy(update={"cost": cost})}))
            return False
        trial = record.trial.model_copy(update={"curve": [*record.trial.curve, point], "cost": cost})
        folders = list(dict.fromkeys([*record.folders, *([own_folder] if own_folder else [])]))
        told = {"trial": trial, "points": [*record.points, self._tick()], "folders": folders}
        self._write(record.model_copy(update=told))
        return True

    def pause(self, number: int, why: str, cost: Cost) -> None:
        """A trial that is ended for now: with a larger budget it goes on."""
        record = self._records[number]
        trial = record.trial.model_copy(update={"state": "stopped", "why": why, "cost": cost})
        self._write(record.model_copy(update={"trial": trial}))

    def resume(self, number: int) -> None:
        """A trial that had not ended goes on."""
        record = self._records[number]
        trial = record.trial.model_copy(update={"state": "running", "why": ""})
        self._write(record.model_copy(update={"trial": trial}))

    def fork(self, number: int, lineage: Lineage, curve: list[Point]) -> None:
        """A trial goes on from another's checkpoint: until there, it is as if it had been that one, with its curve."""
        told = {"settings": lineage.settings, "changes": list(lineage.changes)}
        record = self._records[number]
        trial = record.trial.model_copy(update={**told, "curve": curve})
        self._write(record.model_copy(update={"trial": trial, "points": [self._tick() for _ in curve]}))

    def end(self, number: int, state: State, **told: Any) -> None:
        """The end of a trial. ``told``: other fields of Trial."""
        record = self._records[number]
        trial = record.trial.model_copy(update={"state": state, **told})
        self._write(record.model_copy(update={"trial": trial, "ended": self._tick()}))

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def _write(self, record: Record) -> None:
        self._records[record.trial.number] = record
        data = record.model_dump(mode="json")
        text = json.dumps({**data, "digest": digest(data)}, indent=1)
        (self._folder / f"{record.trial.number:05d}.json").write_bytes(text.encode())

    def _read(self) -> list[Record]:
        return [read_record(self._folder / info.path) for info in self._folder.list() if info.path.endswith(".json")]


def read_record(file: Location) -> Record:
    """One trial. Raises DamagedError for a file that is not as it was written."""
    try:
        data = json.loads(file.read_bytes())
        written = data.pop("digest")
        if written != digest(data):
            raise ValueError("its digest does not match")
        return Record.model_validate(data)
    except (ValueError, LookupError, AttributeError, TypeError, ValidationError) as error:
        raise DamagedError(
            f"{file.uri}: damaged: delete it, and its trial is proposed and run again (a finished training is found)"
        ) from error
