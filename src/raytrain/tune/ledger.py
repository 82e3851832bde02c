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
from raytrain.tune.lineage import Lineage
from raytrain.tune.results import Cost, Point, State, Trial
from raytrain.tune.search import Known
from raytrain.tune.space import Params, Settings

ENDED: tuple[State, ...] = ("finished", "stopped", "failed")


class Record(BaseModel):
    """A trial and when things were known of it: by a clock that counts the events of the sweep.

    ``params`` is None for settings that the space does not hold, as the job file's own may be. ``folder``: of its run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trial: Trial
    params: Params | None
    started: int
    points: list[int] = []
    ended: int | None = None
    folder: str = ""

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

    def point(self, number: int, point: Point, cost: Cost, folder: str) -> bool:
        """A score of a trial. One that is known already changes nothing (a trial that was begun again tells all
        once more), and gives False."""
        record = self._records[number]
        known = {old.step for old in record.trial.curve}
        if point.step in known:
            return False
        trial = record.trial.model_copy(update={"curve": [*record.trial.curve, point], "cost": cost})
        self._write(
            record.model_copy(update={"trial": trial, "points": [*record.points, self._tick()], "folder": folder})
        )
        return True

    def fork(self, number: int, lineage: Lineage, folder: str, step: int) -> None:
        """A trial goes on from another's checkpoint: until there, it is as if it had been that one."""
        donor = next((r.trial for r in self._records.values() if r.folder == folder), None)
        curve = [point for point in donor.curve if point.step <= step] if donor else []
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
