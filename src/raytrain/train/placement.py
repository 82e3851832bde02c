"""How many workers a run gets, and when that is to change."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray

from raytrain import autoscaler
from raytrain.autoscaler import Bundle, Request
from raytrain.cluster import labelled
from raytrain.config import Cluster
from raytrain.nodes import draining_nodes, free_nodes, workers_that_fit
from raytrain.placing import GROW_AFTER_S, resources_of_worker

Look = Callable[[], str]  # a reason to end, or ""


@contextmanager
def asking_for_more(cluster: Cluster, workers: int) -> Iterator[set[str]]:
    """While the block runs, the autoscaler is asked for room for one worker more than there are, if more are wanted.

    One at a time, for what it can't give whole it does not give at all; where a node comes that holds several, all of
    them are started. Yields the placement group that holds the room once it is there.
    """
    if workers >= cluster.most_workers or not autoscaler.is_there():
        yield set()
        return
    request = Request([Bundle(resources_of_worker(cluster), labelled(cluster).labels.train)])
    try:
        yield {request.group}
    finally:
        request.withdraw()


def changed_cluster(board: Any, cluster: Cluster, workers: int, asked: set[str]) -> Look:
    """A wish to end: a node that workers are on is about to go, or there has been room for more of them for long.

    ``asked``: placement groups that hold room for them.
    """
    cluster = labelled(cluster)
    roomy_since = time.monotonic()

    def wish() -> str:
        nonlocal roomy_since
        nodes, groups = ray.get(board.places.remote(), timeout=5)
        going = draining_nodes() & nodes
        if going:
            return f"{len(going)} of its nodes will go away (preempted or removed)"
        room = workers_that_fit(cluster, free_nodes({*groups, *asked})) if workers < cluster.most_workers else workers
        if room <= workers:
            roomy_since = time.monotonic()
        if time.monotonic() - roomy_since > GROW_AFTER_S:
            return f"there is room for {room} workers instead of {workers}"
        return ""

    return wish
