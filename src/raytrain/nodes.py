"""The nodes of the running Ray: what each has, what is free of it, and how many workers that holds."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raytrain.config import Cluster
from raytrain.errors import UserError

CPUS_FOR_DATA = 1.0
HOLDING = {"CREATED", "PREPARED", "RESCHEDULING"}  # what Ray calls a placement group that has room
_ROUNDING = 1e-9

Resources = Mapping[str, float]  # CPU, GPU … → how much
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Node:
    """What a node has, and what it is called by."""

    resources: Resources
    labels: Labels = field(default_factory=dict)

    def has(self, selector: Labels) -> bool:
        """Whether its labels are those of a label selector, as Ray understands one.

        A value is ``v``, ``!v``, ``in(a, b)`` or ``!in(a, b)``; a label that the node lacks differs from every value.
        """
        return all(_matches(self.labels.get(key), wanted) for key, wanted in selector.items())


def _matches(label: str | None, wanted: str) -> bool:
    values = wanted.removeprefix("!")
    inside = re.fullmatch(r"in\((.*)\)", values)
    allowed = [value.strip() for value in inside[1].split(",")] if inside else [values]
    return (label in allowed) != wanted.startswith("!")


def alive_nodes() -> dict[str, Node]:
    """Each node of the running Ray, by its id, without those that are about to go."""
    import ray

    going = draining_nodes()
    return {
        node["NodeID"]: Node(node["Resources"], node["Labels"] or {})
        for node in ray.nodes()
        if node["Alive"] and node["NodeID"] not in going
    }


def free_nodes(own: Collection[str]) -> list[Node]:
    """What each node has that no placement group holds, but those in ``own``, by their ids.

    Other trainings hold their workers' room in such groups for as long as they run; tasks come and go.
    """
    nodes = alive_nodes()
    free = {node: dict(found.resources) for node, found in nodes.items()}
    for group in groups_of_others(own):
        for bundle, node in group.get("bundles_to_node_id", {}).items():
            for name, amount in group["bundles"][bundle].items():
                if node in free:
                    free[node][name] = free[node].get(name, 0.0) - amount
    return [Node(free[node], found.labels) for node, found in nodes.items()]


def groups_of_others(own: Collection[str]) -> list[dict[str, Any]]:
    """The placement groups that hold room, without those in ``own``."""
    from ray.util import placement_group_table

    table = placement_group_table().items()
    return [group for name, group in table if name not in own and group["state"] in HOLDING]


def draining_nodes() -> set[str]:
    """Nodes that the cloud has given notice of, or that are being removed."""
    # What ray.train.get_preemption_info asks; that is a barrier of all workers, and this is not.
    from ray._private.state import state

    return set(state.get_draining_nodes())


def workers_that_fit(cluster: Cluster, nodes: Collection[Node]) -> int:
    """How many training workers, up to the most asked for, have room beside a task that reads; 0 if too few."""
    labels = cluster.labels
    for workers in range(cluster.most_workers, cluster.fewest_workers - 1, -1):
        free = _free_cpus(cluster, workers, nodes, labels.train)
        if free is not None and _most_for_data(free, nodes, labels.data) >= CPUS_FOR_DATA - _ROUNDING:
            return workers
    return 0


def actors_that_fit(cluster: Cluster, selector: Labels, nodes: Collection[Node]) -> int:
    """How many workers, up to the most that are asked for, have room on nodes with those labels, if nothing must be
    left for tasks that read; 0 if too few."""
    counts = range(cluster.most_workers, cluster.fewest_workers - 1, -1)
    return next((n for n in counts if _free_cpus(cluster, n, nodes, selector) is not None), 0)


def trainings_that_fit(cluster: Cluster) -> int:
    """How many trainings of the fewest workers, each with a task that reads, the running Ray has room for beside each
    other; at least 1."""
    nodes = list(alive_nodes().values())
    fitting = 0
    while True:
        free = _free_cpus(cluster, cluster.fewest_workers * (fitting + 1), nodes, cluster.labels.train)
        if free is None or _tasks_for_data(free, nodes, cluster.labels.data) < fitting + 1:
            return max(fitting, 1)
        fitting += 1


def check_workers(cluster: Cluster, nodes: Collection[Node]) -> None:
    """Raises UserError if the nodes can't hold the fewest training workers and the tasks that read for them: the run
    would wait for ever."""
    labels = cluster.labels
    for key, selector in (("train", labels.train), ("data", labels.data)):
        check_labels(key, selector, nodes)
    there = [node.resources for node in nodes if node.has(labels.train)]
    if labels.train or labels.data:
        if not workers_that_fit(cluster, nodes):
            raise UserError(
                f"cluster.labels: {_asked(cluster)} and a CPU for reading data do not fit into the nodes with those "
                f"labels, which have {_sum(there, 'CPU'):g} CPUs and {_sum(there, 'GPU'):g} GPUs for training: ask for "
                "fewer workers, or add nodes"
            )
        return
    check_cpus(cluster, [node.get("CPU", 0.0) for node in there])
    check_gpus(cluster, _sum(there, "GPU"))


def check_actors(cluster: Cluster, role: str, selector: Labels, nodes: Collection[Node]) -> None:
    """Raises UserError if nodes with the labels of a role can't hold the fewest workers."""
    check_labels(role, selector, nodes)
    if not actors_that_fit(cluster, selector, nodes):
        there = [node.resources for node in nodes if node.has(selector)]
        raise UserError(
            f"cluster.workers: {_asked(cluster)} do not fit into the {_sum(there, 'CPU'):g} CPUs and "
            f"{_sum(there, 'GPU'):g} GPUs of the nodes for {role}: ask for fewer, or lower cluster.cpus_per_worker"
        )


