"""A thread that brings steps to a tracker, so that a slow or dead one never holds up a step or ends a run."""

import queue
import threading
import time
from collections.abc import Callable

from raytrain.errors import one_line
from raytrain.track.run import Sink, Step

HELD_STEPS = 10_000  # that wait for a tracker; further ones are lost to it
CLOSING_S = 30.0  # for the last steps, at the end


class Background:
    """Connects to a tracker and writes to it every ``every`` seconds; what fails is tried again the next time.

    ``warn`` is told the first failure, and at the end whether something is missing.
    """

    def __init__(self, name: str, connect: Callable[[], Sink], every: float, warn: Callable[[str], None]) -> None:
        self._name, self._connect, self._every, self._warn = name, connect, every, warn
        self._given: queue.SimpleQueue[Step] = queue.SimpleQueue()
        self._taken: list[Step] = []
        self._sink: Sink | None = None
        self._ending = threading.Event()
        self._ended_by_error = False
        self._missing = False
        self._warned = False
        self._thread = threading.Thread(target=self._follow, name=f"raytrain-{name}", daemon=True)
        self._thread.start()

    def put(self, step: Step) -> None:
        """Hands over a step; returns at once."""
        if self._given.qsize() < HELD_STEPS:
            self._given.put(step)
        else:
            self._missing = True

    def end(self, failed: bool) -> None:
        """No step comes any more; ``failed``: the run ended by an error. Returns at once."""
        self._ended_by_error = failed
        self._ending.set()

    def join(self, deadline: float) -> None:
        """Waits for the last steps to arrive, until a time of the monotonic clock."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive() or self._missing:
            self._warned = True  # a thread that is still at it has nothing to add
            self._warn(f"track: {self._name}: some steps are missing there; metrics.jsonl has them all")

    def _follow(self) -> None:
        while not self._ending.wait(self._every):
            self._attempt(self._bring)
        self._attempt(self._bring)
        closed = self._attempt(self._close)
        self._missing |= not closed or bool(self._taken) or not self._given.empty()

    def _attempt(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except Exception as error:  # of somebody else's library: whatever it is, training goes on
            if not self._warned:
                self._warned = True
                why = one_line(f"{type(error).__name__}: {error}")
                self._warn(f"track: {self._name}: {why}; training goes on, and this is tried again")
            return False
        return True

    def _bring(self) -> None:
        if self._sink is None:
            self._sink = self._connect()
        while self._taken or not self._given.empty():
            while len(self._taken) < HELD_STEPS and not self._given.empty():
                self._taken.append(self._given.get())
            del self._taken[: self._sink.write(self._taken)]
        self._sink.flush()

    def _close(self) -> None:
        if self._sink is not None:
            self._sink.close(self._ended_by_error)
