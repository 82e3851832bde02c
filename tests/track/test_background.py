"""Steps reach a tracker in order and once, whatever it does, and none of it is felt by who logs."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from raytrain.track import background
from raytrain.track.background import Background
from raytrain.track.run import Sink, Step

STEPS = [Step(number, 0.0, {"loss": 1.0}) for number in range(50)]


class Kept:
    """Keeps what is written, at most ``portion`` steps at a time; fails now and then."""

    def __init__(self, portion: int = 7, failures: int = 0) -> None:
        self.portion, self.failures = portion, failures
        self.steps: list[int] = []
        self.flushed = 0
        self.closed: bool | None = None

    def fail(self) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise ConnectionError("nobody\nanswers")

    def write(self, steps: Sequence[Step]) -> int:
        self.fail()
        self.steps += [step.number for step in steps[: self.portion]]
        return min(self.portion, len(steps))

    def flush(self) -> None:
        self.flushed = len(self.steps)

    def close(self, failed: bool) -> None:
        self.closed = failed


def follow(connect: Callable[[], Sink], steps: Sequence[Step], closing_s: float = 20.0) -> list[str]:
    """Gives what was warned."""
    told: list[str] = []
    follower = Background("kept", connect, 0.01, told.append)
    for step in steps:
        follower.put(step)
    time.sleep(0.1)
    follower.end(failed=True)
    follower.join(time.monotonic() + closing_s)
    return told


@pytest.mark.parametrize("failures", [0, 1, 5])
def test_all_steps_arrive_once_and_in_order_and_failures_are_told_once(failures: int) -> None:
    kept = Kept(failures=failures)
    told = follow(lambda: kept, STEPS)
    assert kept.steps == list(range(50))
    assert (kept.flushed, kept.closed) == (50, True)
    warning = "track: kept: ConnectionError: nobody answers; training goes on, and this is tried again"
    assert told == ([warning] if failures else [])


def test_a_tracker_that_can_not_be_connected_to_at_first() -> None:
    kept = Kept(failures=3)

    def connect() -> Sink:
        kept.fail()
        return kept

    told = follow(connect, STEPS)
    assert kept.steps == list(range(50))
    assert len(told) == 1


def test_what_never_arrives_is_told_at_the_end() -> None:
    kept = Kept(failures=10**9)
    told = follow(lambda: kept, STEPS)
    assert [line.split(": ", 2)[2] for line in told] == [
        "ConnectionError: nobody answers; training goes on, and this is tried again",
        "some steps are missing there; metrics.jsonl has them all",
    ]
    assert kept.closed is True


def test_what_can_not_be_brought_to_an_end_is_told() -> None:
    """All was written, and not all is where it is read."""
    kept = Kept()

    def close(failed: bool) -> None:
        raise ConnectionError("nobody answers")

    kept.close = close  # type: ignore[method-assign]
    assert [line.split(": ", 2)[2] for line in follow(lambda: kept, STEPS)] == [
        "ConnectionError: nobody answers; training goes on, and this is tried again",
        "some steps are missing there; metrics.jsonl has them all",
    ]


def test_a_tracker_that_hangs_holds_up_neither_steps_nor_the_end() -> None:
    hang, kept = threading.Event(), Kept()

    def connect() -> Sink:
        hang.wait()
        return kept

    began = time.monotonic()
    told = follow(connect, STEPS, closing_s=0.2)
    assert time.monotonic() - began < 5
    assert told == ["track: kept: some steps are missing there; metrics.jsonl has them all"]
    hang.set()  # the thread ends


def test_steps_beyond_what_is_held_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "HELD_STEPS", 20)
    ready, kept = threading.Event(), Kept()

    def connect() -> Sink:
        ready.wait()
        return kept

    told: list[str] = []
    follower = Background("kept", connect, 0.01, told.append)
    for step in STEPS:
        follower.put(step)
    ready.set()
    follower.end(failed=False)
    follower.join(time.monotonic() + 20)
    assert kept.steps == list(range(20))
    assert kept.closed is False
    assert told == ["track: kept: some steps are missing there; metrics.jsonl has them all"]
