"""The log of a job, as it comes, and how it ends."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from raytrain.errors import UserError, one_line

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

Say = Callable[[str], None]
Write = Callable[[str], None]

RETRY_FOR_S = 120.0  # without an answer: a tunnel that is set up again, a head that is started again
STOPPED = 130  # as Ctrl-C


def follow(client: "JobSubmissionClient", submission_id: str, write: Write, say: Say) -> int:
    """Writes the log of a job from its beginning until it ends; gives its exit code.

    A connection that breaks is made again. Raises UserError if the cluster stays away.
    """
    log = _Log(write)
    lost_since: float | None = None
    while True:
        try:
            asyncio.run(log.read(client, submission_id))
            job = client.get_job_info(submission_id)
            if job.status.is_terminal():
                return exit_code(job, say)
            lost_since = None
        except (OSError, RuntimeError, _client_error()) as error:
            now = time.monotonic()
            if lost_since is None:
                lost_since = now
                say(f"submit: the connection broke ({one_line(error, 150)}); tries again")
            if now - lost_since > RETRY_FOR_S:
                raise UserError(
                    f"submit: the cluster has not answered for {RETRY_FOR_S:g} s ({one_line(error, 150)}); the job may "
                    f"run on: raytrain logs {submission_id} --follow"
                ) from error
        time.sleep(1)


class _Log:
    """What has been written of a log that is sent from its beginning each time."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._written = 0

    async def read(self, client: "JobSubmissionClient", submission_id: str) -> None:
        """Writes what is new, until the log ends or the connection does."""
        seen = 0
        async for text in client.tail_job_logs(submission_id):
            new = text[max(0, self._written - seen) :]
            seen += len(text)
            if new:
                self._write(new)
                self._written += len(new)


def exit_code(job: Any, say: Say) -> int:
    """Of a job that has ended: that of its driver; tells what is not in its log."""
    status = str(job.status.value)
    if status == "SUCCEEDED":
        return 0
    if status == "STOPPED":
        say(f"submit: {job.submission_id} was stopped; submit it again to go on")
        return STOPPED
    if job.driver_exit_code is None:  # it never began, or its node went
        say(f"submit: {job.submission_id} failed: {one_line(job.message, 600)}")
    return int(job.driver_exit_code or 1)


def _client_error() -> type[Exception]:
    import aiohttp

    return aiohttp.ClientError
