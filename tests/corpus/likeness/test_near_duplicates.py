"""Near duplicates against the definition, every pair of a group; and yet no large group is compared pair by pair."""

import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.corpus.likeness.near_duplicates import MISSED, NO_KEY, band_keys, bands_for, has_earlier_duplicate
from raytrain.corpus.likeness.normal_form import Words
from raytrain.corpus.likeness.ragged import offsets_of
from raytrain.corpus.likeness.shingles import Sets, jaccard, sets_of, shingles

Row = list[int]
THRESHOLDS = st.sampled_from([0.1, 0.3, 0.5, 2 / 3, 0.7, 0.75, 0.8, 0.9, 1.0])


@dataclass(frozen=True)
class Member:
    """One row in one group."""

    group: int
    rank: int
    row: Row


@st.composite
def memberships(draw: st.DrawFn) -> list[Member]:
    """Rows that come of a few, some values changed or added: so many are near each other, just above or below."""
    value = st.integers(0, draw(st.integers(2, 25)))
    origins = draw(st.lists(st.lists(value, max_size=16), min_size=1, max_size=3))
    changes = st.lists(st.tuples(st.integers(0, 20), value), max_size=3)
    members = []
    for _ in range(draw(st.integers(0, 25))):
        row = list(draw(st.sampled_from(origins)))
        for place, new in draw(changes):
            row[place : place + 1] = [new]
        members.append(Member(draw(st.integers(0, 2)), draw(st.integers(0, 15)), row))
    return members


def made(rows: list[Row]) -> Sets:
    values = np.array([value for row in rows for value in row], np.uint64)
    return sets_of(values, offsets_of(np.array([len(row) for row in rows], np.int64)))


def near(one: Row, other: Row, threshold: float) -> bool:
    a, b = set(one), set(other)
    return bool(a and b) and len(a & b) / len(a | b) >= threshold


@settings(max_examples=200)
@given(memberships(), THRESHOLDS)
def test_earlier_duplicates_are_those_of_the_definition(members: list[Member], threshold: float) -> None:
    groups = np.array([member.group for member in members], np.int64)
    ranks = np.array([member.rank for member in members], np.int64)
    expected = [
        any(y.group == x.group and y.rank < x.rank and near(x.row, y.row, threshold) for y in members) for x in members
    ]
    sets = made([member.row for member in members])
    assert has_earlier_duplicate(groups, ranks, sets, threshold).tolist() == expected


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0])
def test_bands_miss_few_at_the_threshold(threshold: float) -> None:
    bands, rows = bands_for(threshold)
    assert (1 - threshold**rows) ** bands <= MISSED
    assert bands * rows <= 256


def test_bands_of_the_default() -> None:
    assert bands_for(0.8) == (11, 4)


def planted(rng: np.random.Generator, pairs: int, both: int, only: tuple[int, int]) -> Sets:
    """Pairs of sets, one after the other, with so many values in common and so many of one side's own."""
    values = rng.integers(0, 2**64, (pairs, both + sum(only)), dtype=np.uint64)
    sides = np.hstack([values[:, : both + only[0]], values[:, :both], values[:, both + only[0] :]])
    counts = np.tile([both + only[0], both + only[1]], pairs)
    return sets_of(sides.reshape(-1), offsets_of(counts))


