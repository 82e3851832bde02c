"""A training run on several nodes of a real Ray, and SIGKILL to parts of it at chosen moments."""

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from operator import attrgetter
from pathlib import Path
from typing import Any

import psutil
import pytest

from processes import start

WORKER = "RayTrainWorker"
PATIENCE_S = 300
NAME = attrgetter("name")
UPLOAD_SEEN_S = 40


@contextmanager
def several_nodes(nodes: int, cpus: int = 1) -> Iterator["Nodes"]:
    """A head with one CPU, where the driver runs, and ``nodes`` others. On ports and in a folder of its own."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="rt-") as temp, pytest.MonkeyPatch.context() as patch:
        # Ray notes the address of such a cluster in its usual folder, and does not make it: /tmp/ray may be missing,
        # or be another user's. So that folder is one of our own here, and in what is started meanwhile.
        patch.setenv("RAY_TMPDIR", temp)
        (Path(temp) / "ray").mkdir()
        # It asks for no token, and a driver that has one all the same must not ask its workers for it.
        patch.delenv("RAY_AUTH_MODE", raising=False)
        patch.setenv("RAY_AUTH_TOKEN", "0" * 32)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "temp_dir": temp})
        found = Nodes(cluster, cpus)
        try:
            for _ in range(nodes):
                found.add()
            yield found
        finally:
            cluster.shutdown()


@dataclass
class Nodes:
    """The nodes of a cluster, that come and go."""

    cluster: Any
    cpus: int

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> None:
        self.cluster.add_node(num_cpus=self.cpus)

    def workers(self) -> list[psutil.Process]:
        """The training workers of all nodes."""
        return [process for node in self.cluster.list_all_nodes() for process in _workers_of(node)]

    def kill_one_with_workers(self) -> bool:
        """SIGKILL to all of a node that trains, as if its plug were pulled."""
        for node in self.cluster.worker_nodes:
            if _workers_of(node):
                self.remove(node)
                return True
        return False

    def give_notice(self) -> Any:
        """Tells Ray that a node that trains will go in a minute, as a cloud does; gives the node, or None."""
        import ray
        from ray._raylet import GcsClient
        from ray.core.generated.autoscaler_pb2 import DRAIN_NODE_REASON_PREEMPTION

        for node in self.cluster.worker_nodes:
            if _workers_of(node):
                deadline = int((time.time() + 60) * 1000)
                client = GcsClient(address=self.address)
                accepted = client.drain_node(node.node_id, DRAIN_NODE_REASON_PREEMPTION, "spot", deadline)
                assert accepted[0] if isinstance(accepted, tuple) else accepted, ray.__version__
                return node
        return None

    def remove(self, node: Any) -> None:
        """The end of a notice."""
        for process in _tree(node):
            process.kill()
        self.cluster.remove_node(node, allow_graceful=False)


def _tree(node: Any) -> list[psutil.Process]:
    found = []
    for kind in node.all_processes.values():
        for info in kind:
            try:
                root = psutil.Process(info.process.pid)
                found += [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
    return found


def _workers_of(node: Any) -> list[psutil.Process]:
    found = []
    for process in _tree(node):
        try:
            if WORKER in " ".join(process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@dataclass
class Torture:
    """Runs a job to its end, while parts of it are killed; tells what was killed and when."""

    nodes: Nodes
    job_file: Path
    train: Path  # the folder of train artifacts
    rng: random.Random
    process: subprocess.Popen[bytes] = field(init=False)
    told: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    delays: Iterator[float] = field(default_factory=lambda: cycle((0, 30)))  # until another node comes

    def begin(self) -> None:
        self.process = start(self.job_file, "train")

    def steps(self) -> int:
        """Steps of the newest committed checkpoint."""
        return max((int(p.parent.name.removeprefix("step-")) for p in self._manifests()), default=0)

    def _manifests(self) -> list[Path]:
        return list(self.train.glob("*/checkpoints/*/manifest.json"))

    def wait(self, happened: Callable[[], Any]) -> bool:
        """Waits for something; False if the run has ended before."""
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < deadline, f"waited in vain after {self.killed}"
            time.sleep(0.05)
        return True

    def at_random(self) -> str:
        """Some time after the next checkpoint. These three give what they have found, or "" if the run has ended."""
        before = self.steps()
        if not self.wait(lambda: self.steps() > before):
            return ""
        time.sleep(self.rng.uniform(0, 1))
        return "random"

    def in_upload(self) -> str:
        """While a checkpoint is on its way: its folder is there, and its manifest is not. Else some time."""

        def half_written() -> bool:
            newest = max(
                (folder for place in self.train.glob("*/checkpoints") for folder in os.scandir(place)), key=NAME
            )
            return bool(files := os.listdir(newest)) and "manifest.json" not in files

        deadline = time.monotonic() + UPLOAD_SEEN_S  # it takes milliseconds, so it may go by unseen
        if not self.wait(lambda: list(self.train.glob("*/checkpoints/*"))):
            return ""
        while not half_written():
            if self.process.poll() is not None:
                return ""
            if time.monotonic() > deadline:
                return "random"
            time.sleep(0.001)
        return "upload"

    def in_resume(self) -> str:
        """When new workers are there that have not made a checkpoint."""
        known = {process.pid for process in self.nodes.workers()}
        if known:
            self._kill_worker()
        if not self.wait(lambda: {process.pid for process in self.nodes.workers()} - known):
            return ""
        time.sleep(self.rng.uniform(0, 3))
        return "resume"

    def kill(self, what: str, moment: str) -> bool:
        """Kills a ``worker``, a ``node`` or the ``driver`` at a moment; False if the run was over before."""
        found = {"random": self.at_random, "upload": self.in_upload, "resume": self.in_resume}[moment]()
        if not found:
            return False
        if {"worker": self._kill_worker, "node": self._kill_node, "driver": self._kill_driver}[what]():
            self.killed.append(f"{what} ({found}) at {self.steps()}")
        return True  # where there was nothing to kill it is not counted

    def _kill_worker(self) -> bool:
        workers = self.nodes.workers()
        if workers:
            self.rng.choice(workers).kill()
        return bool(workers)

    def _kill_node(self) -> bool:
        killed = self.nodes.kill_one_with_workers()
        if killed:
            time.sleep(next(self.delays))
            self.nodes.add()
        return killed

    def _kill_driver(self) -> bool:
        self.process.kill()
        self._end()
        self.begin()
        return True

    def interrupt_after_a_checkpoint(self, kind: signal.Signals) -> None:
        """Ctrl-C or SIGTERM, and the same command again."""
        assert self.wait(self.steps)
        self.process.send_signal(kind)
        self._end()
        assert self.process.returncode == 130, self.told[-1]
        self.begin()

    def finish(self) -> None:
        """Waits for the end."""
        self._end()
        assert self.process.returncode == 0, self.told[-1]

    def _end(self) -> None:
        _, told = self.process.communicate(timeout=PATIENCE_S)
        self.told.append(told.decode())
