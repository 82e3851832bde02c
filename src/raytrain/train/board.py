"""How training is going: a small actor that rank 0 writes to and the driver shows."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

POLL_S = 0.5


class Board:
    """Keeps the newest metrics of a run, and the first warning."""

    def __init__(self) -> None:
        self._newest: dict[str, Any] = {}

    def report(self, metrics: dict[str, Any]) -> None:
        """Takes the metrics of a step."""
        warning = {"warning": self._newest["warning"]} if "warning" in self._newest else {}
        self._newest = metrics | warning

    def newest(self) -> dict[str, Any]:
        """The metrics of the newest step, or nothing yet."""
        return self._newest


def note(metrics: dict[str, Any], batch_size: int) -> str:
    """What the progress of a run says of a step."""
    loss = "no finite loss" if metrics["loss"] is None else f"loss {metrics['loss']:.4f}"
    rate = batch_size / max(metrics["seconds"] + metrics["data_wait_seconds"], 1e-9)
    waiting = ", waits for data" if metrics["data_wait_seconds"] > metrics["seconds"] else ""
    skipped = f", {metrics['skipped_steps']:,} skipped" if "skipped_steps" in metrics else ""
    return f"{loss}, {rate:.0f} pairs/s{waiting}{skipped}"


@contextmanager
def watch(board: Any, steps: int, start: int, batch_size: int) -> Iterator[None]:
    """Shows the progress of a run while the block runs."""
    import ray

    from raytrain.progress import counting

    stop = threading.Event()

    def follow() -> None:
        shown, warned = start, False
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
                    advance(m["step"] + 1 - shown, note(m, batch_size))
                    shown = m["step"] + 1
                if "warning" in m and not warned:
                    print(m["warning"], file=sys.stderr, flush=True)  # Ray keeps what workers print to itself
                    warned = True

    thread = threading.Thread(target=follow, name="raytrain-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