def shares_a_band(sets: Sets, threshold: float) -> npt.NDArray[np.bool_]:
    keys = band_keys(sets, threshold)
    return np.asarray((keys[::2] == keys[1::2]).any(axis=1))


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("size", [4, 10, 40, 200])
def test_pairs_at_the_threshold_and_above_share_a_band(threshold: float, size: int) -> None:
    rng = np.random.default_rng(size)
    for own in {*range(10), size // 9, size // 5, size // 3} & set(range(size)):
        if (size - own) / (size + own) >= threshold:
            assert shares_a_band(planted(rng, 1_000, size - own, (own, own)), threshold).mean() >= 0.99


def test_pairs_far_below_share_no_band() -> None:
    rng = np.random.default_rng(3)
    assert shares_a_band(planted(rng, 5_000, 2, (50, 50)), 0.8).mean() < 0.001
    assert not shares_a_band(planted(rng, 5_000, 0, (1, 1)), 0.8).any()


def test_keys_of_a_set_do_not_depend_on_the_batch() -> None:
    rng = np.random.default_rng(4)
    sizes = np.array([0, 1, 3, 50, 0, 40_000, 20, *rng.integers(0, 90, 600)])
    sets = sets_of(rng.integers(0, 2**64, sizes.sum(), dtype=np.uint64), offsets_of(sizes))
    keys = band_keys(sets, 0.8)
    order = rng.permutation(len(sets))
    assert (band_keys(sets.take(order), 0.8) == keys[order]).all()
    assert ((keys == NO_KEY).all(axis=1) == (sizes == 0)).all()
    filled = keys[sizes > 0]
    assert len(np.unique(filled)) == filled.size  # a single value gives equal rows, and yet a key for each band


def test_keys_of_no_sets() -> None:
    assert band_keys(made([]), 0.8).shape == (0, 11)


COUNT_THREADS = """
import numpy as np, psutil
from raytrain.corpus.likeness.near_duplicates import band_keys
from raytrain.corpus.likeness.shingles import Sets
sets = Sets(np.arange(8_192 * 50, dtype=np.uint64), np.arange(8_193) * 50)
before = psutil.Process().num_threads()
band_keys(sets, 0.8)
assert psutil.Process().num_threads() == before
"""


def test_no_threads_are_started() -> None:
    subprocess.run([sys.executable, "-c", COUNT_THREADS], check=True)


def family(rows: int, length: int, slots: int, names: int, longest: int) -> Sets:
    """Texts of one template of ``length`` words, each slot filled with one to ``longest`` words of ``names``."""
    rng = np.random.default_rng(length)
    template = rng.integers(0, 2**63, length, dtype=np.uint64)
    places = np.sort(rng.choice(np.arange(3, length - 3, 4), slots, replace=False))
    texts = []
    for _ in range(rows):
        parts = np.split(template, places)
        fills = [rng.integers(0, names, rng.integers(1, longest + 1)).astype(np.uint64) for _ in places]
        texts.append(
            np.concatenate([parts[0], *(piece for both in zip(fills, parts[1:], strict=True) for piece in both)])
        )
    return shingles(Words(np.concatenate(texts), offsets_of(np.array([len(text) for text in texts]))))


@pytest.mark.parametrize(
    ("length", "slots", "names", "longest", "share"),
    [
        pytest.param(27, 1, 2**62, 1, (0, 0), id="just below, all rows different"),
        pytest.param(28, 1, 2**62, 1, (0.99, 1), id="just above"),
        pytest.param(50, 2, 2**62, 1, (0, 0), id="two slots, just below"),
        pytest.param(32, 1, 2**62, 4, (0.1, 0.9), id="of several lengths, below and above"),
        pytest.param(40, 3, 300, 1, (0.1, 0.9), id="three slots of a few hundred names"),
    ],
)
def test_a_large_group_of_one_template_takes_seconds(
    length: int, slots: int, names: int, longest: int, share: tuple[float, float]
) -> None:
    sets = family(20_000, length, slots, names, longest)
    rng = np.random.default_rng(1)
    ranks, groups = rng.permutation(len(sets)), np.zeros(len(sets), np.int64)
    started = time.process_time()
    found = has_earlier_duplicate(groups, ranks, sets, 0.8)
    assert time.process_time() - started < 10
    assert share[0] <= found.mean() <= share[1]
    for row in rng.choice(len(sets), 20, replace=False):
        earlier = np.flatnonzero(ranks < ranks[row])
        assert found[row] == (jaccard(sets, np.full(len(earlier), row), earlier) >= 0.8).any()
