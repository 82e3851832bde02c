"""Runs of raytrain as processes, to be killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil


def start(job_file: Path, command: str = "run") -> subprocess.Popen[bytes]:
    """`raytrain run`, or another command, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "raytrain", command, str(job_file)],
        start_new_session=True,
        # Who starts the tests in the background ignores Ctrl-C, and so would all that they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a process and all that it started, Ray's daemons and workers included."""
    tree = psutil.Process(process.pid)
    doomed = [tree, *tree.children(recursive=True)]
    for one in doomed:
        one.send_signal(signal.SIGKILL)
    process.wait()
    psutil.wait_procs(doomed, timeout=30)


def wait_for(root: Path, pattern: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while not list(root.glob(pattern)):
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.05)
