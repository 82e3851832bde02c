"""Event files, read back by TensorBoard's own reader."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raytrain.storage import Location
from raytrain.track import tensorboard
from raytrain.track.run import Step, TrackedRun
from raytrain.track.scalars import scalars
from raytrain.track.tensorboard import TensorBoard
from s3server import S3Server
from track.tracked import metrics


def steps(first: int, last: int, **other: object) -> list[Step]:
    return [Step(n, 1e9 + n, scalars(metrics(n, **other))) for n in range(first, last)]


def run_of(folder: Location, first: int = 0) -> TrackedRun:
    return TrackedRun(folder, "small", {}, first)


def read(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """Tag → (step, seconds since the epoch, value)."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(event.step, event.wall_time, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def fetched(folder: Location, to: Path) -> Path:
    to.mkdir()
    for info in (folder / "tensorboard").list():
        (folder / "tensorboard" / info.path).download(to / info.path)
    return to


def test_events_are_on_disk_while_training_goes_on(tmp_path: Path) -> None:
    board = TensorBoard(run_of(Location.of(str(tmp_path))))
    expected = steps(0, 3)
    assert board.write(expected) == 3
    board.close(failed=False)
    found = read(tmp_path / "tensorboard")
    assert found.keys() == expected[0].scalars.keys()
    for tag, points in found.items():
        assert [(n, time) for n, time, _ in points] == [(step.number, step.time) for step in expected]
        assert [value for *_, value in points] == pytest.approx([step.scalars[tag] for step in expected])


def test_a_run_that_goes_on_shows_no_step_twice(tmp_path: Path) -> None:
    """The first attempt died after step 6; the checkpoint was of step 4."""
    folder = Location.of(str(tmp_path))
    for first, last, rate in ((0, 7, 1.0), (4, 9, 2.0)):
        board = TensorBoard(run_of(folder, first))
        board.write(steps(first, last, learning_rate=rate))
        board.close(failed=False)
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2
    rates = read(tmp_path / "tensorboard")["learning_rate"]
    assert [(step, value) for step, _, value in rates] == [(n, 1.0 if n < 4 else 2.0) for n in range(9)]


def test_an_object_store_has_the_events_of_all_attempts(s3: S3Server, tmp_path: Path) -> None:
    folder = Location.of(f"s3://{s3.bucket()}/train/0123")
    for first, last in ((0, 5), (3, 8)):
        board = TensorBoard(run_of(folder, first))
        board.write(steps(first, last - 1))
        board.flush()
        board.write(steps(last - 1, last))
        board.close(failed=False)
    losses = read(fetched(folder, tmp_path / "events"))["loss"]
    assert [(step, value) for step, _, value in losses] == [(n, n + 0.5) for n in range(8)]


def test_large_event_files_are_sent_once(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "ROLL_BYTES", 0)
    folder = Location.of(f"s3://{s3.bucket()}/train/0123")
    board = TensorBoard(run_of(folder))
    for n in range(3):
        board.write(steps(n, n + 1))
        board.flush()
        assert len(board._files()) == 1
    board.close(failed=False)
    assert len((folder / "tensorboard").list()) == 4
    losses = read(fetched(folder, tmp_path / "events"))["loss"]
    assert [step for step, *_ in losses] == [0, 1, 2]
