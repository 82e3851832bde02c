"""A real autoscaler starts nodes for a job and ends them afterwards; a node that is killed is replaced."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from heads import Head, running_head
from jobs import small_job, write_corpus

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

TYPES = {
    pool: {"resources": {"CPU": 2}, "labels": {"pool": pool}, "min_workers": 0, "max_workers": most, "node_config": {}}
    for pool, most in (("data", 1), ("train", 2))
}


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with running_head(0, TYPES) as found:
        yield found


def written(folder: Path, cluster: dict[str, Any], **train: Any) -> Path:
    data = small_job(write_corpus(folder / "raw", rows=60), folder / "root", **train)
    labels = {"train": {"pool": "train"}, "data": {"pool": "data"}, "index": {"pool": "train"}}
    data["cluster"] |= {"workers": 2, "cpus_per_worker": 1, "labels": labels, "wait_for_nodes_s": 200, **cluster}
    (folder / "job.yaml").write_text(yaml.safe_dump(data))
    return folder / "job.yaml"


class Watched:
    """A submitted job: each line with the second at which it came, and the nodes that there were."""

    def __init__(self, head: Head, job: Path, stage: str = "train") -> None:
        self.lines: list[tuple[float, str]] = []
        self.nodes: list[tuple[float, list[str]]] = []
        self._head, self._start = head, time.monotonic()
        command = [sys.executable, "-m", "raytrain", "submit", str(job), "--stage", stage, "--address", head.dashboard]
        self._client = subprocess.Popen(
            command, env=head.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._look)]
        for thread in self._threads:
            thread.start()

    def _now(self) -> float:
        return round(time.monotonic() - self._start, 1)

    def _read(self) -> None:
        assert self._client.stdout
        for line in self._client.stdout:
            self.lines.append((self._now(), line.rstrip()))

    def _look(self) -> None:
        while self._client.poll() is None:
            self.seen()
            time.sleep(0.5)

    def seen(self) -> list[str]:
        """The pools of the nodes there are now."""
        pools = sorted(pool for pool, _ in raylets(self._head))
        if not self.nodes or self.nodes[-1][1] != pools:
            self.nodes.append((self._now(), pools))
        return pools

    def until_step(self, step: int) -> None:
        """Waits until the training has made so many steps."""
        while True:
            steps = [int(found[1]) for _, line in self.lines if (found := re.match(r"train: (\d+)/", line))]
            if steps and steps[-1] >= step:
                return
            assert self._client.poll() is None, self.told()
            time.sleep(0.2)

    def end(self) -> int:
        code = self._client.wait()
        for thread in self._threads:
            thread.join()
        return code

    def told(self) -> str:
        return "\n".join([f"{second:6.1f} {line}" for second, line in self.lines] + [f"nodes: {self.nodes}"])


def raylets(head: Head) -> list[tuple[str, psutil.Process]]:
    """The nodes that the autoscaler has started: their pools, and the process that all of a node's are children of."""
    found = []
    for process in head.tree():
        try:
            line = process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if line and line[0].endswith("raylet/raylet"):
            found += [(pool, process) for pool in TYPES if f'--labels={{"pool": "{pool}"}}' in line]
    return found


def test_nodes_come_a_job_runs_and_nodes_go(head: Head, tmp_path: Path) -> None:
    job = Watched(head, written(tmp_path, {}))
    assert job.seen() == []
    assert job.end() == 0, job.told()
    told = job.told()
    print(told)
    assert "prepare: waits for room for 1 tasks that read, which the autoscaler is asked for" in told
    assert "train: waits for room for 2 workers, which the autoscaler is asked for" in told
    assert ["data"] in [pools for _, pools in job.nodes]
    assert ["data", "train"] in [pools for _, pools in job.nodes]
    start = time.monotonic()
    while job.seen():
        assert time.monotonic() - start < 120
        time.sleep(0.5)
    print(f"the last node went {job.nodes[-1][0] - job.lines[-1][0]:.0f} s after the last line")


def test_a_killed_node_is_replaced_and_the_job_ends_right(head: Head, tmp_path: Path) -> None:
    job = Watched(head, written(tmp_path, {"max_failures": 5}, max_steps=400, checkpoint_every=20))
    job.until_step(60)
    (doomed,) = [process for pool, process in raylets(head) if pool == "train"]
    killed = [doomed, *doomed.children(recursive=True)]
    for process in killed:
        process.kill()
    assert job.end() == 0, job.told()
    print(job.told())
    assert "train: 400 steps" in job.lines[-2][1]
    assert "starts them again from the last checkpoint" in job.told() or "goes on elsewhere" in job.told()


def test_what_no_node_can_have_is_refused_at_once(head: Head, tmp_path: Path) -> None:
    for number, (cluster, words) in enumerate(
        (
            ({"workers": 4, "cpus_per_worker": 2}, "4 × 2 CPU on nodes with pool: train and 1 × 1 CPU on nodes with"),
            ({"labels": {"train": {"pool": "gpu"}}}, "2 × 1 CPU on nodes with pool: gpu"),
        )
    ):
        place = tmp_path / str(number)
        place.mkdir()
        job = Watched(head, written(place, cluster))
        assert job.end() == 2, job.told()
        assert f"train needs {words}" in job.lines[-1][1], job.told()
        assert "the autoscaler has no nodes for that" in job.lines[-1][1]
        asked = next(second for second, line in job.lines if "train: waits for room" in line)
        assert job.lines[-1][0] - asked < 30
        print(job.told())
