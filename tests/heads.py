"""A real Ray head of one's own: with token authentication, on loopback, in a folder and on ports of its own."""

import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

FAKE_HEAD = "f" * 51 + "00000"
HEAD_TYPE = "ray.head.default"  # the provider knows it by no other name
HOST = "127.0.0.1"


@dataclass
class Head:
    """A Ray that runs. ``environment`` holds what a client of it needs, the token among it."""

    port: int
    dashboard_port: int
    token: str
    folder: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def gcs(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def dashboard(self) -> str:
        return f"http://{HOST}:{self.dashboard_port}"

    def tree(self) -> list[psutil.Process]:
        """The head and all that it started, the nodes of an autoscaler too."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]


@contextmanager
def running_head(
    cpus: int, autoscaling: Mapping[str, Any] | None = None, mode: Literal["token", "disabled"] = "token"
) -> Iterator[Head]:
    """Starts it, and ends it by its process. ``autoscaling``: node types that a real autoscaler may start here;
    ``mode``: of Ray's authentication."""
    (port, dashboard, agent, agent_grpc), token = _free_ports(4), secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="rt-") as temp:
        folder = Path(temp)
        environment = _clean_environment(token, folder) | {"RAY_AUTH_MODE": mode}
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
        command += [f"--num-cpus={cpus}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
        command += [f"--temp-dir={folder}/ray", f"--node-ip-address={HOST}", "--disable-usage-stats"]
        command += [f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={agent_grpc}"]
        given = dict(environment)
        if autoscaling is not None:
            config = folder / "autoscaling.json"
            config.write_text(json.dumps(_autoscaling(f"{HOST}:{port}", autoscaling)))
            command.append(f"--autoscaling-config={config}")
            given |= {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1", "RAY_enable_autoscaler_v2": "1"}
            given |= {"RAY_CLOUD_INSTANCE_ID": FAKE_HEAD, "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD}
        with (folder / "head.log").open("wb") as log:
            process = subprocess.Popen(command, env=given, stdout=log, stderr=log, start_new_session=True, cwd=folder)
        head = Head(port, dashboard, token, folder, process, environment)
        try:
            _wait_until_up(head)
            yield head
        finally:
            _end(head)


def _clean_environment(token: str, folder: Path) -> dict[str, str]:
    """Ours without Ray's variables, with a home that has no token, and with this Python first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    (folder / "home").mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, [kept.get("PYTHONPATH")])])
    kept["PYTHONPATH"] = paths  # where the autoscaler finds fake_machines
    return kept | {"PATH": path, "HOME": str(folder / "home"), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}


def _autoscaling(gcs: str, types: Mapping[str, Any]) -> dict[str, Any]:
    provider = {
        "type": "external",
        "module": "fake_machines.FakeMachines",
        "gcs_address": gcs,
        "head_node_id": FAKE_HEAD,
        "launch_multiple": True,
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
    }
    lists = ("initialization", "setup", "head_setup", "worker_setup", "head_start_ray", "worker_start_ray")
    head = {"resources": {"CPU": 0}, "max_workers": 0, "node_config": {}}
    return {
        "cluster_name": "test",
        "max_workers": 8,
        "idle_timeout_minutes": 0.4,
        "upscaling_speed": 100,
        "provider": provider,
        "available_node_types": {HEAD_TYPE: head, **types},
        "head_node_type": HEAD_TYPE,
        "auth": {},
        "head_node": {},
        "file_mounts": {},
        "cluster_synced_files": [],
        "file_mounts_sync_continuously": False,
        "rsync_exclude": [],
        "rsync_filter": [],
        **{f"{name}_commands": [] for name in lists},
    }


def _free_ports(many: int) -> list[int]:
    """All of them different, and below those that systems give to whoever connects somewhere: one of these could be
    taken before the head comes to it. Ray's workers have those up to 19,999."""
    with ExitStack() as held:
        found: list[int] = []
        for port in random.SystemRandom().sample(range(20_000, 32_000), 200):  # pytest-randomly seeds the usual one
            with suppress(OSError):
                held.enter_context(socket.create_server((HOST, port)))
                found.append(port)
            if len(found) == many:
                break
        return found


def _wait_until_up(head: Head) -> None:
    import urllib.request

    deadline = time.monotonic() + 120
    while True:
        with suppress(OSError):  # nobody answers yet
            with urllib.request.urlopen(f"{head.dashboard}/api/authentication_mode", timeout=5) as answer:
                assert json.load(answer)["authentication_mode"] == head.environment["RAY_AUTH_MODE"]
            if _nodes(head):
                return
        assert head.process.poll() is None, (head.folder / "head.log").read_text()
        assert time.monotonic() < deadline, (head.folder / "head.log").read_text()
        time.sleep(0.2)


def _nodes(head: Head) -> list[Any]:
    """Those that have come up."""
    import urllib.request

    asked = urllib.request.Request(
        f"{head.dashboard}/nodes?view=summary", headers={"Authorization": f"Bearer {head.token}"}
    )
    with urllib.request.urlopen(asked, timeout=5) as answer:
        found: list[Any] = json.load(answer)["data"]["summary"]
    return found


def _end(head: Head) -> None:
    if head.process.poll() is not None:
        return
    tree = head.tree()
    head.process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(tree, timeout=15)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=15)
