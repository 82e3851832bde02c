"""What is refused before Ray is asked for what it can't give."""

import pytest

from raytrain.cluster import check_cpus, check_gpus
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
