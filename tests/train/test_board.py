"""What a user is told of a running training."""

from typing import Any

from raytrain.train.board import Board, note

STEP: dict[str, Any] = {"step": 3, "loss": 0.5, "seconds": 0.5, "data_wait_seconds": 0.0}


def test_the_note_of_a_step() -> None:
    assert note(STEP, 64) == "loss 0.5000, 128 pairs/s"
    assert note(STEP | {"data_wait_seconds": 1.5}, 64) == "loss 0.5000, 32 pairs/s, waits for data"
    assert note(STEP | {"checkpoint_seconds": 1.5}, 64) == "loss 0.5000, 32 pairs/s, waits for storage"


def test_skipped_steps_are_told_with_a_loss_and_without() -> None:
    assert note(STEP | {"skipped_steps": 2}, 64) == "loss 0.5000, 128 pairs/s, 2 skipped"
    assert note(STEP | {"skipped_steps": 1, "loss": None}, 64) == "no finite loss, 128 pairs/s, 1 skipped"


def test_the_board_has_the_newest_step_and_keeps_all_warnings() -> None:
    board = Board()
    assert board.newest() == ({}, [])
    assert not board.report(STEP)
    assert board.newest() == (STEP, [])
    board.warn("look")
    board.report(STEP | {"step": 4})
    board.warn("there")
    board.ask_to_end()
    assert board.report(STEP | {"step": 5})
    assert board.newest() == (STEP | {"step": 5}, ["look", "there"])
