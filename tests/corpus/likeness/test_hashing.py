"""Hashes of sequences: equal where the sequences are, and only there."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.likeness.hashing import AT_ONCE, mixed, sequence_hashes
from raytrain.corpus.likeness.ragged import offsets_of

RUNS = st.lists(st.lists(st.integers(1, 2**64 - 1) | st.integers(1, 3), min_size=1, max_size=5), max_size=20)


@given(RUNS)
def test_equal_runs_have_equal_hashes_and_others_do_not(runs: list[list[int]]) -> None:
    starts = offsets_of(np.array([len(run) for run in runs], np.int64))[:-1]
    hashes = sequence_hashes(np.array([value for run in runs for value in run], np.uint64), starts)
    pairs = {(tuple(run), int(value)) for run, value in zip(runs, hashes, strict=True)}
    assert len(pairs) == len({run for run, _ in pairs}) == len({value for _, value in pairs})


def test_a_run_hashes_alike_before_and_after_the_cut() -> None:
    run = np.arange(1, 1_000, dtype=np.uint64)
    values = np.tile(run, 3 * AT_ONCE // len(run))
    assert len(np.unique(sequence_hashes(values, np.arange(0, len(values), len(run))))) == 1
    longer = np.concatenate([run, np.ones(2 * AT_ONCE, np.uint64), run])
    hashes = sequence_hashes(longer, np.array([0, len(run), len(longer) - len(run)]))
    assert hashes[0] == hashes[2] == sequence_hashes(values, np.zeros(1, np.int64) + len(values) - len(run))[0]


def test_mixing_is_one_to_one_and_stays_the_same() -> None:
    hashes = mixed(np.arange(100_000, dtype=np.uint64))
    assert len(np.unique(hashes)) == 100_000
    assert hashes[0] == 0xE220A8397B1DCDAF  # the first of SplitMix64 from seed 0, as published
