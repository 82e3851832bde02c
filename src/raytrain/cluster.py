"""The Ray this process works on: one that runs already, or one of its own on this machine."""

import os
import shutil
import socket
import tempfile
from collections.abc import Collection, Mapping, Sequence

from raytrain.auth import GIVE_IT, own_token, use_token
from raytrain.config import Cluster
from raytrain.errors import UserError, one_line

CPUS_FOR_DATA = 1.0
HOLDING = {"CREATED", "PREPARED", "RESCHEDULING"}  # what Ray calls a placement group that has room
_ROUNDING = 1e-9

Resources = Mapping[str, float]  # CPU, GPU … → how much

_REFUSED = f"wants a token, and this is none or not the right one: {GIVE_IT}"
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
        return
    options = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    address = address_of(cluster)
    if address:
        options.pop("include_dashboard")
        use_token()
        _check_address(address)
        try:
            ray.init(address=address, **options)
        except ray.exceptions.AuthenticationError as error:
            raise UserError(f"cluster.address: the Ray at {address} {_REFUSED}") from error
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"cluster.address: no Ray to connect to at {address}: {one_line(error, 200)}") from error
    else:
        # A folder of its own: /tmp/ray may belong to another user's Ray. Short, for it holds socket paths.
        temp = tempfile.mkdtemp(prefix="rt-")
        _own_temp_dir.append(temp)
        own_token()
        ray.init(address="local", num_cpus=cluster.local_cpus or cpus_here(), _temp_dir=temp, **options)
    _quiet_data()


def _check_address(address: str) -> None:
    """Knocks at host:port; Ray itself would wait for minutes where nobody answers, and tell of a wrong token seven
    times."""
    if address.startswith(("http://", "https://")):
        raise UserError(
            f"cluster.address: {address} is where jobs are submitted: raytrain submit sends this one there; "
            "to connect, give host:port of the head"
        )
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise UserError(f"cluster.address: nobody answers at {address}: {error}") from error
    import grpc
    from ray._private.gcs_utils import create_gcs_channel
    from ray.core.generated.gcs_service_pb2 import CheckAliveRequest
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

    channel = create_gcs_channel(address)
    try:
        NodeInfoGcsServiceStub(channel).CheckAlive(CheckAliveRequest(), timeout=10)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            raise UserError(f"cluster.address: the Ray at {address} {_REFUSED}") from error
    finally:
        channel.close()


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


def check_placeable(cluster: Cluster) -> None:
    """Raises UserError if the running Ray can't hold the fewest workers and the tasks that read for them."""
    nodes = alive_nodes().values()
    check_cpus(cluster, [node.get("CPU", 0.0) for node in nodes])
    check_gpus(cluster, sum(node.get("GPU", 0.0) for node in nodes))


def alive_nodes() -> dict[str, Resources]:
    """What each node of the running Ray has in all, by its id, without those that are about to go."""
    import ray

    going = draining_nodes()
    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"] and node["NodeID"] not in going}


def free_nodes(own: Collection[str]) -> list[Resources]:
    """What each node has that no placement group holds, but those in ``own``, by their ids.

    Other trainings hold their workers' room in such groups for as long as they run; tasks come and go.
    """
    from ray.util import placement_group_table

    nodes = {node: dict(resources) for node, resources in alive_nodes().items()}
    for group, table in placement_group_table().items():
        if group in own or table["state"] not in HOLDING:
            continue
        for bundle, node in table.get("bundles_to_node_id", {}).items():
            for name, amount in table["bundles"][bundle].items():
                if node in nodes:
                    nodes[node][name] = nodes[node].get(name, 0.0) - amount
    return list(nodes.values())


def draining_nodes() -> set[str]:
    """Nodes that the cloud has given notice of, or that are being removed."""
    # What ray.train.get_preemption_info asks; that is a barrier of all workers, and this is not.
    from ray._private.state import state

    return set(state.get_draining_nodes())


def workers_that_fit(cluster: Cluster, nodes: Collection[Resources]) -> int:
    """How many workers, up to the most that are asked for, have room beside a task that reads; 0 if too few."""
    for workers in range(cluster.most_workers, cluster.fewest_workers - 1, -1):
        free = _free_cpus(cluster, workers, nodes)
        if free is not None and max(free) >= CPUS_FOR_DATA - _ROUNDING:
            return workers
    return 0


def workers_left(cluster: Cluster) -> int:
    """How many workers, up to the most that are asked for, the nodes hold that are there; at least one is asked for.

    For what reads its own data: after a node has gone, fewer do the same work.
    """
    nodes = list(alive_nodes().values())
    fitting = (n for n in range(cluster.most_workers, 1, -1) if _free_cpus(cluster, n, nodes) is not None)
    return next(fitting, 1)


def trainings_that_fit(cluster: Cluster) -> int:
    """How many trainings of the fewest workers, each with a task that reads, the running Ray has room for beside each
    other; at least 1."""
    nodes = [dict(node) for node in alive_nodes().values()]
    fitting = 0
    while True:
        free = _free_cpus(cluster, cluster.fewest_workers * (fitting + 1), nodes)
        if free is None or sum(int(cpus / CPUS_FOR_DATA + _ROUNDING) for cpus in free) < fitting + 1:
            return max(fitting, 1)
        fitting += 1


def check_cpus(cluster: Cluster, cpus: Sequence[float]) -> None:
    """Raises UserError if the fewest workers leave no CPU for reading data: the run would wait for ever.

    ``cpus`` are the CPUs of each node. Workers are packed, so the largest nodes fill up first.
    """
    workers = cluster.fewest_workers
    free = _free_cpus(cluster, workers, [{"CPU": each, "GPU": float("inf")} for each in cpus])
    if free is None:
        raise UserError(
            f"cluster.workers: {workers} workers × {cluster.cpus_per_worker:g} CPUs do not fit into "
            f"the {sum(cpus):g} CPUs there are: ask for fewer, or lower cluster.cpus_per_worker"
        )
    if max(free) < CPUS_FOR_DATA - _ROUNDING:
        raise UserError(
            f"cluster.workers: {workers} workers × {cluster.cpus_per_worker:g} CPUs leave {max(free):g} CPUs "
            f"of {sum(cpus):g} on one machine for reading data, and that needs {CPUS_FOR_DATA:g}: "
            "ask for fewer workers, or lower cluster.cpus_per_worker"
        )


def _free_cpus(cluster: Cluster, workers: int, nodes: Collection[Resources]) -> list[float] | None:
    """The CPUs that some workers leave free on each node, or None if they do not fit."""
    cpus, gpus = ([node.get(name, 0.0) for node in nodes] for name in ("CPU", "GPU"))
    for _ in range(workers):
        fits = [
            i
            for i in range(len(cpus))
            if cpus[i] >= cluster.cpus_per_worker - _ROUNDING and gpus[i] >= cluster.gpus_per_worker - _ROUNDING
        ]
        if not fits:
            return None
        most = max(fits, key=lambda i: cpus[i])
        cpus[most] -= cluster.cpus_per_worker
        gpus[most] -= cluster.gpus_per_worker
    return cpus


def check_gpus(cluster: Cluster, available: float) -> None:
    """Raises UserError if the fewest workers ask for more GPUs than there are."""
    workers = cluster.fewest_workers
    if workers * cluster.gpus_per_worker > available + _ROUNDING:
        raise UserError(
            f"cluster.gpus_per_worker: {workers} workers × {cluster.gpus_per_worker:g} GPUs are more "
            f"than the {available:g} of the cluster"
        )


def _quiet_data() -> None:
    import logging

    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    # It would print the whole traceback of what is raised anyway, and told in one line.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
