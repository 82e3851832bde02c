"""Matching against the definition: every text compared with every known one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.corpus.likeness.matching import index_of, match
from raytrain.corpus.likeness.normal_form import Words, words
from raytrain.corpus.likeness.shingles import jaccard, shingles

ORIGINS = ["a b c d e f g h i j k l m n o", "a b c d e f g x y z", "k l m n o p q r s t", "a a a a b", "u v", "u"]


@st.composite
def a_text(draw: st.DrawFn) -> str:
    """Words of one of a few texts, some of them other words, or gone."""
    run = draw(st.sampled_from(ORIGINS)).split()
    for place, word in draw(st.lists(st.tuples(st.integers(0, 16), st.sampled_from(["", "a", "b", "z"])), max_size=2)):
        run[place : place + 1] = [word]
    return draw(st.sampled_from([" ", ", "])).join(run)


TEXTS = st.lists(a_text() | st.just("!"), max_size=12)
NEAR = st.sampled_from([False, 0.1, 0.5, 0.6, 0.75, 0.8, 1.0])


def words_of(texts: list[str]) -> Words:
    return words(pa.array(texts, pa.string()))


def run_of(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").replace("!", " ").split() if word]


def likeness(one: str, other: str) -> float:
    a, b = (
        {tuple(run[i : i + 3]) for i in range(max(1, len(run) - 2))} if run else set()
        for run in (run_of(one), run_of(other))
    )
    return len(a & b) / len(a | b) if a and b else 0.0


def expected(known: list[str], text: str, exact: bool, near: float) -> tuple[int, bool]:
    same = [i for i, other in enumerate(known) if run_of(other) == run_of(text) and run_of(text)]
    if exact and same:
        return same[0], True
    close = [(-likeness(text, other), i) for i, other in enumerate(known) if near and likeness(text, other) >= near]
    return (min(close)[1], False) if close else (-1, False)


@settings(max_examples=150)
@given(TEXTS, TEXTS, st.booleans(), NEAR)
def test_matches_are_those_of_the_definition(known: list[str], texts: list[str], exact: bool, near: float) -> None:
    found = match(index_of(words_of(known), near), words_of(texts), exact=exact)
    wanted = [expected(known, text, exact, near) for text in texts]
    assert list(zip(found.known.tolist(), found.exact.tolist(), strict=True)) == wanted


def test_order_and_repetition_are_near_but_not_the_same() -> None:
    found = match(
        index_of(words_of(["a b c a b c a b"]), 0.8), words_of(["A, b. c a b c a b", "b c a b c a b c a"]), exact=True
    )
    assert found.known.tolist() == [0, 0]
    assert found.exact.tolist() == [True, False]


@pytest.mark.parametrize("near", [False, 0.8])
def test_nothing_matches_where_nothing_is_known(near: float) -> None:
    for known in ([], ["", "?"]):
        assert (
            match(index_of(words_of(known), near), words_of(["a b c", "", "?"]), exact=True).known.tolist() == [-1] * 3
        )
    assert len(match(index_of(words_of(["a"]), near), words_of([]), exact=True).known) == 0


def test_matches_among_many() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 60, 2_000)
    # Few distinct words, so that shingles are shared by texts that are not near.
    runs = [rng.integers(0, 12, size).tolist() for size in sizes]
    known, texts = runs[:1_000], runs[1_000:]
    for text, other in zip(texts[:500], known, strict=False):
        text[:] = other
        text[rng.integers(len(text))] = int(rng.integers(0, 12))
    every = words_of([" ".join(f"w{word}" for word in run) for run in [*known, *texts]])
    index = index_of(every.take(np.arange(1_000)), 0.6)
    found = match(index, every.take(np.arange(1_000, 2_000)), exact=False).known
    sets = shingles(every)
    for row in rng.choice(1_000, 40, replace=False):
        near = jaccard(sets, np.full(1_000, 1_000 + row), np.arange(1_000))
        assert found[row] == (near.argmax() if near.max() >= 0.6 else -1)
    assert 100 < (found >= 0).sum() < 900
