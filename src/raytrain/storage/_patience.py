"""Waiting for an object store that fails for a while."""

import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from raytrain.storage._errors import given_up, passing

# Pauses are drawn between 0 and twice the one before: tasks that failed together shall not come back together.
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0

T = TypeVar("T")

_waiting: Counter[str] = Counter()  # threads of this process by the bucket they wait for
_telling = threading.Lock()
_tell: list[Callable[[str], None]] = [lambda line: print(line, file=sys.stderr, flush=True)]


def tell_with(tell: Callable[[str], None]) -> None:
    """From now on ``tell`` takes the lines of this process that say what is waited for, instead of stderr."""
    _tell[0] = tell


def patiently(operation: Callable[[], T], uri: str, action: str, give_up_after: float) -> T:
    """What ``operation`` gives; it is repeated, from its beginning, while storage fails in a way that may pass.

    A line on stderr says that a bucket is waited for, and one that nobody waits any more: one each, however many
    threads do.
    Raises UserError when it has failed for ``give_up_after`` seconds, and at once what else ``operation`` raises.
    """
    try:
        return operation()
    except Exception as error:
        trouble = passing(error)
        if trouble is None:
            raise
    bucket = "/".join(uri.split("/")[:3])
    again = Retrying(
        retry=retry_if_exception(lambda error: passing(error) is not None),
        wait=wait_random_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
        stop=stop_after_delay(give_up_after),
    )
    _begin_waiting(bucket, f"{trouble}; trying again for up to {give_up_after:g} s")
    answers = True
    try:
        return again(operation)
    except RetryError as error:
        answers = False
        last = error.last_attempt.exception()
        assert last is not None  # it gave up for an error
        raise given_up(last, uri, action, give_up_after) from last
    finally:
        _end_waiting(bucket, answers)


def _begin_waiting(bucket: str, why: str) -> None:
    with _telling:
        _waiting[bucket] += 1
        if _waiting[bucket] == 1:
            _tell[0](f"storage: {bucket} {why}")


def _end_waiting(bucket: str, answers: bool) -> None:
    with _telling:
        _waiting[bucket] -= 1
        if answers and not _waiting[bucket]:
            _tell[0](f"storage: {bucket} answers again")
