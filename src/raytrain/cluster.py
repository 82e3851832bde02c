"""The Ray this process works on: one that runs already, or one of its own on this machine."""

import os
import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from raytrain.config import Cluster
from raytrain.errors import UserError, one_line

CPUS_FOR_DATA = 1.0

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
    import ray

    if ray.is_initialized():
        return
    options = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    address = address_of(cluster)
    if address:
        options.pop("include_dashboard")
        _check_address(address)
        try:
            ray.init(address=address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"cluster.address: no Ray to connect to at {address}: {one_line(error, 200)}") from error
    else:
        # A folder of its own: /tmp/ray may belong to another user's Ray. Short, for it holds socket paths.
        temp = tempfile.mkdtemp(prefix="rt-")
        _own_temp_dir.append(temp)
        ray.init(address="local", num_cpus=cluster.local_cpus or cpus_here(), _temp_dir=temp, **options)
        _protect_token()
    _quiet_data()


def _check_address(address: str) -> None:
    """Knocks at host:port; Ray itself would wait for minutes where nobody answers."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise UserError(f"cluster.address: nobody answers at {address}: {error}") from error


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


def check_placeable(cluster: Cluster) -> None:
    """Raises UserError if the running Ray can't hold the workers and the tasks that read for them."""
    import ray

    check_cpus(cluster, [node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]])
    check_gpus(cluster, ray.cluster_resources().get("GPU", 0.0))


def check_cpus(cluster: Cluster, nodes: Sequence[float]) -> None:
    """Raises UserError if the workers leave no CPU for reading data: the run would wait for ever.

    ``nodes`` are the CPUs of each node. Workers are packed, so the largest nodes fill up first.
    """
    free = sorted(nodes, reverse=True)
    for _ in range(cluster.workers):
        fits = [i for i, cpus in enumerate(free) if cpus >= cluster.cpus_per_worker - 1e-9]
        if not fits:
            raise UserError(
                f"cluster.workers: {cluster.workers} workers × {cluster.cpus_per_worker:g} CPUs do not fit into "
                f"the {sum(nodes):g} CPUs there are: ask for fewer, or lower cluster.cpus_per_worker"
            )
        free[fits[0]] -= cluster.cpus_per_worker
    if max(free) < CPUS_FOR_DATA - 1e-9:
        raise UserError(
            f"cluster.workers: {cluster.workers} workers × {cluster.cpus_per_worker:g} CPUs leave {max(free):g} CPUs "
            f"of {sum(nodes):g} on one machine for reading data, and that needs {CPUS_FOR_DATA:g}: "
            "ask for fewer workers, or lower cluster.cpus_per_worker"
        )


def check_gpus(cluster: Cluster, available: float) -> None:
    """Raises UserError if the workers ask for more GPUs than there are."""
    wanted = cluster.workers * cluster.gpus_per_worker
    if wanted > available + 1e-9:
        raise UserError(
            f"cluster.gpus_per_worker: {cluster.workers} workers × {cluster.gpus_per_worker:g} GPUs are more "
            f"than the {available:g} of the cluster"
        )


def _protect_token() -> None:
    """Ray creates its authentication token readable for everyone."""
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    if token.exists() and token.stat().st_uid == os.getuid():
        token.chmod(0o600)


def _quiet_data() -> None:
    import logging

    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    # It would print the whole traceback of what is raised anyway, and told in one line.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
