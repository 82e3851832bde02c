"""How many workers a run gets, and when that is to change."""

import time
from collections.abc import Callable, Collection
from typing import Any

import ray

from raytrain.cluster import alive_nodes, check_placeable, draining_nodes, free_nodes, workers_that_fit
from raytrain.config import Cluster
from raytrain.errors import UserError

GROW_AFTER_S = 20.0  # of room for more workers: a restart costs about as much

Say = Callable[[str], None]
Look = Callable[[], str]  # a reason to end, or ""


def place_workers(cluster: Cluster, own: Collection[str], say: Say, patient: bool) -> int:
    """How many workers to start: as many as fit, up to the most. Waits while other jobs hold the room.

    ``patient``: nodes that went may come again, for which it waits ``cluster.wait_for_nodes_s``. ``own`` are placement
    groups that this run had, which Ray may be about to remove. Raises UserError if there is no room for the fewest.
    """
    lacking_since = time.monotonic()
    told = ""
    while not (workers := workers_that_fit(cluster, free_nodes(own))):
        room = f"room for {cluster.fewest_workers} workers"
        if workers_that_fit(cluster, alive_nodes().values()):
            lacking_since = time.monotonic()
            wait = f"train: waits for {room}, which other jobs hold"
        else:
            wait = f"train: waits for {room}, up to {cluster.wait_for_nodes_s:,} s"
            if time.monotonic() - lacking_since >= (cluster.wait_for_nodes_s if patient else 0):
                check_placeable(cluster)
                raise UserError(
                    f"cluster.workers: there is no {room} on the nodes there are: ask for fewer, or add nodes"
                )
        if wait != told:
            told = wait
            say(wait)
        time.sleep(1)
    if isinstance(cluster.workers, list):
        say(f"train: {workers} workers of {cluster.fewest_workers} to {cluster.most_workers}")
    return workers


def changed_cluster(board: Any, cluster: Cluster, workers: int) -> Look:
    """A wish to end: a node that workers are on is about to go, or there has been room for more of them for long."""
    roomy_since = time.monotonic()

    def wish() -> str:
        nonlocal roomy_since
        nodes, groups = ray.get(board.places.remote(), timeout=5)
        going = draining_nodes() & nodes
        if going:
            return f"{len(going)} of its nodes will go away (preempted or removed)"
        room = workers_that_fit(cluster, free_nodes(groups)) if workers < cluster.most_workers else workers
        if room <= workers:
            roomy_since = time.monotonic()
        if time.monotonic() - roomy_since > GROW_AFTER_S:
            return f"there is room for {room} workers instead of {workers}"
        return ""

    return wish
