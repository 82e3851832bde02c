"""The memory that a worker has: that of its GPU, or its share of the machine's. Asks the running Ray."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raytrain.cluster import labelled
from raytrain.config import Cluster
from raytrain.nodes import Resources, alive_nodes
from raytrain.train.memory import Device

ASKED_S = 60.0  # how long a GPU may take to say what it has: a task of another job may have it


@dataclass(frozen=True)
class Room:
    """Of the worker with the least: ``memory`` bytes of a device called ``name``, which ``workers`` share."""

    device: Device
    name: str
    memory: int
    workers: int

    @property
    def each(self) -> int:
        """Bytes for one worker."""
        return self.memory // self.workers


def room_of(cluster: Cluster) -> Room | None:
    """The room of the worker that has the least; None if nobody knows it now."""

    wanted = labelled(cluster).labels.train
    nodes = {name: node.resources for name, node in alive_nodes().items() if node.has(wanted)}
    if not cluster.gpus_per_worker:
        return cpu_room(cluster, list(nodes.values()))
    found = _gpus([name for name, resources in nodes.items() if resources.get("GPU")])
    if not found:
        return None
    name, memory = min(found, key=lambda gpu: gpu[1])
    return Room("cuda", name, memory, 1)


def cpu_room(cluster: Cluster, nodes: Sequence[Resources]) -> Room | None:
    """Workers are packed, so the machines with the most CPUs fill up first. ``nodes``: resources as Ray names them.

    None if the fewest workers have no room now: nodes that went may come again.
    """
    left, rooms = cluster.fewest_workers, []
    for node in sorted(nodes, key=lambda node: -node.get("CPU", 0.0)):
        here = min(left, int(node.get("CPU", 0.0) / cluster.cpus_per_worker + 1e-9))
        left -= here
        if here:
            rooms.append(Room("cpu", "machine", int(node.get("memory", 0.0)), here))
    return None if left else min(rooms, key=lambda room: room.each)


def free_cpus(cluster: Cluster) -> float:
    """CPUs of the running Ray that no worker has: what reads the data."""
    import ray

    return float(ray.cluster_resources().get("CPU", 0.0)) - cluster.most_workers * cluster.cpus_per_worker


def _gpus(nodes: Sequence[str]) -> list[tuple[str, int]]:
    """Name and bytes of a GPU of each node, of those that answer in time; all GPUs of a node are taken for alike."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(_own_gpu)
    asked = [
        ask.options(
            num_gpus=1, num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
        ).remote()
        for node in nodes
    ]
    answered, late = ray.wait(asked, num_returns=len(asked), timeout=ASKED_S) if asked else ([], [])
    for task in late:
        ray.cancel(task)
    found: list[Any] = ray.get(answered)
    return found


def _own_gpu() -> tuple[str, int]:
    import torch

    gpu = torch.cuda.get_device_properties(0)
    return str(gpu.name), int(gpu.total_memory)
