"""What the driver does while workers train: shows how far they are, and asks them to end when there is reason to."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from raytrain.errors import one_line
from raytrain.placing import Say
from raytrain.progress import counting
from raytrain.train.board import note
from raytrain.train.placement import Look

POLL_S = 0.5
LOOK_S = 2.0  # between looks at the nodes
STILL_S = 20.0  # without a step: the progress says so


@contextmanager
def watch(board: Any, steps: int, start: int, batch_size: int, wish: Look, say: Say) -> Iterator[None]:
    """Shows the progress of a run while the block runs.

    ``wish`` is asked every so often; once it gives a reason, the run is asked to end with a checkpoint.
    """
    stop = threading.Event()

    def follow() -> None:
        shown, warned, reason, looked, told = start, 0, "", 0.0, ""
        moved = time.monotonic()
        with counting("train", "steps", steps, start) as advance:
            advance(0, "starting the workers")
            ended = False
            while not ended:
                ended = stop.wait(POLL_S)  # and then once more: the last warnings come at the very end
                try:
                    m, warnings = ray.get(board.newest.remote(), timeout=5)
                except ray.exceptions.GetTimeoutError:
                    continue
                except ray.exceptions.RayError:
                    return  # the board went with its node; the driver hears of it in its own way
                for line in warnings[warned:]:
                    print(line, file=sys.stderr, flush=True)
                warned = len(warnings)
                if m and m["step"] + 1 > shown:
                    advance(m["step"] + 1 - shown, note(m, batch_size))
                    shown, moved = m["step"] + 1, time.monotonic()
                elif time.monotonic() - moved > STILL_S:
                    what = "waits for a step" if m else "waits for the workers"
                    advance(0, f"{what}, since {time.monotonic() - moved:.0f} s")
                if not m or reason or ended or time.monotonic() - looked < LOOK_S:
                    continue
                looked = time.monotonic()
                try:
                    reason = wish()
                except Exception as error:  # of storage, or of Ray's own tables: the next look may do better
                    if one_line(error) != told:
                        told = one_line(error)
                        say(f"train: {told}; looks again")
                if reason:
                    say(f"train: {reason}: ends with a checkpoint")
                    board.ask_to_end.remote()

    thread = threading.Thread(target=follow, name="raytrain-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
