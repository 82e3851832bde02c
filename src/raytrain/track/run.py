"""What trackers are told of a run, and what they take."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from raytrain.storage import Location

ID_FILE = "tracked_as.txt"


@dataclass(frozen=True)
class TrackedRun:
    """A training run: its folder, the job's name and resolved config, and the step that it starts or goes on from."""

    folder: Location
    job_name: str
    config: Mapping[str, Any]
    first_step: int

    @property
    def label(self) -> str:
        """What people read; the arms of a study share the job's name."""
        return f"{self.job_name}-{self.folder.name}"

    def id(self) -> str:
        """What a server knows the run by, the same for every attempt: the artifact's hash and 8 random digits.

        The hash alone would not do: the same job under another root, by somebody else, has the same. Raises
        UserError if storage fails.
        """
        place = self.folder / ID_FILE
        new = f"{self.folder.name}-{uuid.uuid4().hex[:8]}"
        return new if place.put_if_absent(new.encode()) else place.read_text()


@dataclass(frozen=True)
class Step:
    """The scalars of a step. ``time``: seconds since the epoch."""

    number: int
    time: float
    scalars: Mapping[str, float]


class Sink(Protocol):
    """A tracker. All its methods are called in one thread; they may take long, and raise what they like."""

    def write(self, steps: Sequence[Step]) -> int:
        """Takes the first n ≥ 1 steps and gives n; or raises, and is given the same steps again."""

    def flush(self) -> None:
        """Brings what was written to where it is read."""

    def close(self, failed: bool) -> None:
        """Flushes, and says how the run ended."""
