"""Training in processes that take turns, so that speeds compare on a machine whose speed changes, and memory apart.

A process trains without an end, and asks after each step whether to go on. While another has its turn it waits at a
pipe, which costs nothing.
"""

import multiprocessing as mp
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Protocol

import torch
from torch.profiler import ProfilerActivity, profile

MIB = 1 << 20


@dataclass(frozen=True)
class Turn:
    """What a process did in its turn."""

    seconds: float
    peak: float  # MiB so far: of the device, on a CPU of the process
    before: float  # MiB, of the same, before the first step
    kernels: dict[str, float] = field(default_factory=dict)  # name → µs, if they were asked for


class Trainer(Protocol):
    """One way to train. It is sent to its process."""

    def train(self, turns: "Turns") -> None:
        """Calls ``turns.begin()``, and after each step ``turns.go_on()`` until that says no."""


class Turns:
    """The trainer's end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._left = 0
        self._began = self._before = 0.0
        self._profile: profile | None = None

    def begin(self) -> bool:
        """Says that all is ready for the first step, and waits for the turn."""
        reset_peak()
        self._before = in_use()
        self._pipe.send(None)
        return self._wait()

    def go_on(self) -> bool:
        """To be called after each step; False ends the training."""
        self._left -= 1
        if self._left:
            return True
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self._began
        self._pipe.send(Turn(seconds, peak(), self._before, self._kernels()))
        return self._wait()

    def _wait(self) -> bool:
        self._left, profiled = self._pipe.recv()
        self._profile = None
        if profiled:
            cuda = torch.cuda.is_initialized()
            self._profile = profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU])
            self._profile.start()
        self._began = time.perf_counter()
        return self._left > 0

    def _kernels(self) -> dict[str, float]:
        if self._profile is None:
            return {}
        self._profile.stop()
        gpu = torch.cuda.is_initialized()
        events = self._profile.key_averages()
        return {e.key: float(e.self_device_time_total if gpu else e.self_cpu_time_total) for e in events}


class Player:
    """A trainer in a process of its own."""

    def __init__(self, trainer: Trainer) -> None:
        context = mp.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_play, args=(trainer, theirs), daemon=False)
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Waits until it has made its model."""
        self._receive()

    def turn(self, steps: int, profiled: bool = False) -> Turn:
        """Lets it take so many steps. Raises RuntimeError if its process ended instead."""
        self._pipe.send((steps, profiled))
        turn = self._receive()
        assert turn is not None
        return turn

    def stop(self) -> None:
        """Ends it."""
        if self._process.is_alive():
            self._pipe.send((0, False))
        self._process.join()

    def _receive(self) -> Turn | None:
        try:
            return self._pipe.recv()  # type: ignore[no-any-return]
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a training process ended with exit code {self._process.exitcode}") from None


@contextmanager
def playing(trainers: Sequence[Trainer], threads: int) -> Iterator[list[Player]]:
    """Players of all trainers, ready for their first turn; each has ``threads`` threads."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before they import torch
    players = [Player(trainer) for trainer in trainers]
    try:
        for player in players:
            player.ready()
        yield players
    finally:
        for player in players:
            player.stop()


def _play(trainer: Trainer, pipe: Connection) -> None:
    trainer.train(Turns(pipe))


def reset_peak() -> None:
    """Forgets the peak so far."""
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
        return
    with open("/proc/self/clear_refs", "w") as file:  # proc(5): 5 sets VmHWM to what is resident now
        file.write("5")


def in_use() -> float:
    """MiB on the device; on a CPU resident in this process."""
    return torch.cuda.memory_allocated() / MIB if torch.cuda.is_initialized() else _status("VmRSS")


def peak() -> float:
    """The most that ``in_use`` was since ``reset_peak``, MiB."""
    return torch.cuda.max_memory_allocated() / MIB if torch.cuda.is_initialized() else _status("VmHWM")


def _status(name: str) -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name))
