"""The Ray this process works on: one that runs already, or one of its own on this machine."""

import os
import shutil
import socket
import tempfile

from raytrain.auth import own_token
from raytrain.config import Cluster
from raytrain.errors import UserError, one_line
from raytrain.handshake import REFUSED, authenticate
from raytrain.node_labels import NodeLabels

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
        authenticate(address)
        try:
            ray.init(address=address, **options)
        except ray.exceptions.AuthenticationError as error:
            raise UserError(f"cluster.address: the Ray at {address} {REFUSED}") from error
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
