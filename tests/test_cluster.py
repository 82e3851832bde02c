"""What is refused before Ray is asked for what it can't give."""

import subprocess
import sys
import threading
import time
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from heads import running_head
from raytrain.cluster import _checked
from raytrain.config import Cluster
from raytrain.errors import UserError
from raytrain.node_labels import NodeLabels
from raytrain.nodes import (
    Node,
    alive_nodes,
    check_cpus,
    check_gpus,
    check_workers,
    free_nodes,
    workers_that_fit,
)


def test_workers_must_leave_a_cpu_for_data() -> None:
    check_cpus(Cluster(workers=2, cpus_per_worker=0.5), [2])
    with pytest.raises(UserError, match="leave 0 CPUs of 2"):
        check_cpus(Cluster(workers=2, cpus_per_worker=1.0), [2])


def test_what_workers_leave_must_be_on_one_node() -> None:
    with pytest.raises(UserError, match=r"leave 0\.5 CPUs of 4 on one machine"):
        check_cpus(Cluster(workers=2, cpus_per_worker=1.5), [2, 2])
    with pytest.raises(UserError, match="do not fit"):
        check_cpus(Cluster(workers=2, cpus_per_worker=2), [3])


def test_gpus_must_be_there() -> None:
    check_gpus(Cluster(workers=2), 0)
    with pytest.raises(UserError, match="2 workers × 1 GPUs are more than the 1"):
        check_gpus(Cluster(workers=2, gpus_per_worker=1), 1)


def test_a_range_is_two_numbers_in_order() -> None:
    assert (Cluster(workers=[1, 3]).fewest_workers, Cluster(workers=[1, 3]).most_workers) == (1, 3)
    assert (Cluster(workers=2).fewest_workers, Cluster(workers=2).most_workers) == (2, 2)
    for wrong in ([3, 1], [1], [1, 2, 3], [0, 2], []):
        with pytest.raises(ValidationError):
            Cluster(workers=wrong)


def test_as_many_workers_as_there_is_room_for() -> None:
    cluster = Cluster(workers=[1, 4], cpus_per_worker=2)
    fit = {
        cpus: workers_that_fit(cluster, [Node({"CPU": float(cpu)}) for cpu in cpus])
        for cpus in ((2,), (3,), (2, 3), (9,))
    }
    assert fit == {(2,): 0, (3,): 1, (2, 3): 2, (9,): 4}
    with_gpus = Cluster(workers=[1, 4], cpus_per_worker=2, gpus_per_worker=1)
    assert workers_that_fit(with_gpus, [Node({"CPU": 9.0, "GPU": 2.0}), Node({"CPU": 9.0})]) == 2
    assert workers_that_fit(Cluster(workers=[2, 4], cpus_per_worker=2), [Node({"CPU": 3.0})]) == 0


@given(st.lists(st.integers(0, 8), min_size=1, max_size=5), st.integers(1, 3), st.integers(1, 6))
def test_what_fits_passes_the_check_and_more_nodes_never_hold_fewer(cpus: list[int], each: int, most: int) -> None:
    cluster = Cluster(workers=[1, most], cpus_per_worker=each)
    nodes = [Node({"CPU": float(cpu)}) for cpu in cpus]
    fit = workers_that_fit(cluster, nodes)
    assert workers_that_fit(cluster, [*nodes, Node({"CPU": 4.0})]) >= fit
    if fit:
        check_cpus(Cluster(workers=fit, cpus_per_worker=each), cpus)
    else:
        with pytest.raises(UserError):
            check_cpus(cluster, cpus)


