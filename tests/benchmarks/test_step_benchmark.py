"""The benchmarks of the step: their rows, their turns, their line."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from real_pairs import LENGTHS, Batches, make_task, read_pairs, small_bert
from step_memory import line
from turns import Turns, playing


def write_pairs(folder: Path) -> None:
    names = ("question", "answer")
    many = [[f"what is number {n}", f"number {n} is {n * n} squared"] for n in range(40)]
    shared = [["what is this", "one"], ["what is this", "two"], ["which is first", "one"], ["which is third", "three"]]
    for language, rows in (("eng", many), ("deu", shared)):
        pq.write_table(pa.table(list(zip(*rows, strict=True)), names), folder / f"{language}.parquet")


class Counting:
    """A trainer whose steps do nothing."""

    def train(self, turns: Turns) -> None:
        go_on = turns.begin()
        while go_on:
            go_on = turns.go_on()


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Batches:
    pairs, folder = tmp_path_factory.mktemp("pairs"), tmp_path_factory.mktemp("task")
    write_pairs(pairs)
    return make_task(pairs, folder, small_bert(0.0, LENGTHS), 512, distinct=True).batches(10)


def test_languages_are_file_names(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    rows = read_pairs(tmp_path)
    assert rows.column("language").to_pylist() == ["deu"] * 4 + ["eng"] * 40
    assert len(set(rows.column("id").to_pylist())) == 44


def test_rows_that_share_a_text_are_left_out(batches: Batches) -> None:
    assert "which is third" in batches.rows.column("question").to_pylist()
    assert {"what is this", "which is first"}.isdisjoint(batches.rows.column("question").to_pylist())


def test_batches_are_the_rows_in_order_and_come_again(batches: Batches) -> None:
    whole = [batches.batch(step) for step in range(5)]
    ids = [batch.ids for batch in whole]
    assert [key for part in ids[:4] for key in part] == batches.rows.column("id").to_pylist()[:40]
    assert ids[4] == ids[0]
    np.testing.assert_array_equal(
        batches.lengths(1), np.concatenate([whole[1].queries.lengths, whole[1].passages.lengths])
    )


def test_turns_are_taken_and_end() -> None:
    with playing([Counting(), Counting()], threads=1) as players:
        turns = [player.turn(steps) for steps in (1, 3) for player in players]
    assert all(turn.seconds > 0 and turn.peak >= turn.before > 0 for turn in turns)


def test_the_line_goes_through_both_points() -> None:
    a, b = line((256, 1_024), (100.0, 112.0))
    assert a + b * 256 == pytest.approx(100)
    assert a + b * 8_192 == pytest.approx(100 + 12 * (8_192 - 256) / 768)
