"""MLflow: one run of an experiment for all attempts, over the client of mlflow-skinny."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raytrain.track.config import MLflow
from raytrain.track.run import Step, TrackedRun

ID_TAG = "raytrain.id"
ARTIFACT_TAG = "raytrain.artifact"
# What the API takes at once: https://mlflow.org/docs/latest/api_reference/rest-api.html#log-batch
METRICS_A_REQUEST = 1_000
PARAMS_A_REQUEST = 100
LONGEST_PARAM = 6_000
ALWAYS = "learning_rate"  # which every step has


class MLflowRun:
    """The run of an artifact: found again by its tag, or made. Steps that it has already are not written again.

    Raises what the client raises: MlflowException, after retries of its own.
    """

    def __init__(self, config: MLflow, run: TrackedRun) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=config.uri)
        experiment = self._experiment(config.experiment)
        id = run.id()
        found = self._client.search_runs([experiment], f"tags.`{ID_TAG}` = '{id}'", max_results=1)
        if found:
            self._id = found[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
        else:
            tags = {ID_TAG: id, ARTIFACT_TAG: run.folder.name}
            self._id = self._client.create_run(experiment, run_name=run.label, tags=tags).info.run_id
        if not found or not found[0].data.params:
            self._log_params(run.config)
        history = self._client.get_metric_history(self._id, ALWAYS) if found else []
        self._next = max((point.step + 1 for point in history), default=0)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def _log_params(self, config: Mapping[str, Any]) -> None:
        """Once, since MLflow refuses to change them: where a run goes on, some of them may differ (cluster.workers)."""
        from mlflow.entities import Param

        params = [Param(name, text[:LONGEST_PARAM]) for name, text in _texts(config)]
        for at in range(0, len(params), PARAMS_A_REQUEST):
            self._client.log_batch(self._id, params=params[at : at + PARAMS_A_REQUEST], synchronous=True)

    def write(self, steps: Sequence[Step]) -> int:
        """Writes as many of the steps as fit into a request, and at least one.

        A server that keeps runs in a database takes a point that it is sent twice for one.
        """
        from mlflow.entities import Metric

        taken = fitting([len(step.scalars) for step in steps], METRICS_A_REQUEST)
        metrics = [
            Metric(name.replace("@", ":"), value, int(step.time * 1000), step.number)  # it refuses @
            for step in steps[:taken]
            if step.number >= self._next
            for name, value in step.scalars.items()
        ]
        for at in range(0, len(metrics), METRICS_A_REQUEST):
            self._client.log_batch(self._id, metrics=metrics[at : at + METRICS_A_REQUEST], synchronous=True)
        return taken

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self, failed: bool) -> None:
        """Says that the run has ended, and how."""
        self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")


def fitting(sizes: Sequence[int], most: int) -> int:
    """How many of the first ``sizes`` add up to at most ``most``; at least 1."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > most:
            return max(count, 1)
    return len(sizes)


def _texts(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The values of nested sections by their keys in the job file; what is not given is left out."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _texts(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", str(value)
