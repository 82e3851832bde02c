"""What a trial does, seen from Ray Tune: something that begins, gives scores, ends, and can be stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from raytrain.tune.results import Point


@dataclass(frozen=True)
class Scored:
    """A validation: ``languages`` is the metric of each. ``seconds`` of work since the trial, or this try, began.

    ``folder`` is that of its run, and ``fresh`` that there was no checkpoint in it when this try began.
    """

    step: int
    languages: Mapping[str, float]
    seconds: float
    folder: str = ""
    fresh: bool = False


@dataclass(frozen=True)
class Waiting:
    """Nothing to score yet, for the cluster has no room: told again and again as long as that is so."""

    seconds: float


@dataclass(frozen=True)
class Done:
    """The end, as it should be: ``step`` of the checkpoint that became the model, which lies in ``artifact``."""

    step: int
    artifact: str
    seconds: float


@dataclass(frozen=True)
class Failed:
    """An end that would come again: ``why`` is for the user."""

    why: str
    seconds: float


@dataclass(frozen=True)
class Died:
    """An end that may not come again: the process is gone, or was given up. ``log``: its last lines."""

    why: str
    seconds: float
    log: tuple[str, ...] = field(default=(), repr=False)


Event = Scored | Waiting | Done | Failed | Died


class Work(Protocol):
    """One try of a trial."""

    def next(self, timeout: float) -> Event:
        """Waits for what comes next. Raises TimeoutError."""
        ...

    def kill(self) -> None:
        """Ends it now, with all that it holds. May be called twice."""
        ...


@dataclass(frozen=True)
class Fork:
    """A checkpoint of another trial to begin with. ``curve``: what that one had scored until then."""

    folder: str  # of its run
    step: int
    curve: tuple[Point, ...] = ()


Start = Callable[[Mapping[str, Any], Fork | None], Work]  # the job of the trial, as plain data → its work, begun
