"""What the driver does while workers train, with a real actor between them."""

import time

import pytest

from raytrain.train import watch as module
from raytrain.train.board import Board
from raytrain.train.watch import watch

STEP = {"step": 3, "loss": 0.5, "seconds": 0.5, "data_wait_seconds": 0.0}


def test_a_look_that_fails_is_told_once_and_does_not_end_the_watching(
    local_ray: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import ray

    monkeypatch.setattr(module, "POLL_S", 0.02)
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    monkeypatch.setattr("raytrain.progress.LINE_EVERY_S", 0.0)
    looks: list[int] = []

    def wish() -> str:
        looks.append(1)
        if len(looks) < 4:
            raise RuntimeError("the table of nodes can't be read")
        return "enough" if len(looks) == 6 else ""

    board = ray.remote(num_cpus=0)(Board).remote()
    told: list[str] = []
    with watch(board, 10, 0, 4, wish, told.append):
        deadline = time.monotonic() + 60
        while not ray.get(board.report.remote(STEP)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        ray.get(board.warn.remote("track: at the very end"))
    assert told == ["train: the table of nodes can't be read; looks again", "train: enough: ends with a checkpoint"]
    assert len(looks) == 6  # a reason is enough
    shown = capsys.readouterr().err
    assert "track: at the very end\n" in shown
    assert "train: 4/10 steps loss 0.5000" in shown


def test_long_waits_are_told(
    local_ray: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import ray

    monkeypatch.setattr(module, "POLL_S", 0.02)
    monkeypatch.setattr(module, "STILL_S", 0.2)
    monkeypatch.setattr("raytrain.progress.LINE_EVERY_S", 0.1)
    board = ray.remote(num_cpus=0)(Board).remote()
    ray.get(board.newest.remote())
    with watch(board, 10, 0, 4, lambda: "", print):
        time.sleep(1)
        ray.get(board.report.remote(STEP))
        time.sleep(1)
    shown = capsys.readouterr().err
    assert "train: 0/10 steps waits for the workers, since " in shown
    assert "train: 4/10 steps waits for a step, since " in shown
