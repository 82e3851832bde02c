"""The Ray this process works on: one that runs already, or one of its own on this machine."""

import os
import shutil
import tempfile
from pathlib import Path

from raytrain.config import Cluster
from raytrain.errors import UserError

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
        try:
            ray.init(address=address, **options)
        except (ConnectionError, RuntimeError) as error:
            text = " ".join(str(error).split())[:200]
            raise UserError(f"cluster.address: no Ray to connect to at {address}: {text}") from error
    else:
        # A folder of its own: /tmp/ray may belong to another user's Ray. Short, for it holds socket paths.
        temp = tempfile.mkdtemp(prefix="rt-")
        _own_temp_dir.append(temp)
        ray.init(address="local", num_cpus=cluster.local_cpus or cpus_here(), _temp_dir=temp, **options)
        _protect_token()
    _quiet_data()


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


def check_cpus(cluster: Cluster, available: float) -> None:
    """Raises UserError if the workers leave no CPU for reading data: the run would wait for ever."""
    wanted = cluster.workers * cluster.cpus_per_worker
    if wanted + CPUS_FOR_DATA > available + 1e-9:
        most = max(int((available - CPUS_FOR_DATA) / cluster.cpus_per_worker + 1e-9), 0)
        raise UserError(
            f"cluster.workers: {cluster.workers} workers × {cluster.cpus_per_worker:g} CPUs leave "
            f"{available - wanted:g} of {available:g} CPUs for reading data, and that needs "
            f"{CPUS_FOR_DATA:g}: at most {most} such workers, or lower cluster.cpus_per_worker"
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
    logging.getLogger("ray.data").setLevel(logging.ERROR)