def test_what_other_jobs_hold_is_not_free(local_ray: None) -> None:
    import ray
    from ray.util import placement_group, remove_placement_group

    def cpus(own: list[str]) -> float:
        return sum(node.resources["CPU"] for node in free_nodes(own))

    there = sum(node.resources["CPU"] for node in alive_nodes().values())
    assert cpus([]) == there
    group = placement_group([{"CPU": 0.5}, {"CPU": 0.25}])
    ray.get(group.ready())
    assert cpus([]) == there - 0.75
    assert cpus([group.id.hex()]) == there
    waiting = placement_group([{"CPU": 1_000.0}])  # holds nothing
    assert cpus([group.id.hex()]) == there
    for one in (group, waiting):
        remove_placement_group(one)
    deadline = time.monotonic() + 30
    while cpus([]) != there:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_workers_wait_for_the_room_that_other_jobs_hold(local_ray: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray.util import placement_group, remove_placement_group

    from raytrain import placing
    from raytrain.placing import place_workers, waits_for_room

    (there,) = (node.resources["CPU"] for node in alive_nodes().values())
    cluster = Cluster(workers=[1, 2], cpus_per_worker=(there - 1) / 2)
    told: list[str] = []
    assert place_workers(cluster, [], told.append, patient=False) == 2
    group = placement_group([{"CPU": there}])
    ray.get(group.ready())
    waited = []
    threading.Timer(1.5, lambda: waited.append(waits_for_room())).start()
    threading.Timer(2.5, lambda: remove_placement_group(group)).start()
    assert place_workers(cluster, [], told.append, patient=False) == 2
    assert waited == [True]
    assert not waits_for_room()
    monkeypatch.setattr(placing, "_looked_at", [time.monotonic() - placing.STALE_S])  # Ray gives no answer any more
    assert not waits_for_room()
    chosen = "train: 2 workers of 1 to 2"
    assert told == [chosen, "train: waits for room for 1 workers, which other jobs hold", chosen]
    too_many = Cluster(workers=3, cpus_per_worker=there, wait_for_nodes_s=2)
    for patient in (False, True):  # nodes that went may come again
        told.clear()
        with pytest.raises(UserError, match="do not fit into"):
            place_workers(too_many, [], told.append, patient)
        assert told == ["train: waits for room for 3 workers, up to 2 s"] * patient


def labelled_nodes() -> list[Node]:
    return [
        Node({"CPU": 4.0}, {"pool": "data"}),
        Node({"CPU": 2.0, "GPU": 2.0}, {"pool": "train", "ray.io/market-type": "spot"}),
        Node({"CPU": 2.0, "GPU": 2.0}, {"pool": "train"}),
    ]


def test_label_selectors_are_read_as_ray_reads_them() -> None:
    data, spot, firm = labelled_nodes()
    found = {
        "data": [data],
        "!data": [spot, firm],
        "in(data, train)": [data, spot, firm],
        "!in(data, other)": [spot, firm],
        "other": [],
    }
    for value, right in found.items():
        assert [node for node in (data, spot, firm) if node.has({"pool": value})] == right
    assert [node for node in (data, spot, firm) if node.has({"ray.io/market-type": "!spot"})] == [data, firm]
    assert all(node.has({}) for node in (data, spot, firm))


def test_workers_and_tasks_that_read_fit_where_their_labels_are() -> None:
    def fit(**labels: dict[str, str]) -> int:
        cluster = Cluster(workers=[1, 9], gpus_per_worker=1, labels=NodeLabels(**labels))
        return workers_that_fit(cluster, labelled_nodes())

    assert fit() == 4
    assert fit(train={"pool": "train"}, data={"pool": "data"}) == 4
    assert fit(train={"pool": "train", "ray.io/market-type": "!spot"}, data={"pool": "data"}) == 2
    assert fit(train={"pool": "train"}, data={"pool": "train"}) == 3  # one of four CPUs reads
    assert fit(train={"pool": "data"}) == 0


def test_labels_that_no_node_has_are_named() -> None:
    def check(workers: int, **labels: dict[str, str]) -> None:
        check_workers(Cluster(workers=workers, gpus_per_worker=1, labels=NodeLabels(**labels)), labelled_nodes())

    check(4, train={"pool": "train"}, data={"pool": "data"})
    with pytest.raises(UserError, match=r"cluster\.labels\.train: no node has pool: gpu"):
        check(1, train={"pool": "gpu"})
    with pytest.raises(UserError, match=r"cluster\.labels\.data: no node has pool: read"):
        check(1, data={"pool": "read"})
    with pytest.raises(UserError, match=r"5 workers × 1 CPUs and 1 GPUs and a CPU for reading data do not fit"):
        check(5, train={"pool": "train"}, data={"pool": "data"})


CONNECTS = """
import ray
from ray._private.authentication.authentication_utils import is_token_auth_enabled
from raytrain.cluster import running_ray
from raytrain.config import Cluster
from raytrain.errors import UserError
try:
    running_ray(Cluster(address="{}"))
except UserError as error:
    raise SystemExit(str(error))
print("token" if is_token_auth_enabled() else "disabled", ray.get(ray.remote(lambda: 7).remote(), timeout=60))
"""


def connected(environment: dict[str, str], address: str) -> subprocess.CompletedProcess[str]:
    """A driver that connects to a Ray and asks it for something."""
    command = [sys.executable, "-c", CONNECTS.format(address)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150)


@pytest.mark.parametrize("mode", ["disabled", "token"])
def test_authentication_is_on_if_the_ray_at_the_address_has_it_on(mode: Literal["token", "disabled"]) -> None:
    """With a token at hand and nothing said, however the address is given. What it would do elsewhere is seen in
    test_torture.py."""
    with running_head(cpus=1, mode=mode) as head:
        environment = {name: value for name, value in head.environment.items() if name != "RAY_AUTH_MODE"}
        found = connected(environment | {"RAY_ADDRESS": head.gcs}, "auto")
        assert found.stdout.split()[-2:] == [mode, "7"], found.stderr
        if mode == "disabled":
            found = connected(environment, head.gcs)
            assert found.stdout.split()[-2:] == [mode, "7"], found.stderr
            found = connected(environment | {"RAY_AUTH_MODE": "token"}, head.gcs)
            assert "asks for no token, and RAY_AUTH_MODE=token is set here" in found.stderr
            assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "head", "http://127.0.0.1:8265"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(UserError, match=r"^cluster\.address: "):
        _checked(address)
