"""A training run as the work of a trial: a process of its own beside the actor that waits for it."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from raytrain.tune.work import Died, Done, Event, Failed, Fork, Scored, Waiting

LOG_LINES = 200  # that are kept of what a trial's process says
# What Ray tells its workers through the environment: a driver of its own must not take itself for one of them.
_OF_WORKERS = ("RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_WORKER_ID", "RAY_NODE_ID", "RAY_CLIENT_MODE")


class TrainingRun:
    """A ``Work`` that trains. ``job``: a job file as plain data, with the address of the cluster.

    ``tidies``: whether a run that has ended deletes its checkpoints; others may be about to go on from them.
    """

    def __init__(self, job: Mapping[str, Any], fork: Fork | None = None, *, tidies: bool = True) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in _OF_WORKERS}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "raytrain.tune.trial_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,  # a Ctrl-C in the terminal is for the sweep, which passes it on
        )
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._tell(
            json.dumps(
                {"job": job, "tidies": tidies, "fork": {"folder": fork.folder, "step": fork.step} if fork else None}
            )
        )
        threading.Thread(target=self._read_log, daemon=True).start()
        threading.Thread(target=self._read_events, daemon=True).start()

    def next(self, timeout: float) -> Event:
        """As ``Work.next``."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None

    def kill(self) -> None:
        """The cluster takes back what the process held."""
        self._process.kill()
        self._process.wait()

    def log(self) -> tuple[str, ...]:
        """The last lines that the process said."""
        return tuple(self._log)

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it has ended, which is read from its other pipes

    def _read_log(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self._log.append(line.rstrip("\n"))

    def _read_events(self) -> None:
        assert self._process.stdout
        seconds, last = 0.0, False
        for line in self._process.stdout:
            event = _event(json.loads(line))
            seconds, last = event.seconds, isinstance(event, Done | Failed)
            self._events.put(event)
        code = self._process.wait()
        if not last:
            told = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._events.put(Died(f"its process ended with {told}", seconds, self.log()))


def _event(told: dict[str, Any]) -> Event:
    kinds: dict[str, Callable[..., Event]] = {"scored": Scored, "waiting": Waiting, "done": Done, "failed": Failed}
    return kinds[told.pop("event")](**told)
