"""What is refused before Ray is asked for what it can't give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from raytrain.cluster import check_cpus, check_gpus, workers_that_fit
from raytrain.config import Cluster
from raytrain.errors import UserError


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
        cpus: workers_that_fit(cluster, [{"CPU": float(cpu)} for cpu in cpus]) for cpus in ((2,), (3,), (2, 3), (9,))
    }
    assert fit == {(2,): 0, (3,): 1, (2, 3): 2, (9,): 4}
    with_gpus = Cluster(workers=[1, 4], cpus_per_worker=2, gpus_per_worker=1)
    assert workers_that_fit(with_gpus, [{"CPU": 9.0, "GPU": 2.0}, {"CPU": 9.0}]) == 2
    assert workers_that_fit(Cluster(workers=[2, 4], cpus_per_worker=2), [{"CPU": 3.0}]) == 0


@given(st.lists(st.integers(0, 8), min_size=1, max_size=5), st.integers(1, 3), st.integers(1, 6))
def test_what_fits_passes_the_check_and_more_nodes_never_hold_fewer(cpus: list[int], each: int, most: int) -> None:
    cluster = Cluster(workers=[1, most], cpus_per_worker=each)
    nodes = [{"CPU": float(cpu)} for cpu in cpus]
    fit = workers_that_fit(cluster, nodes)
    assert workers_that_fit(cluster, [*nodes, {"CPU": 4.0}]) >= fit
    if fit:
        check_cpus(Cluster(workers=fit, cpus_per_worker=each), cpus)
    else:
        with pytest.raises(UserError):
            check_cpus(cluster, cpus)
