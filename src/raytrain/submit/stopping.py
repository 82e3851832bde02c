"""Ending a job that runs."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from raytrain.errors import UserError
from raytrain.submit.listed import RUNNING, Listed
from raytrain.submit.request import GRACE_S

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

Say = Callable[[str], None]

_MARGIN_S = 30


def stop(client: "JobSubmissionClient", job: Listed, say: Say) -> None:
    """Asks a job to end after a checkpoint, and waits until it has. Raises UserError if it does not end."""
    if job.state not in RUNNING:
        say(f"submit: {job.submission_id} has ended already: {job.state.lower()}")
        return
    client.stop_job(job.submission_id)
    say(f"submit: {job.submission_id} is asked to end, with a checkpoint if it trains; that takes {GRACE_S} s at most")
    deadline = time.monotonic() + GRACE_S + _MARGIN_S
    while not (status := client.get_job_status(job.submission_id)).is_terminal():
        if time.monotonic() > deadline:
            took = GRACE_S + _MARGIN_S
            raise UserError(f"{job.submission_id}: has not ended in {took} s: raytrain jobs tells how it stands")
        time.sleep(0.5)
    say(f"submit: {job.submission_id} {status.value.lower()}")