def check_labels(role: str, selector: Labels, nodes: Collection[Node]) -> None:
    """Raises UserError if no node has the labels of a role."""
    if not any(node.has(selector) for node in nodes):
        wanted = ", ".join(f"{key}: {value}" for key, value in selector.items())
        raise UserError(
            f"cluster.labels.{role}: no node has {wanted or 'any resources'}: start one with ray start --labels, or "
            "ask for another label"
        )


def check_cpus(cluster: Cluster, cpus: Sequence[float]) -> None:
    """Raises UserError if the fewest workers leave no CPU for reading data: the run would wait for ever.

    ``cpus`` are the CPUs of each node. Workers are packed, so the largest nodes fill up first.
    """
    workers = cluster.fewest_workers
    free = _free_cpus(cluster, workers, [Node({"CPU": each, "GPU": float("inf")}) for each in cpus], {})
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


def check_gpus(cluster: Cluster, available: float) -> None:
    """Raises UserError if the fewest workers ask for more GPUs than there are."""
    workers = cluster.fewest_workers
    if workers * cluster.gpus_per_worker > available + _ROUNDING:
        raise UserError(
            f"cluster.gpus_per_worker: {workers} workers × {cluster.gpus_per_worker:g} GPUs are more "
            f"than the {available:g} of the cluster"
        )


def _free_cpus(cluster: Cluster, workers: int, nodes: Collection[Node], selector: Labels) -> list[float] | None:
    """The CPUs that some workers leave free on each node, or None if they do not fit on those with the labels."""
    cpus, gpus = ([node.resources.get(name, 0.0) for node in nodes] for name in ("CPU", "GPU"))
    right = [i for i, node in enumerate(nodes) if node.has(selector)]
    for _ in range(workers):
        fits = [
            i
            for i in right
            if cpus[i] >= cluster.cpus_per_worker - _ROUNDING and gpus[i] >= cluster.gpus_per_worker - _ROUNDING
        ]
        if not fits:
            return None
        most = max(fits, key=lambda i: cpus[i])
        cpus[most] -= cluster.cpus_per_worker
        gpus[most] -= cluster.gpus_per_worker
    return cpus


def _most_for_data(free: Sequence[float], nodes: Collection[Node], selector: Labels) -> float:
    return max((cpus for cpus, node in zip(free, nodes, strict=True) if node.has(selector)), default=0.0)


def _tasks_for_data(free: Sequence[float], nodes: Collection[Node], selector: Labels) -> int:
    right = (cpus for cpus, node in zip(free, nodes, strict=True) if node.has(selector))
    return sum(int(cpus / CPUS_FOR_DATA + _ROUNDING) for cpus in right)


def _sum(nodes: Collection[Resources], name: str) -> float:
    return sum(node.get(name, 0.0) for node in nodes)


def _asked(cluster: Cluster) -> str:
    gpus = f" and {cluster.gpus_per_worker:g} GPUs" if cluster.gpus_per_worker else ""
    return f"{cluster.fewest_workers} workers × {cluster.cpus_per_worker:g} CPUs{gpus}"
