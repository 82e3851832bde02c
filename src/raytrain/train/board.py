"""How training is going: a small actor that rank 0 writes to and the driver shows."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

POLL_S = 0.5


class Board:
    """Keeps the newest metrics of a run."""

    def __init__(self) -> None:
        self._newest: dict[str, Any] = {}

    def report(self, metrics: dict[str, Any]) -> None:
        """Takes the metrics of a step."""
        self._newest = metrics

    def newest(self) -> dict[str, Any]:
        """The metrics of the newest step, or nothing yet."""
        return self._newest


@contextmanager
def watch(board: Any, steps: int, start: int, batch_size: int) -> Iterator[None]:
    """Shows the progress of a run while the block runs."""
    import ray

    from raytrain.progress import counting

    stop = threading.Event()

    def follow() -> None:
        shown = start
        with counting("train", "steps", steps, start) as advance:
            advance(0, "starting the workers")
            while not stop.wait(POLL_S):
                try:
                    m = ray.get(board.newest.remote(), timeout=5)
                except ray.exceptions.GetTimeoutError:
                    continue
                except ray.exceptions.RayError:
                    return  # the actor went with its node; the driver hears of it in its own way
                if m and m["step"] + 1 > shown:
                    rate = batch_size / max(m["seconds"] + m["data_wait_seconds"], 1e-9)
                    waiting = ", waits for data" if m["data_wait_seconds"] > m["seconds"] else ""
                    advance(m["step"] + 1 - shown, f"loss {m['loss']:.4f}, {rate:.0f} pairs/s{waiting}")
                    shown = m["step"] + 1

    thread = threading.Thread(target=follow, name="raytrain-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
