"""Following a training run with the trackers that its job asks for."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from raytrain.storage import Location
from raytrain.track.background import CLOSING_S, Background
from raytrain.track.config import Track
from raytrain.track.mlflow import MLflowRun
from raytrain.track.prometheus import Prometheus
from raytrain.track.run import Sink, Step, TrackedRun
from raytrain.track.scalars import scalars
from raytrain.track.tensorboard import TensorBoard
from raytrain.track.wandb import WandBRun

Log = Callable[[Mapping[str, Any]], None]

LIVE_S = 1.0  # for what costs no more than the local machine
REQUEST_S = 5.0
UPLOAD_S = 30.0
# What trackers would tell their makers, or print, unasked.
_UNASKED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "WANDB_ERROR_REPORTING": "false",
}


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def tracking(
    track: Track,
    folder: Location,
    *,
    job_name: str,
    config: Mapping[str, Any],
    first_step: int,
    warn: Callable[[str], None] = _on_stderr,
) -> Iterator[Log]:
    """Follows a training run in ``folder`` from ``first_step`` on; gives what takes the metrics of each step.

    One rank enters it, once an attempt. Logging hands the scalars to threads and returns; there trackers are connected
    to and written to. What goes wrong there is told to ``warn``, once a tracker and once more if steps are missing in
    the end, and is never raised. At the end the last steps have ``CLOSING_S`` seconds to arrive. An error that passes
    through is how the run ended, for trackers that say so. ``config`` is the job's, as plain data.
    """
    for name, value in _UNASKED.items():  # before any thread: it is read when mlflow is imported
        os.environ.setdefault(name, value)
    run = TrackedRun(folder, job_name, config, first_step)
    followers = [Background(name, connect, every, warn) for name, connect, every in _trackers(track, run)]

    def log(metrics: Mapping[str, Any]) -> None:
        step = Step(metrics["step"], time.time(), scalars(metrics))
        for follower in followers:
            follower.put(step)

    failed = True
    try:
        yield log
        failed = False
    finally:
        deadline = time.monotonic() + CLOSING_S
        for follower in followers:
            follower.end(failed)
        for follower in followers:
            follower.join(deadline)


def _trackers(track: Track, run: TrackedRun) -> Iterator[tuple[str, Callable[[], Sink], float]]:
    """Name, how to connect, and how many seconds to wait between writes."""
    if track.tensorboard:
        yield "tensorboard", partial(TensorBoard, run), LIVE_S if run.folder.is_local else UPLOAD_S
    if track.mlflow:
        yield "mlflow", partial(MLflowRun, track.mlflow, run), REQUEST_S
    if track.wandb:
        yield "wandb", partial(WandBRun, track.wandb, run), LIVE_S
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        yield "prometheus", partial(Prometheus, run), LIVE_S
