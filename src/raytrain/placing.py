"""Waiting until there is room: for what other jobs hold, for nodes that went, for nodes that an autoscaler starts."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from raytrain.autoscaler import Bundle, Request, is_there
from raytrain.cluster import labelled
from raytrain.config import Cluster
from raytrain.errors import UserError
from raytrain.nodes import (
    CPUS_FOR_DATA,
    Labels,
    Node,
    actors_that_fit,
    alive_nodes,
    check_actors,
    check_workers,
    free_nodes,
    groups_of_others,
    workers_that_fit,
)

GROW_AFTER_S = 20.0  # of room for more workers: a restart costs about as much
STALE_S = 60.0  # a look at the nodes takes seconds at most
_looked_at: list[float] = []  # when it was last seen that there is no room, while this process waits

Say = Callable[[str], None]
Role = Literal["data", "index"]


@dataclass(frozen=True)
class Need:
    """What wants room. ``fit``: how many of the ``most`` some nodes hold, 0 if fewer than ``fewest``.

    ``check`` raises a UserError that says why some nodes don't hold the fewest. ``grows``: once it runs with fewer than
    the most it can take more.
    """

    stage: str
    what: str
    fewest: int
    most: int
    bundles: Callable[[int], list[Bundle]]
    fit: Callable[[Collection[Node]], int]
    check: Callable[[Collection[Node]], None]
    grows: bool


def place_workers(cluster: Cluster, own: Collection[str], say: Say, patient: bool) -> int:
    """How many training workers to start: see ``place``. ``cluster``: see ``labelled``."""
    cluster = labelled(cluster)
    worker = Bundle(resources_of_worker(cluster), cluster.labels.train)
    need = Need(
        "train",
        "workers",
        cluster.fewest_workers,
        cluster.most_workers,
        lambda count: [worker] * count + [Bundle({"CPU": CPUS_FOR_DATA}, cluster.labels.data)],
        partial(workers_that_fit, cluster),
        partial(check_workers, cluster),
        grows=True,
    )
    workers = place(need, own, cluster.wait_for_nodes_s, say, patient)
    if isinstance(cluster.workers, list):
        say(f"train: {workers} workers of {cluster.fewest_workers} to {cluster.most_workers}")
    return workers


def place_actors(stage: str, cluster: Cluster, say: Say) -> int:
    """How many actors that embed to start: see ``place``."""
    cluster = labelled(cluster)
    return place(_on_nodes(stage, "actors", cluster, "index"), (), cluster.wait_for_nodes_s, say, False)


def place_tasks(stage: str, cluster: Cluster, say: Say) -> None:
    """Waits until a task that builds an index has room; the others come as they are needed."""
    cluster = labelled(cluster).model_copy(update={"workers": 1})
    place(_on_nodes(stage, "tasks", cluster, "index"), (), cluster.wait_for_nodes_s, say, False)


def place_reading(stage: str, cluster: Cluster, say: Say) -> None:
    """Waits until there is a CPU for reading data; more are asked for by who reads."""
    update = {"workers": 1, "cpus_per_worker": CPUS_FOR_DATA, "gpus_per_worker": 0}
    cluster = labelled(cluster).model_copy(update=update)
    place(_on_nodes(stage, "tasks that read", cluster, "data"), (), cluster.wait_for_nodes_s, say, False)


def _on_nodes(stage: str, what: str, cluster: Cluster, role: Role) -> Need:
    selector: Labels = getattr(cluster.labels, role)
    return Need(
        stage,
        what,
        cluster.fewest_workers,
        cluster.most_workers,
        lambda count: [Bundle(resources_of_worker(cluster), selector)] * count,
        partial(actors_that_fit, cluster, selector),
        partial(check_actors, cluster, role, selector),
        grows=False,
    )


def place(need: Need, own: Collection[str], wait_s: float, say: Say, patient: bool) -> int:
    """How many to start: as many as fit, up to the most. Waits while other jobs hold the room, and for ``wait_s``
    seconds for nodes that an autoscaler starts.

    ``patient``: nodes that went may come again, for which it waits as long without an autoscaler too. ``own`` are
    placement groups that this run had, which Ray may be about to remove. Raises UserError if there is no room for the
    fewest.
    """
    waiting = _Waiting(need, own, wait_s, say, patient)
    try:
        while not (count := waiting.look()):
            _looked_at[:] = [time.monotonic()]
            time.sleep(1)
        return count
    finally:
        _looked_at.clear()
        waiting.end()


def waits_for_room() -> bool:
    """Whether this process waits for room now, and so does nothing else for good reason.

    One that asks Ray for its nodes and gets no answer does not wait for room.
    """
    return any(time.monotonic() - moment < STALE_S for moment in _looked_at[:])


class _Waiting:
    """The state of ``place``."""

    def __init__(self, need: Need, own: Collection[str], wait_s: float, say: Say, patient: bool) -> None:
        self._need, self._own, self._wait_s, self._say, self._patient = need, own, wait_s, say, patient
        self._low, self._high = need.fewest, need.most  # what the autoscaler gives is between
        self._wanted = need.most
        self._request: Request | None = None
        self._scaled = is_there()
        self._told = ""
        self._lacking_since = time.monotonic()
        self._fitting_since: float | None = None

    def look(self) -> int:
        """How many to start now; 0: to wait. Raises UserError when there is no hope, or no more time."""
        held = [self._request.group] if self._request else []
        count = self._need.fit(free_nodes({*self._own, *held}))
        if count:
            self._fitting_since = self._fitting_since or time.monotonic()
            patience = GROW_AFTER_S if self._need.grows else self._wait_s
            long = time.monotonic() - self._fitting_since > patience
            if count >= self._wanted or not self._scaled or long:
                return count
            more = f"for {count} {self._need.what}, and waits for {self._wanted}, up to {patience:,g} s"
            self._tell(f"{self._need.stage}: has room {more}")
        else:
            self._fitting_since = None
        if self._scaled:
            self._ask(count)
        if not count:
            self._lack()
        return 0

    def end(self) -> None:
        """Asks for nothing any more."""
        if self._request:
            self._request.withdraw()
            self._request = None

    def _ask(self, there: int) -> None:
        """Asks the autoscaler; for fewer, where it can't start nodes for so many."""
        if self._request is None:
            self._request = Request(self._need.bundles(self._wanted))
        elif self._request.is_refused():
            least = max(self._low, there)
            if self._wanted > least:
                self.end()
                self._high = self._wanted - 1
                self._wanted = (least + self._high) // 2 if self._high > least else least
            elif not there and not self._patient and not groups_of_others({*self._own, self._request.group}):
                self._refuse()

    def _lack(self) -> None:
        room = f"room for {self._need.fewest} {self._need.what}"
        if self._need.fit(alive_nodes().values()):
            self._lacking_since = time.monotonic()
            self._tell(f"{self._need.stage}: waits for {room}, which other jobs hold")
            return
        asked = ", which the autoscaler is asked for" if self._scaled else ""
        if self._patient or self._scaled:
            self._tell(f"{self._need.stage}: waits for {room}{asked}, up to {self._wait_s:,g} s")
        if time.monotonic() - self._lacking_since >= (self._wait_s if self._patient or self._scaled else 0):
            self._refuse()

    def _refuse(self) -> None:
        if self._scaled:
            refused = self._request is not None and self._request.is_refused()
            raise UserError(
                f"cluster.workers: {self._need.stage} needs {_words(self._need.bundles(self._need.fewest))}, and "
                + ("the autoscaler has no nodes for that" if refused else f"no nodes have come in {self._wait_s:,g} s")
                + ": ask for fewer or smaller workers or other cluster.labels, or let it start more or larger nodes"
            )
        self._need.check(alive_nodes().values())
        raise UserError(
            f"cluster.workers: there is no room for {self._need.fewest} {self._need.what} on the nodes there are: ask "
            "for fewer, or add nodes"
        )

    def _tell(self, line: str) -> None:
        if line != self._told:
            self._told = line
            self._say(line)


def _words(bundles: Sequence[Bundle]) -> str:
    """Equal ones together: ``4 × 2 CPU, 1 GPU on nodes with pool: train``."""
    counts: dict[str, int] = {}
    for bundle in bundles:
        has = ", ".join(f"{amount:g} {name}" for name, amount in bundle.resources.items())
        where = ", ".join(f"{key}: {value}" for key, value in bundle.selector.items())
        text = f"{has} on nodes with {where}" if where else has
        counts[text] = counts.get(text, 0) + 1
    return " and ".join(f"{count} × {text}" for text, count in counts.items())


def resources_of_worker(cluster: Cluster) -> dict[str, float]:
    """What a worker takes, as Ray names it."""
    gpus = {"GPU": float(cluster.gpus_per_worker)} if cluster.gpus_per_worker else {}
    return {"CPU": cluster.cpus_per_worker} | gpus
