"""The Ray this process works on: one that runs already, or one of its own on this machine."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from typing import Any

from raytrain.auth import GIVE_IT, MODE, own_token, use_token
from raytrain.config import Cluster
from raytrain.errors import UserError, one_line
from raytrain.node_labels import NodeLabels

_REFUSED = f"wants a token, and this is none or not the right one: {GIVE_IT}"
ANSWER_S = 30.0  # for a head to say whether it wants a token
_own_temp_dir: list[str] = []


def address_of(cluster: Cluster) -> str | None:
    """The address of the Ray to work on, or None for one of our own."""
    return cluster.address or os.environ.get("RAY_ADDRESS") or None


def running_ray(cluster: Cluster) -> None:
    """Connects to Ray, or starts one here; does nothing where this process has one already.

    Raises UserError if there is none at the address.
    """
    # Ray tells everything on stderr; what a user needs is in our own progress and errors.
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # How often Ray Train looks whether its workers are done, or dead: a run ends that much later. Its own 2 s are long.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    import ray

    if ray.is_initialized():
        _prepare_data(cluster)
        return
    options = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    address = address_of(cluster)
    if address:
        options.pop("include_dashboard")
        address = _checked(address)
        _authenticate(address)
        try:
            ray.init(address=address, **options)
        except ray.exceptions.AuthenticationError as error:
            raise UserError(f"cluster.address: the Ray at {address} {_REFUSED}") from error
        except (ConnectionError, RuntimeError, ValueError) as error:
            why = one_line(error.__cause__ or error, 200)  # Ray's own words say that it failed, and no more
            raise UserError(f"cluster.address: no Ray to connect to at {address}: {why}") from error
    else:
        # A folder of its own: /tmp/ray may belong to another user's Ray. Short, for it holds socket paths.
        temp = tempfile.mkdtemp(prefix="rt-")
        _own_temp_dir.append(temp)
        own_token()
        ray.init(address="local", num_cpus=cluster.local_cpus or cpus_here(), _temp_dir=temp, **options)
    _prepare_data(cluster)


def _checked(address: str) -> str:
    """host:port of the head, where someone answers. Ray itself would wait for minutes where nobody does; and given
    ``auto`` it would use any token it finds.

    Raises UserError, for addresses of other kinds too.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    if address == "auto":
        from ray._private.services import canonicalize_bootstrap_address_or_die

        try:
            address = canonicalize_bootstrap_address_or_die(address)
        except (ConnectionError, ValueError) as error:
            raise UserError("cluster.address: auto, and no Ray is found on this machine: give host:port") from error
    if address.startswith(("http://", "https://")):
        raise UserError(
            f"cluster.address: {address} is where jobs are submitted: raytrain submit sends this one there; "
            "to connect, give host:port of the head"
        )
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "://" in host:
        raise UserError(f"cluster.address: {address} is not host:port of a head, nor auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError as error:
        raise UserError(f"cluster.address: nobody answers at {address}: {error}") from error
    return address


def _authenticate(address: str) -> None:
    """Turns token authentication on in this process if the Ray at the address has it on.

    On one side only it would be worse than none: a driver with it turns away what workers without it ask for, and the
    run waits for ever. Raises UserError for a wrong token, which Ray would tell of seven times.
    """
    if _lets_in(address, _bare_channel):
        if os.environ.get(MODE, "").lower() == "token":
            raise UserError(
                f"cluster.address: the Ray at {address} asks for no token, and {MODE}=token is set here, which does "
                f"not go together: start it with {MODE}=token, or set {MODE}=disabled if nobody else can reach it"
            )
        return
    if not use_token():
        off = f" ({MODE}={os.environ[MODE]})" if MODE in os.environ else ""
        raise UserError(f"cluster.address: the Ray at {address} {_REFUSED}{off}")
    from ray._private.gcs_utils import create_gcs_channel

    if not _lets_in(address, create_gcs_channel):
        raise UserError(f"cluster.address: the Ray at {address} {_REFUSED}")


def _bare_channel(address: str) -> Any:
    """To a Ray, without a token."""
    import grpc
    from ray._common.tls_utils import load_certs_from_env
    from ray._private.ray_constants import GLOBAL_GRPC_OPTIONS

    if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
        return grpc.insecure_channel(address, options=GLOBAL_GRPC_OPTIONS)
    certificate, key, authority = load_certs_from_env()
    credentials = grpc.ssl_channel_credentials(authority, key, certificate)
    return grpc.secure_channel(address, credentials, options=GLOBAL_GRPC_OPTIONS)


def _lets_in(address: str, channel_to: Callable[[str], Any]) -> bool:
    """Whether the Ray there answers by such a channel, or turns us away for want of the right token.

    Raises UserError where it gives neither answer in ANSWER_S: it is starting, too busy, or no Ray.
    """
    import grpc
    from ray.core.generated.gcs_service_pb2 import CheckAliveRequest
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

    deadline = time.monotonic() + ANSWER_S
    with channel_to(address) as channel:
        while True:
            try:
                NodeInfoGcsServiceStub(channel).CheckAlive(CheckAliveRequest(), timeout=min(10.0, ANSWER_S))
                return True
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    return False
                if time.monotonic() > deadline:
                    told = f"{error.code().name}: {one_line(error.details() or '', 100)}"
                    raise UserError(f"cluster.address: no Ray answers at {address}: {told}") from error
                time.sleep(0.5)


def ray_runs() -> bool:
    """Whether this process has a Ray, without importing it."""
    import sys

    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())


def stop_ray() -> None:
    """Ends the Ray that this process started, or the connection to another one."""
    import sys

    if "ray" not in sys.modules:
        return
    import ray

    ray.shutdown()
    while _own_temp_dir:
        shutil.rmtree(_own_temp_dir.pop(), ignore_errors=True)


def cpus_here() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def threads_of(cluster: Cluster) -> int:
    """Threads of a worker. Ray sets OMP_NUM_THREADS from CPUs in tasks, and not where that is a fraction."""
    return cluster.threads_per_worker or max(1, int(cluster.cpus_per_worker))


def labelled(cluster: Cluster) -> Cluster:
    """The same without labels, where Ray is our own: its only node has none."""
    return cluster if address_of(cluster) else cluster.model_copy(update={"labels": NodeLabels()})


def _prepare_data(cluster: Cluster) -> None:
    """What Ray Data does in this process: its tasks where they belong, and silently."""
    import logging

    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.label_selector = dict(labelled(cluster).labels.data) or None
    # It would print the whole traceback of what is raised anyway, and told in one line.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
