"""Weights & Biases without its server: what it leaves on disk."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raytrain.storage import Location
from raytrain.track.config import WandB
from raytrain.track.run import Step, TrackedRun
from raytrain.track.scalars import scalars
from raytrain.track.wandb import WandBRun
from track.tracked import metrics

BLOCK = 32_768
HEADER = 7


def records(file: Path) -> Iterator[bytes]:
    """A log as LevelDB writes it, https://github.com/google/leveldb/blob/main/doc/log_format.md, after 7 bytes."""
    data = file.read_bytes()
    at, record = HEADER, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        record += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):  # full, last
            yield record
            record = b""


def history(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Step and values, as they were logged."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("run-*.wandb")
    found = [Record.FromString(record) for record in records(file)]
    lines = [record.history for record in found if record.WhichOneof("record_type") == "history"]
    return [
        (line.step.num, {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in line.item})
        for line in lines
    ]


def wait_for(folder: Path, steps: int) -> list[tuple[int, dict[str, float]]]:
    """The history, once its writer, a process of its own, has brought it to disk."""
    deadline = time.monotonic() + 60
    while len(found := history(folder)) < steps and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_each_attempt_leaves_its_steps_under_one_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    place = tmp_path / "train" / "0123456789abcdef"
    config = WandB(project="tests", mode="offline")
    for first, last in ((0, 5), (3, 8)):
        run = WandBRun(config, TrackedRun(Location.of(str(place)), "small", {"train": {"lanes": 4}}, first))
        assert run.write([Step(n, 1e9 + n, scalars(metrics(n))) for n in range(first, last)]) == last - first
        run.close(failed=False)
    attempts = sorted((place / "wandb").glob("offline-run-*"))
    assert len(attempts) == 2
    assert not [path for path in (place / "wandb").rglob("*") if path.is_symlink()]
    id = (place / "tracked_as.txt").read_text()
    assert all(folder.name.endswith(f"-{id}") for folder in attempts)
    for folder, (first, last) in zip(attempts, ((0, 5), (3, 8)), strict=True):
        logged = wait_for(folder, last - first)
        assert [step for step, _ in logged] == list(range(first, last))
        for step, values in logged:
            expected = scalars(metrics(step))
            assert {name: values[name] for name in expected} == expected
