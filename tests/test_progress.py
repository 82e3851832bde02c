"""Progress in a log."""

import pytest

from raytrain.progress import counting, time_left


def test_lines_say_how_far_and_how_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("raytrain.progress.time.monotonic", lambda: now[0])
    with counting("train", "steps", 1_000, 10) as advance:
        advance(0, "starting")
        for seconds, steps in ((30, 1), (1, 1), (60, 59), (1, 1), (1, 928)):
            now[0] += seconds
            advance(steps, "loss 1")
    assert capsys.readouterr().err.splitlines() == [
        "train: 10/1,000 steps starting",
        "train: 11/1,000 steps loss 1",
        "train: 71/1,000 steps loss 1, 0:15:44 left",
        "train: 1,000/1,000 steps loss 1",
    ]


def test_no_pace_is_no_guess() -> None:
    assert time_left(0.0, 0, 10) == time_left(5.0, 5, 0) == ""
    assert time_left(60.0, 1, 100) == ", 1:40:00 left"
