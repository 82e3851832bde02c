"""Sending a job, once: the same job, stage and source is one submission, tried again only where it failed."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raytrain.config import Job
from raytrain.errors import UserError, one_line
from raytrain.jobfile import dump_job
from raytrain.submit.local_paths import check_paths
from raytrain.submit.request import Request, Stage, request_for, shipped
from raytrain.submit.source import CONSTRAINTS, package_folder, size_of, write_working_dir

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

Say = Callable[[str], None]
_ENDED = {"FAILED": "has failed", "STOPPED": "was stopped", "SUCCEEDED": "has succeeded"}


@dataclass(frozen=True)
class Submitted:
    """A submission, and whether it was there before."""

    submission_id: str
    state: Literal["new", "running", "succeeded"]


def submit(client: "JobSubmissionClient", job: Job, stage: Stage, *, again: bool, say: Say) -> Submitted:
    """Sends a job, or finds that it was sent. One that failed or was stopped is sent as the next attempt, ``ID-2``,
    because Ray never takes an id twice; ``again``: one that succeeded too.

    Raises UserError for paths of this machine, and for what the cluster refuses.
    """
    check_paths(job)
    with tempfile.TemporaryDirectory(prefix="raytrain-") as temp:
        folder = Path(temp)
        content = write_working_dir(dump_job(shipped(job)), folder, package_folder(), constraints_of(job))
        request = request_for(job, stage, content, temp)
        attempt, there = _last_attempt(client, request.submission_id)
        if there in ("PENDING", "RUNNING"):
            return Submitted(attempt, "running")
        if there == "SUCCEEDED" and not again:
            return Submitted(attempt, "succeeded")
        name = next_attempt(request.submission_id, attempt if there else None)
        if there:
            say(f"submit: {attempt} {_ENDED[there]}; sends it again")
        say(f"submit: sends {name}, {size_of(folder) / 2**20:.1f} MiB")
        return _send(client, request, name)


def constraints_of(job: Job) -> Path | None:
    """The pinned versions, where pip is to install them. Raises UserError if this is no checkout of the project."""
    if job.cluster.environment == "image":
        return None
    path = package_folder().parent.parent / CONSTRAINTS
    if not path.is_file():
        raise UserError(
            f"cluster.environment: pip takes the versions of {CONSTRAINTS}, and this raytrain does not run from a "
            "checkout that has it: take environment image, or run raytrain from the checkout"
        )
    return path


def attempts_of(name: str, submission_id: str) -> int:
    """Which attempt at ``name`` a submission is, 1 for the first; 0 if it is none."""
    if submission_id == name:
        return 1
    number = submission_id.removeprefix(f"{name}-")
    return int(number) if submission_id.startswith(f"{name}-") and number.isdigit() else 0


def next_attempt(name: str, last: str | None) -> str:
    """The id after ``last``."""
    return name if last is None else f"{name}-{attempts_of(name, last) + 1}"


def _last_attempt(client: "JobSubmissionClient", name: str) -> tuple[str, str]:
    """The last submission of that name, and how it stands; empty where there is none."""
    there = {one.submission_id: str(one.status.value) for one in client.list_jobs() if one.submission_id}
    found = max(there, key=lambda one: attempts_of(name, one), default="")
    return (found, there[found]) if found and attempts_of(name, found) else ("", "")


def _send(client: "JobSubmissionClient", request: Request, name: str) -> Submitted:
    try:
        client.submit_job(
            entrypoint=request.entrypoint,
            submission_id=name,
            runtime_env=request.runtime_env,
            metadata=request.metadata,
            entrypoint_num_cpus=request.driver_cpus or None,
            entrypoint_label_selector=request.driver_labels or None,
        )
    except RuntimeError as error:
        if "already exists" in str(error):  # sent by somebody else since it was looked for
            return Submitted(name, "running")
        raise UserError(f"submit: the cluster refuses {name}: {one_line(error, 400)}") from error
    return Submitted(name, "new")
