"""Shingles and their Jaccard against sets of tuples."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.likeness.normal_form import words
from raytrain.corpus.likeness.ragged import offsets_of
from raytrain.corpus.likeness.shingles import CELLS, Sets, jaccard, pair_shingles, sets_of, shingles

TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join), max_size=12)
NUMBERS = st.lists(st.lists(st.integers(0, 6) | st.sampled_from([2**64 - 2, 2**64 - 1]), max_size=9), max_size=12)


def made(rows: list[list[int]]) -> Sets:
    values = np.array([value for row in rows for value in row], np.uint64)
    return sets_of(values, offsets_of(np.array([len(row) for row in rows], np.int64)))


def members(sets: Sets) -> list[list[int]]:
    return [sets.values[a:b].tolist() for a, b in pairwise(sets.offsets)]


def tuples(*texts: str) -> set[tuple[str, ...]]:
    run = " ".join(texts).split()
    return {tuple(run[i : i + 3]) for i in range(max(1, len(run) - 2))} if run else set()


def likeness(one: set[object], other: set[object]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


@given(NUMBERS)
def test_sets_are_sorted_and_hold_each_value_once(rows: list[list[int]]) -> None:
    sets = made(rows)
    assert members(sets) == [sorted(set(row)) for row in rows]
    assert sets.sizes.tolist() == [len(set(row)) for row in rows]


@given(NUMBERS, st.data())
def test_sets_taken_and_joined_are_those_sets(rows: list[list[int]], data: st.DataObject) -> None:
    which = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=9)) if rows else []
    taken = made(rows).take(np.array(which, np.int64))
    assert members(taken) == [sorted(set(rows[i])) for i in which]
    assert members(taken.join(made(rows))) == members(taken) + members(made(rows))


@given(NUMBERS)
def test_jaccard_is_that_of_the_sets(rows: list[list[int]]) -> None:
    a, b = (side.reshape(-1) for side in np.indices((len(rows), len(rows))))
    expected = [likeness(set(rows[i]), set(rows[j])) for i, j in zip(a, b, strict=True)]
    assert jaccard(made(rows), a, b).tolist() == expected


def test_jaccard_of_sets_of_all_sizes() -> None:
    sizes = [0, 1, 2, 100, 1_000, CELLS, 2 * CELLS]
    sets = made([list(range(size)) for size in sizes])
    a, b = (side.reshape(-1) for side in np.indices((len(sizes), len(sizes))))
    expected = [min(sizes[i], sizes[j]) / max(sizes[i], sizes[j], 1) for i, j in zip(a, b, strict=True)]
    assert jaccard(sets, a, b).tolist() == expected


@given(TEXTS)
def test_shingles_are_the_runs_of_three_words(texts: list[str]) -> None:
    found = members(shingles(words(pa.array(texts, pa.string()))))
    expected = [tuples(text) for text in texts]
    assert [len(row) for row in found] == [len(row) for row in expected]
    for i, one in enumerate(expected):
        for j, other in enumerate(expected):
            assert likeness(set(found[i]), set(found[j])) == likeness(one, other)


@given(st.lists(st.tuples(TEXTS.map(" ".join), TEXTS.map(" ".join)), max_size=8))
def test_shingles_of_a_pair_run_from_the_question_into_the_answer(pairs: list[tuple[str, str]]) -> None:
    questions, answers = (words(pa.array([pair[side] for pair in pairs], pa.string())) for side in (0, 1))
    whole = shingles(words(pa.array([" ".join(pair) for pair in pairs], pa.string())))
    assert members(pair_shingles(questions, answers)) == members(whole)


def test_shingles_of_other_sizes() -> None:
    found = words(pa.array(["a b c d e", "a b", ""]))
    assert [shingles(found, size).sizes.tolist() for size in (1, 2, 5, 6)] == [
        [5, 2, 0],
        [4, 1, 0],
        [1, 1, 0],
        [1, 1, 0],
    ]
