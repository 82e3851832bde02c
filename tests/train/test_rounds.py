"""Rounds: each step once and in order, short ones first, blocks of one length."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from raytrain.train.rounds import BLOCK_ROWS, Rounds

SIZES = st.integers(1, 10_000)


@given(st.integers(0, 10**7), st.integers(0, 5_000), SIZES, st.integers(1, 64), SIZES)
def test_rounds_hold_each_step_once_and_in_order(first: int, steps: int, step_rows: int, world: int, rows: int) -> None:
    rounds = Rounds.of(first, first + steps, step_rows=step_rows, world_size=world, rows=rows)
    blocks = [block for number in range(len(rounds)) for block in rounds.steps(number)]
    assert [step for block in blocks for step in block] == list(range(first, first + steps))
    assert all(len(block) == rounds.block_steps for block in blocks[:-1])
    assert all(1 <= len(block) <= rounds.block_steps for block in blocks)
    assert rounds.block_rows == rounds.block_steps * step_rows


@given(st.integers(0, 5_000), SIZES, st.integers(1, 64), st.integers(1, 10**6))
def test_rounds_double_up_to_their_length(steps: int, step_rows: int, world: int, rows: int) -> None:
    rounds = Rounds.of(0, steps, step_rows=step_rows, world_size=world, rows=rows)
    lengths = [len(rounds.steps(number)) for number in range(len(rounds))]
    assert all(length == min(2**number, rounds.blocks) for number, length in enumerate(lengths[:-1]))
    assert all(a <= b for a, b in pairwise(lengths[:-1]))


@given(SIZES, st.integers(1, 64), st.integers(1, 10**6))
def test_a_round_is_no_longer_than_asked_unless_a_step_is(step_rows: int, world: int, rows: int) -> None:
    rounds = Rounds.of(0, 10**9, step_rows=step_rows, world_size=world, rows=rows)
    assert rounds.blocks * world * rounds.block_rows <= max(rows, world * step_rows)
    assert rounds.block_rows <= max(BLOCK_ROWS, step_rows)


def test_the_usual_case() -> None:
    """Batches of 1,024 on two workers: the first round has 8 steps, later ones 64."""
    rounds = Rounds.of(100, 1_000, step_rows=512, world_size=2, rows=65_536)
    assert (rounds.block_steps, rounds.block_rows, rounds.blocks) == (8, 4_096, 8)
    assert rounds.steps(0) == [range(100, 108)]
    assert rounds.steps(1) == [range(108, 116), range(116, 124)]
    assert sum(map(len, rounds.steps(3))) == sum(map(len, rounds.steps(4))) == 64
    assert len(Rounds.of(5, 5, step_rows=512, world_size=2, rows=65_536)) == 0


def test_the_last_round_of_ten_million_steps_is_found_at_once() -> None:
    rounds = Rounds.of(0, 10**7, step_rows=512, world_size=2, rows=65_536)
    assert len(rounds) == 3 + -(-(10**7 // 8 - 7) // 8)
    assert rounds.steps(len(rounds) - 1)[-1].stop == 10**7


def test_rounds_and_blocks_of_long_rows_are_short() -> None:
    short, long = (Rounds.of(0, 10**6, step_rows=64, world_size=2, rows=65_536, row_bytes=n) for n in (450, 32_768))
    assert short == Rounds.of(0, 10**6, step_rows=64, world_size=2, rows=65_536)
    assert long.block_rows * 32_768 == 8 << 20
    assert long.block_rows * 2 * long.blocks * 32_768 == 256 << 20
