"""Training across two nodes in network namespaces of their own, over a link that is cut for a while.

Needs root and iproute2. The namespaces are this test's own, and so are the addresses in them.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from jobs import small_job, write_corpus

CUT_S = 20
HEAD, OTHER = "10.77.0.1", "10.77.0.2"
PORT = 6479

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(1_200),
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A bridge with a port for each of two nodes: what is cut is the port, as a switch would."""

    def __init__(self) -> None:
        mark = f"rt{os.getpid()}"
        self.bridge, self.nodes = f"{mark}-b", (f"{mark}-0", f"{mark}-1")
        for name in (self.bridge, *self.nodes):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.bridge, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.bridge, "link", "set", "bridge", "up")
        for number, (node, address) in enumerate(zip(self.nodes, (HEAD, OTHER), strict=True)):
            port = f"port{number}"
            ip("-n", self.bridge, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node)
            ip("-n", self.bridge, "link", "set", port, "master", "bridge", "up")
            ip("-n", node, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", node, "link", "set", "eth0", "up")

    def cut(self) -> None:
        ip("-n", self.bridge, "link", "set", "port1", "down")

    def mend(self) -> None:
        ip("-n", self.bridge, "link", "set", "port1", "up")

    def close(self) -> None:
        for name in (*self.nodes, self.bridge):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@contextlib.contextmanager
def process(node: str, words: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a namespace, with a session of its own, ended with all that it started."""
    # Which interface gloo takes is to be said where a host's name leads to none that others reach.
    own = {"GLOO_SOCKET_IFNAME": "eth0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(log.parent / "token")}
    environment = {**os.environ, **own, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    with log.open("wb") as out:
        started = subprocess.Popen(
            ["ip", "netns", "exec", node, *words],
            start_new_session=True,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGTERM)
            try:
                started.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()


def steps_done(root: Path) -> int:
    found = [int(place.name.split("-")[1]) for place in root.glob("train/*/checkpoints/step-*") if place.is_dir()]
    return max(found, default=0)


def wait_until(what, seconds: float, train: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert train.poll() is None, log.read_text()[-3_000:]
        assert time.monotonic() < deadline, log.read_text()[-3_000:]
        time.sleep(0.2)


def test_a_link_that_is_cut_for_a_while_is_waited_for(tmp_path: Path) -> None:
    write_corpus(tmp_path / "raw", rows=600)
    (tmp_path / "token").write_text(secrets.token_hex(32))
    (tmp_path / "token").chmod(0o600)
    job = small_job(tmp_path / "raw", tmp_path / "root", max_steps=300, checkpoint_every=20)
    # One node has room for a worker and a task that reads, the other for a worker: they must work together.
    job["cluster"] = {"workers": 2, "cpus_per_worker": 2, "threads_per_worker": 1, "address": f"{HEAD}:{PORT}"}
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(job))
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
    with contextlib.ExitStack() as stack:
        network = Network()
        stack.callback(network.close)
        temp = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rtn-", ignore_cleanup_errors=True)))
        here = ["--head", f"--node-ip-address={HEAD}", f"--port={PORT}", "--num-cpus=3", "--include-dashboard=false"]
        there = [f"--address={HEAD}:{PORT}", f"--node-ip-address={OTHER}", "--num-cpus=2"]
        for node, words in zip(network.nodes, ([*here, f"--temp-dir={temp}"], there), strict=True):
            said = tmp_path / f"{node}.log"
            began = stack.enter_context(process(node, [*ray, *words], said))
            wait_until(lambda said=said: "Ray runtime started" in said.read_text(), 120, began, said)
        log = tmp_path / "train.log"
        command = [sys.executable, "-m", "raytrain", "train", str(file)]
        train = stack.enter_context(process(network.nodes[0], command, log))
        wait_until(lambda: steps_done(tmp_path / "root") >= 40, 240, train, log)
        network.cut()
        began = time.monotonic()
        at_cut = steps_done(tmp_path / "root")
        time.sleep(CUT_S)
        meanwhile = steps_done(tmp_path / "root")
        network.mend()
        wait_until(lambda: steps_done(tmp_path / "root") > meanwhile or train.poll() is not None, 240, train, log)
        print(f"cut at step {at_cut} for {CUT_S} s, next checkpoint {time.monotonic() - began - CUT_S:.1f} s after")
        train.wait(300)
        assert train.returncode == 0, log.read_text()[-3_000:]
        assert meanwhile - at_cut <= 20  # neither could go on alone: at most a checkpoint that was being written
    (manifest,) = (tmp_path / "root").glob("train/*/manifest.json")
    summary = json.loads(manifest.read_text())["summary"]
    assert (summary["steps"], summary["workers"], summary["skipped"]) == (300, 2, 0)

    alone = {**job, "root": str(tmp_path / "alone"), "cluster": {"workers": 2, "local_cpus": 4, "cpus_per_worker": 1}}
    file.write_text(yaml.safe_dump(alone))
    subprocess.run([sys.executable, "-m", "raytrain", "train", str(file)], check=True, capture_output=True)
    (manifest,) = (tmp_path / "alone").glob("train/*/manifest.json")
    assert json.loads(manifest.read_text())["summary"]["model_sha256"] == summary["model_sha256"]
