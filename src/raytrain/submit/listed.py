"""The jobs that a cluster knows of, and which of them is meant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raytrain.errors import UserError
from raytrain.jobfile import load_job
from raytrain.submit.request import NAME, STAGE

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

RUNNING = ("PENDING", "RUNNING")


@dataclass(frozen=True)
class Listed:
    """A job of raytrain on a cluster; ``took`` is until now where it runs."""

    submission_id: str
    name: str
    stage: str
    state: str
    began: datetime
    took: timedelta
    exit_code: int | None


def jobs_of(client: "JobSubmissionClient") -> list[Listed]:
    """All that raytrain has submitted, the newest first."""
    found = [_listed(job) for job in client.list_jobs() if NAME in (job.metadata or {})]
    return sorted(found, key=lambda job: job.began, reverse=True)


def find(client: "JobSubmissionClient", what: str) -> Listed:
    """The job with this id; or the newest of the name that the job file ``what`` gives, if it is the only one running.

    Raises UserError if there is none, or if it is not clear which.
    """
    jobs = jobs_of(client)
    by_id = [job for job in jobs if job.submission_id == what]
    if by_id:
        return by_id[0]
    if not what.endswith((".yaml", ".yml")) and not Path(what).is_file():
        raise UserError(f"{what}: the cluster knows no such job, and it is no job file: raytrain jobs lists all")
    name = load_job(what).name
    named = [job for job in jobs if job.name == name]
    if not named:
        raise UserError(f"{what}: nothing called {name} was submitted to this cluster: raytrain jobs lists all")
    running = [job for job in named if job.state in RUNNING]
    if len(running) > 1:
        raise UserError(f"{what}: of {name} several run; name one of {', '.join(job.submission_id for job in running)}")
    return (running or named)[0]


def _listed(job: Any) -> Listed:
    began = datetime.fromtimestamp((job.start_time or 0) / 1000, UTC)
    ended = datetime.fromtimestamp(job.end_time / 1000, UTC) if job.end_time else datetime.now(UTC)
    metadata = job.metadata
    return Listed(
        job.submission_id,
        metadata[NAME],
        metadata.get(STAGE, ""),
        str(job.status.value),
        began,
        timedelta(seconds=round((ended - began).total_seconds())),
        job.driver_exit_code,
    )
