"""Prometheus, through Ray: every node of a cluster serves what its workers measure, as ``ray_raytrain_…``."""

import re
from collections.abc import Sequence
from typing import Any

from raytrain.track.run import Step, TrackedRun

PREFIX = "raytrain"
# What stands in a scalar's name, apart: Prometheus has labels for it.
_LABELLED = [
    (re.compile(r"terms/(?P<term>.+)"), "term"),
    (re.compile(r"temperature/(?P<term>.+)"), "temperature"),
    (re.compile(r"languages/(?P<language>[^/]+)/terms/(?P<term>.+)"), "language_term"),
    (re.compile(r"languages/(?P<language>[^/]+)/loss"), "language_loss"),
    (re.compile(r"languages/(?P<language>[^/]+)/pairs"), "pairs"),
]
# A gauge would show what happened to be the last: the pairs of a batch. Of a checkpoint a step says only what it took.
EVENTS = {"checkpoint_seconds": f"{PREFIX}_checkpoints"}
COUNTERS = {f"{PREFIX}_pairs", *EVENTS.values()}


def measured(name: str) -> tuple[str, dict[str, str]]:
    """The metric of a scalar, and its labels: ``languages/deu/loss`` is ``raytrain_language_loss{language="deu"}``."""
    for pattern, metric in _LABELLED:
        if match := pattern.fullmatch(name):
            return f"{PREFIX}_{metric}", match.groupdict()
    return f"{PREFIX}_{re.sub(r'[^A-Za-z0-9_]', '_', name)}", {}


class Prometheus:
    """Gauges of the newest step and counters of pairs and checkpoints, of a run; Ray must be initialised.

    Ray brings them to the node's agent by itself, every few seconds.
    """

    def __init__(self, run: TrackedRun) -> None:
        self._label = run.label
        self._metrics: dict[str, Any] = {}

    def write(self, steps: Sequence[Step]) -> int:
        """Sets the gauges to the newest step that has them, and adds up what is counted."""
        for step in steps:
            for name, value in ({"step": float(step.number)} | dict(step.scalars)).items():
                metric, labels = measured(name)
                tags = {"run": self._label, **labels}
                if metric not in COUNTERS:
                    self._of(metric, tags).set(value, tags=tags)
                elif value > 0:
                    self._of(metric, tags).inc(value, tags=tags)
                if name in EVENTS:
                    self._of(EVENTS[name], tags).inc(tags=tags)
        return len(steps)

    def _of(self, metric: str, tags: dict[str, str]) -> Any:
        from ray.util.metrics import Counter, Gauge

        if metric not in self._metrics:
            kind = Counter if metric in COUNTERS else Gauge
            told = metric.removeprefix(f"{PREFIX}_").replace("_", " ")
            self._metrics[metric] = kind(metric, f"{told}, of a training run", tuple(tags))
        return self._metrics[metric]

    def flush(self) -> None:
        """Ray does."""

    def close(self, failed: bool) -> None:
        """Its last values go with the worker."""
