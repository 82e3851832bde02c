"""Checkpoints written beside training: state is copied between two steps, and goes to storage while steps go on.

Each rank writes its part and its ledger in a thread of its own. Ranks tell each other what they wrote over a process
group that nothing else uses, so that what the steps exchange is not mixed with it; then rank 0 commits. One checkpoint
is on its way at a time: the next waits for it, so that no more than two states are held.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, TypeVar, cast

import pyarrow as pa
import torch
import torch.distributed as dist

from raytrain.artifact import File, write_file
from raytrain.errors import UserError, one_line
from raytrain.parquet import write_parquet
from raytrain.storage import Location
from raytrain.train.checkpoint import Checkpoint, commit_checkpoint, log_folder, write_part

# Ranks wait for the slowest upload, and storage may be away for long: what gives up is the storage, not the waiting.
PATIENCE = timedelta(days=1)

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """What a rank brings to a checkpoint: its share of the state, and its log of the steps since the last one.

    ``lines``, by the name of their file, are the same on every rank and written by the first.
    """

    first: int  # step after the last checkpoint
    step: int  # steps done
    skipped: int  # of them, steps left out
    state: dict[str, torch.Tensor]
    ledger: pa.Table | None
    lines: Mapping[str, Sequence[dict[str, Any]]]


class Saving:
    """Writes checkpoints of a run, one after the other, beside what the caller does. Every rank has one.

    A context manager: at the end it waits for the checkpoint that is on its way. ``committed`` is called by rank 0, in
    the thread that writes, after each commit.
    """

    def __init__(self, run: Location, log: Sequence[File], committed: Callable[[Checkpoint], None]) -> None:
        """``log`` are the log files of all steps so far. Every rank of the process group must make it."""
        self._run = run
        self._log = list(log)
        self._committed = committed
        names = [uuid.uuid4().hex[:12]]
        dist.broadcast_object_list(names, src=0)
        self._writer = names[0]
        self._group = dist.new_group(backend="gloo", timeout=PATIENCE)
        self._thread = ThreadPoolExecutor(1, "raytrain-saving")
        self._on_its_way: Future[None] | None = None

    def save(self, part: Part) -> None:
        """Begins to write a checkpoint. Waits for the one before, and raises what that one met."""
        self.wait()
        self._on_its_way = self._thread.submit(self._write, part)

    def check(self) -> None:
        """Raises what the writing of a checkpoint has met, if it has failed already; waits for nothing."""
        if self._on_its_way is not None and self._on_its_way.done():
            self.wait()

    def wait(self) -> None:
        """Waits for the checkpoint that is on its way, and raises what it met."""
        if self._on_its_way is not None:
            on_its_way, self._on_its_way = self._on_its_way, None
            on_its_way.result()

    def __enter__(self) -> "Saving":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.wait()
        except Exception as late:
            if error is None:
                raise
            error.add_note(f"and the last checkpoint was not written: {late}")
        finally:
            self._thread.shutdown()

    def _write(self, part: Part) -> None:
        """Writes and commits. It succeeds on all ranks, once the manifest is there, or fails on all."""
        written = self._together(lambda: self._write_own(part))
        self._log += [file for _, files in written for file in files]
        checkpoint = Checkpoint(
            step=part.step,
            skipped=part.skipped,
            world_size=len(written),
            parts=[file for file, _ in written],
            log=self._log,
        )
        self._together(lambda: commit_checkpoint(self._run, checkpoint) if dist.get_rank() == 0 else None)
        if dist.get_rank() == 0:
            self._committed(checkpoint)

    def _write_own(self, part: Part) -> tuple[File, list[File]]:
        """What this rank writes of the state and of the log."""
        rank, world = dist.get_rank(), dist.get_world_size()
        folder = log_folder(part.first, part.step, self._writer)
        log = []
        if part.ledger is not None:
            log.append(write_parquet(part.ledger, self._run, f"{folder}/ledger-{rank:05d}.parquet"))
        if rank == 0:
            log += [_write_lines(self._run, f"{folder}/{name}", lines) for name, lines in part.lines.items() if lines]
        return write_part(self._run, part.step, part.state, rank, world, self._writer), log

    def _together(self, work: Callable[[], T]) -> list[T]:
        """Does some work on every rank; gives what all ranks got, or raises on all what one of them met."""
        own: T | UserError
        try:
            own = work()
        except UserError as error:
            own = error
        except Exception as error:  # a full disk, say: all ranks must hear of it, or they would wait for this one
            own = UserError(f"train: rank {dist.get_rank()} can't write a checkpoint: {one_line(error)}")
        found: list[T | UserError] = [own] * dist.get_world_size()
        dist.all_gather_object(found, own, group=self._group)
        for other in found:
            if isinstance(other, UserError):
                raise other
        return cast(list[T], found)


def _write_lines(run: Location, path: str, lines: Sequence[dict[str, Any]]) -> File:
    data = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode()
    return write_file(data, run, path)
