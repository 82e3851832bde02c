"""Files appear complete or not at all, and put_if_absent has one winner."""

import concurrent.futures
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from raytrain.storage import Location

_WRITERS = 16

_PROCESSES = """
import os, sys
from raytrain.storage import Location
location, writers = Location.of(sys.argv[1]), int(sys.argv[2])
start_read, start_write = os.pipe()
for number in range(writers):
    if os.fork() == 0:
        os.close(start_write)
        os.read(start_read, 1)  # returns when the parent closes its end: all start at once
        won = location.put_if_absent(f"writer {number:02} ".encode() * 50_000)
        os.write(1, f"{number} {won}\\n".encode())
        os._exit(0)
os.close(start_read)
os.close(start_write)
for _ in range(writers):
    os.wait()
"""

_SLOW_WRITES = """
import itertools, sys
from raytrain.storage import Location
folder = Location.of(sys.argv[1])
print("ready", flush=True)
for number in itertools.count():
    data = bytes([97 + number % 26]) * (8 << 20)
    (folder / "replaced").write_bytes(data)
    (folder / f"new-{number}").put_if_absent(data)
    (folder / f"new-{number}").delete()
"""


def test_the_first_write_stays(strict_place: Location) -> None:
    file = strict_place / "a/b"
    assert file.put_if_absent(b"first")
    assert not file.put_if_absent(b"second")
    assert file.read_bytes() == b"first"
    file.delete()
    assert file.put_if_absent(b"third")


def test_one_of_many_threads_wins(strict_place: Location) -> None:
    file = strict_place / "commit"
    together = threading.Barrier(_WRITERS)

    def write(number: int) -> bool:
        together.wait()
        return file.put_if_absent(f"writer {number:02} ".encode() * 5000)

    with concurrent.futures.ThreadPoolExecutor(_WRITERS) as pool:
        won = list(pool.map(write, range(_WRITERS)))
    assert won.count(True) == 1
    assert file.read_bytes() == f"writer {won.index(True):02} ".encode() * 5000
    assert len(strict_place.list()) == 1


def test_one_of_many_processes_wins(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "commit"
    command = [sys.executable, "-c", _PROCESSES, str(file), str(_WRITERS)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    winners = [line.split()[0] for line in output.splitlines() if line.endswith("True")]
    assert len(output.splitlines()) == _WRITERS
    assert len(winners) == 1
    assert file.read_text() == f"writer {int(winners[0]):02} " * 50_000
    assert os.listdir(file.parent) == ["commit"]


def test_readers_never_see_a_part(strict_place: Location) -> None:
    file = strict_place / "x"
    contents = [bytes([letter]) * 300_000 for letter in b"ab"]
    file.write_bytes(contents[0])
    done = threading.Event()

    def write() -> None:
        for number in range(40):
            file.write_bytes(contents[number % 2])
        done.set()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        while not done.is_set() and not writer.done():
            assert file.read_bytes() in contents
        writer.result()


def test_a_killed_writer_leaves_no_part(tmp_path: Path) -> None:
    for _ in range(3):
        command = [sys.executable, "-c", _SLOW_WRITES, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0.05, 0.4))
            process.send_signal(signal.SIGKILL)
        for info in Location.of(str(tmp_path)).list():
            content = (tmp_path / info.path).read_bytes()
            assert len(content) == 8 << 20
            assert content == content[:1] * len(content)


def test_a_lost_answer_does_not_lose_the_win(s3_place: Location, s3: Any) -> None:
    file = s3_place / "commit"
    assert not s3_place.exists()  # the connection is made
    s3.misbehave("lost-answer", 1)
    assert file.put_if_absent(b"mine")
    assert not file.put_if_absent(b"other")
    assert file.read_bytes() == b"mine"


def test_a_conflict_is_tried_again(s3_place: Location, s3: Any) -> None:
    file = s3_place / "commit"
    assert not s3_place.exists()
    s3.misbehave("conflict", 3)
    assert file.put_if_absent(b"mine")
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize("taken_by", ["file", "folder"])
def test_anything_there_already_is_enough_to_lose(tmp_path: Path, taken_by: str) -> None:
    taken = tmp_path / "x"
    taken.mkdir() if taken_by == "folder" else taken.write_bytes(b"")
    assert not Location.of(str(taken)).put_if_absent(b"1")
    assert os.listdir(tmp_path) == ["x"]
