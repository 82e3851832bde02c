"""Kinds of index: what FAISS takes, what fits, and words for what does not."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from embedded import unit_vectors
from raytrain.errors import UserError
from raytrain.index.kinds import (
    USABLE,
    Kind,
    bytes_of,
    choose,
    code_bytes,
    parse_kind,
    sample_rows,
    usual_lists,
)
from raytrain.index.library import faiss_module

rows = st.integers(1, 200_000_000)
dimensions = st.sampled_from([32, 64, 128, 384, 768, 1_024])
memories = st.integers(2**20, 2**40)
ACCURACY = ["Flat", "IVF Flat", "IVF SQ8"]


def accuracy(kind: Kind) -> tuple[int, int]:
    """The lower, the more accurate."""
    name = kind.codes if kind.exact else f"IVF {kind.codes}"
    return (ACCURACY.index(name), 0) if name in ACCURACY else (len(ACCURACY), -kind.parts)


@given(rows, dimensions, memories)
def test_what_auto_takes_fits(rows: int, dimension: int, memory: int) -> None:
    try:
        choice = choose("auto", rows, dimension, memory, None)
    except UserError:
        smallest = choose("auto", rows, dimension, 2**50, None).kind
        assert memory < bytes_of(smallest, rows, dimension) / USABLE  # else it would have fitted
        return
    assert bytes_of(choice.kind, rows, dimension) <= USABLE * memory
    assert choice.why[-1] == f"takes {choice.kind.factory}: the most accurate that fits"
    faiss = faiss_module()
    if not choice.kind.lists or choice.kind.lists * dimension < 2**22:
        assert faiss.index_factory(dimension, choice.kind.factory, faiss.METRIC_INNER_PRODUCT).d == dimension


@given(rows, dimensions, memories, st.integers(1, 64))
def test_more_memory_never_gives_less(rows: int, dimension: int, memory: int, times: int) -> None:
    try:
        less = choose("auto", rows, dimension, memory, None).kind
    except UserError:
        return
    assert accuracy(choose("auto", rows, dimension, times * memory, None).kind) <= accuracy(less)


@given(rows, dimensions, memories)
def test_a_sample_fits_and_is_there(rows: int, dimension: int, memory: int) -> None:
    kind = Kind(None, 1_024, "SQ8")
    count = sample_rows(kind, rows, dimension, memory)
    assert count <= rows
    assert count * 4 * dimension <= memory / 2
    assert sample_rows(Kind(None, None, "Flat"), rows, dimension, memory) == 0


@pytest.mark.parametrize(
    ("rows", "lists"),
    [(1, 1), (1_000_000, 65_536), (9_999_999, 65_536), (10_000_000, 262_144), (99_999_999, 262_144), (10**8, 2**20)],
)
def test_lists_are_as_many_as_the_guidelines_say(rows: int, lists: int) -> None:
    assert usual_lists(rows) == lists


@given(st.integers(1_600, 999_999))
def test_below_a_million_lists_are_between_4_and_16_roots(rows: int) -> None:
    assume(8 * math.sqrt(rows) <= rows / 39)  # k-means wants 39 passages a list
    assert 4 * math.sqrt(rows) <= usual_lists(rows) <= 16 * math.sqrt(rows)


@pytest.mark.parametrize("name", ["Flat", "IVF8,Flat", "IVF8,SQ8", "IVF8,PQ4", "OPQ4,IVF8,PQ4"])
def test_sizes_are_those_of_faiss(name: str) -> None:
    count, dimension = 20_000, 16
    kind = choose(name, count, dimension, 2**30, None).kind
    faiss = faiss_module(1)
    index = faiss.index_factory(dimension, kind.factory, faiss.METRIC_INNER_PRODUCT)
    vectors = unit_vectors(1, count, dimension)
    index.train(vectors[:300])
    index.add(vectors)
    assert len(faiss.serialize_index(index)) == pytest.approx(bytes_of(kind, count, dimension), rel=0.05)
    assert code_bytes(kind, dimension) == {"Flat": 64, "SQ8": 16, "PQ4": 4}[kind.codes] + (0 if kind.exact else 8)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("HNSW32", "is no kind of index here: give auto, Flat, IVF,Flat.*HNSW neither runs on a GPU"),
        ("IVF,LSH", "is no kind of index here"),
        ("", "is no kind of index here"),
        ("ivf,flat", "is no kind of index here"),
        ("PQ96", "compresses without lists: put IVF before PQ96, or take Flat"),
        ("SQ8", "compresses without lists"),
        ("OPQ96,Flat", "compresses without lists"),
        ("OPQ96,IVF,Flat", "OPQ goes with PQ"),
        ("OPQ64,IVF,PQ96", "OPQ64 turns vectors for PQ64, not PQ96"),
        ("IVF0,Flat", "a number in it is 0"),
        ("IVF4,PQ0", "a number in it is 0"),
    ],
)
def test_what_is_no_kind_is_told(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_kind(name)


def test_what_a_name_says() -> None:
    assert parse_kind("auto") is None
    assert parse_kind("Flat") == Kind(None, None, "Flat")
    assert parse_kind("IVF,Flat") == Kind(None, 0, "Flat")
    assert parse_kind("OPQ96_384,IVF65536,PQ96") == Kind("OPQ96_384", 65_536, "PQ96")
    completed = choose("IVF,SQ8", 50_000, 64, 2**30, None).kind
    assert completed == Kind(None, usual_lists(50_000), "SQ8")


def test_what_can_not_be_had_is_told() -> None:
    with pytest.raises(UserError, match=r"PQ96 does not divide 64 dimensions: take PQ of 1, 2, 4, 8, 16, 32, 64"):
        choose("IVF,PQ96", 10_000, 64, 2**30, None)
    with pytest.raises(UserError, match=r"Flat of 1,000,000 × 768 takes 2\.86 GiB, and index\.memory_gib leaves 0\.90"):
        choose("Flat", 1_000_000, 768, 2**30, None)
    with pytest.raises(
        UserError, match=r"hold no index of 1,000,000 × 768 that misses nothing \(index\.min_recall: 1\)"
    ):
        choose("auto", 1_000_000, 768, 2**30, 1.0)
    with pytest.raises(UserError, match=r"index\.memory_gib: 1\.0 MiB hold no index of 1,000,000 × 768: give it"):
        choose("auto", 1_000_000, 768, 2**20, None)
    with pytest.raises(UserError, match="PQ10 can't be searched on a GPU: take PQ of 1, 2, 4, 8, 16, 20, 32, 40, 64"):
        choose("IVF,PQ10", 100_000, 640, 2**30, None, gpu=True)


def test_fewer_lists_than_usual_are_explained() -> None:
    memory = 2**28
    choice = choose("IVF,PQ8", 5_000_000, 64, memory, None)
    assert choice.kind.lists is not None
    assert choice.kind.lists < usual_lists(5_000_000)
    assert "no more can be learned within the memory" in choice.why[1]
    assert "fewer lists would do as well" in choose("IVF1000,Flat", 10_000, 16, memory, None).why[1]


def test_what_may_miss_the_wanted_recall_is_said_before() -> None:
    choice = choose("auto", 3_000_000, 768, 2**30, 0.99)
    assert choice.kind.parts
    assert choice.why[-1].endswith("a recall of 0.99 is more than such codes usually reach: the build will tell")
    assert choose("auto", 3_000_000, 64, 2**31, 1.0).kind.exact  # slow, but what is asked for


def test_sizes_of_96_million_passages() -> None:
    """What the docs say on paper."""
    count, dimension = 96_000_000, 768
    assert bytes_of(Kind(None, None, "Flat"), count, dimension) == pytest.approx(295e9, rel=0.01)
    assert count * 96 == pytest.approx(9.2e9, rel=0.01)
    assert np.isclose(bytes_of(Kind(None, 262_144, "SQ8"), count, dimension), 74e9 + 0.77e9 + 0.8e9, rtol=0.01)
