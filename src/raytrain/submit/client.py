"""The jobs of a cluster: where its dashboard is, how it is spoken to, and what it answers in words."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from raytrain.auth import GIVE_IT, use_token
from raytrain.config import Cluster
from raytrain.errors import UserError, one_line

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_HTTP = ("http://", "https://")
_TALKATIVE = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
_VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")


def dashboard_of(address: str | None, cluster: Cluster | None = None) -> str:
    """Where jobs are sent: ``address``, else the URL in ``cluster.address``, else that of Ray's own variables.

    Raises UserError if none of them is a URL.
    """
    if address is not None and not address.startswith(_HTTP):
        raise UserError(f"--address: {address} is no URL: give http://HOST:8265, where its dashboard listens")
    given = [address, cluster and cluster.address, *(os.environ.get(name) for name in _VARIABLES)]
    found = next((one for one in given if one and one.startswith(_HTTP)), None)
    if found is None:
        raise UserError(
            "submit: to which cluster? Give --address http://HOST:8265 (the dashboard of its head, as an SSH tunnel or "
            f"kubectl port-forward brings it here), or set {_VARIABLES[0]}"
        )
    if urlsplit(found).password:  # of --address or a variable: a job file with one is refused when it is read
        raise UserError(f"submit: the address of {urlsplit(found).hostname} holds a password: {GIVE_IT}")
    return found.rstrip("/")


def unencrypted(address: str) -> bool:
    """Whether what is sent there, the token too, can be read on the way."""
    host = urlsplit(address).hostname or ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return address.startswith("http://") and not here


def open_client(address: str) -> "JobSubmissionClient":
    """A client of the jobs at ``address``, with the token if there is one. Raises UserError, in one line."""
    use_token()
    from ray.job_submission import JobSubmissionClient

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    with in_words(address), _without_variables():
        return JobSubmissionClient(address)


def warnings_of(client: "JobSubmissionClient", address: str) -> Iterator[str]:
    """What is not safe about the way there."""
    answer = client._do_request("GET", "/api/authentication_mode")  # it has no method for this
    if answer.status_code == 200 and answer.json().get("authentication_mode") == "disabled":
        yield (
            f"submit: the cluster at {address} asks for no token, so whoever reaches it can run what they like there: "
            "start it with RAY_AUTH_MODE=token"
        )
    if unencrypted(address) and use_token():
        yield f"submit: the token goes to {address} in the clear: take an SSH tunnel or https://"


@contextmanager
def in_words(address: str) -> Iterator[None]:
    """Turns what the client raises where it is refused, or not answered, into a UserError."""
    import requests
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError as error:
        raise UserError(
            f"submit: the cluster at {address} wants a token, and this is none or not the right one: {GIVE_IT}"
        ) from error
    except (ConnectionError, requests.exceptions.RequestException) as error:
        raise UserError(
            f"submit: nobody answers at {address}: {one_line(error, 200)}; is the tunnel or port-forward up?"
        ) from error


@contextmanager
def _without_variables() -> Iterator[None]:
    """Ray's client prefers these to the address that it is given."""
    kept = {name: os.environ.pop(name) for name in _VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
