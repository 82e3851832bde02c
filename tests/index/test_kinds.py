"""Kinds of index: what FAISS takes, what fits, and words for what does not."""

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from embedded import unit_vectors
from raytrain.errors import UserError
from raytrain.index.backend import faiss_module
from raytrain.index.kinds import (
    A_LIST,
    GIB,
    GPU_CODES,
    SAMPLE_A_LIST,
    SAMPLE_CODES,
    USABLE,
    Kind,
    bytes_of,
    choose,
    code_bytes,
    parse_kind,
    sample_rows,
    usual_lists,
)

rows = st.integers(1, 200_000_000)
dimensions = st.sampled_from([32, 64, 128, 384, 768, 1_024])
memories = st.integers(2**20, 2**40)
ACCURACY = ["Flat", "IVF Flat", "IVF SQ8"]


def accuracy(kind: Kind) -> tuple[int, int]:
    """The lower, the more accurate."""
    name = kind.codes if kind.exact else f"IVF {kind.codes}"
    return (ACCURACY.index(name), 0) if name in ACCURACY else (len(ACCURACY), -kind.parts)


def advised(*asked: object) -> int:
    """Bytes that the refusal of ``choose(*asked)`` says to give."""
    with pytest.raises(UserError) as refused:
        choose(*asked)
    gib = re.search(r"give it ([\d.]+) GiB or more$", str(refused.value))
    assert gib
    return int(float(gib[1]) * GIB)


def train_roughly(index: object, vectors: np.ndarray) -> None:
    """One round, as the size needs no more; nor are product codes put in order, which takes seconds for each byte."""
    faiss = faiss_module()
    if isinstance(index, faiss.IndexPreTransform):
        turn = faiss.downcast_VectorTransform(index.chain.at(0))
        turn.niter = turn.niter_pq = turn.niter_pq_0 = 1
    ivf = faiss.try_extract_index_ivf(index)
    if ivf and isinstance(ivf := faiss.downcast_index(ivf), faiss.IndexIVFPQ):
        ivf.pq.cp.niter, ivf.do_polysemous_training = 1, False
    index.train(vectors)


@given(rows, dimensions, memories)
def test_what_auto_takes_fits(rows: int, dimension: int, memory: int) -> None:
    try:
        choice = choose("auto", rows, dimension, memory, None)
    except UserError:
        assert memory < advised("auto", rows, dimension, memory, None)  # else it would have fitted
        return
    assert bytes_of(choice.kind, rows, dimension) <= USABLE * memory
    assert choice.why[-1] == f"takes {choice.kind.factory}: the most accurate that fits"
    faiss = faiss_module()
    if not choice.kind.lists or choice.kind.lists * dimension < 2**22:
        assert faiss.index_factory(dimension, choice.kind.factory, faiss.METRIC_INNER_PRODUCT).d == dimension


@given(rows, dimensions, memories, st.sampled_from([None, 0.9, 1.0]), st.booleans())
def test_the_memory_that_is_advised_is_enough(
    rows: int, dimension: int, memory: int, min_recall: float | None, gpu: bool
) -> None:
    """And a hundredth of a GiB less is not."""
    try:
        choose("auto", rows, dimension, memory, min_recall, gpu)
    except UserError:
        least = advised("auto", rows, dimension, memory, min_recall, gpu)
        choose("auto", rows, dimension, least, min_recall, gpu)
        with pytest.raises(UserError):
            choose("auto", rows, dimension, least - GIB // 99, min_recall, gpu)


@given(rows, dimensions, memories)
def test_what_auto_takes_can_be_searched_on_a_gpu(rows: int, dimension: int, memory: int) -> None:
    try:
        kind = choose("auto", rows, dimension, memory, None, gpu=True).kind
    except UserError:
        return
    assert not kind.parts or (kind.parts in GPU_CODES and dimension % kind.parts == 0)


@given(rows, dimensions, memories, st.sampled_from(["Flat", "IVF,Flat", "IVF,SQ8", "IVF64,Flat", "OPQ32,IVF,PQ32"]))
def test_what_is_named_fits_or_is_refused(rows: int, dimension: int, memory: int, name: str) -> None:
    try:
        kind = choose(name, rows, dimension, memory, None).kind
    except UserError:
        whole = 8 * rows + 4 * (rows + 262_144) * dimension  # none is larger, but for millions of lists
        assert whole > USABLE * memory or usual_lists(rows) > 262_144
        return
    assert bytes_of(kind, rows, dimension) <= USABLE * memory
    if kind.lists and name != "IVF64,Flat" and kind.lists > 1:  # what is not counted can be learned
        assert sample_rows(kind, rows, dimension, memory) >= A_LIST * kind.lists


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
    assert count in (rows, memory // 2 // (4 * dimension), max(SAMPLE_A_LIST * 1_024, SAMPLE_CODES))
    assert sample_rows(Kind(None, None, "Flat"), rows, dimension, memory) == 0


def test_a_sample_is_64_a_list_and_enough_for_codes() -> None:
    assert sample_rows(Kind(None, 4_096, "Flat"), 10**7, 64, 2**40) == 64 * 4_096
    assert sample_rows(Kind(None, 100, "Flat"), 10**7, 64, 2**40) == 6_400
    assert sample_rows(Kind(None, 100, "PQ8"), 10**7, 64, 2**40) == 65_536
    assert sample_rows(Kind(None, 4_096, "Flat"), 1_000, 64, 2**40) == 1_000
    assert sample_rows(Kind(None, 4_096, "Flat"), 10**7, 64, 2**20) == 2_048  # half of it


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


@pytest.mark.parametrize("name", ["Flat", "IVF8,Flat", "IVF8,SQ8", "IVF8,PQ2", "OPQ4,IVF8,PQ4", "OPQ2_8,IVF8,PQ2"])
def test_sizes_are_those_of_faiss(name: str) -> None:
    count, dimension = 1_500, 16
    kind = choose(name, count, dimension, 2**30, None).kind
    faiss = faiss_module(1)
    index = faiss.index_factory(dimension, kind.factory, faiss.METRIC_INNER_PRODUCT)
    vectors = unit_vectors(1, count, dimension)
    train_roughly(index, vectors)
    index.add(vectors)
    assert len(faiss.serialize_index(index)) == pytest.approx(bytes_of(kind, count, dimension), rel=0.05)
    assert code_bytes(kind, dimension) == {"Flat": 64, "SQ8": 16, "PQ2": 2, "PQ4": 4}[kind.codes] + (
        0 if kind.exact else 8
    )


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
        ("OPQ4_0,IVF4,PQ4", "a number in it is 0"),
        ("HNSW32,Flat", "HNSW neither runs on a GPU nor can be cut into shards of one quantizer"),
        ("IVF,SQ4", "give auto, Flat, IVF,Flat, IVF4096,Flat, IVF,SQ8, IVF,PQ96 or OPQ96,IVF,PQ96$"),
    ],
)
def test_what_is_no_kind_is_told(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_kind(name)


@pytest.mark.parametrize("parts", GPU_CODES)
def test_all_codes_of_a_gpu_are_taken_and_others_told(parts: int) -> None:
    kind = choose(f"IVF8,PQ{parts}", 10_000, 960 if 960 % parts == 0 else 56 * 96, 2**40, None, gpu=True).kind
    assert kind.parts == parts
    with pytest.raises(UserError, match="PQ128 can't be searched on a GPU"):
        choose("IVF8,PQ128", 10_000, 128 * parts, 2**40, None, gpu=True)
    assert choose("IVF8,PQ128", 10_000, 128 * parts, 2**40, None).kind.parts == 128


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
    with pytest.raises(UserError, match=r"PQ4 does not divide 10 dimensions: take PQ of 1, 2$"):
        choose("OPQ4_10,IVF,PQ4", 10_000, 64, 2**30, None)
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
    assert choice.why[-1].endswith("whether such codes reach a recall of 0.99, the build will tell")
    assert choose("auto", 3_000_000, 64, 2**31, 1.0).kind.exact  # slow, but what is asked for


def test_sizes_of_96_million_passages() -> None:
    """What the docs say on paper."""
    count, dimension = 96_000_000, 768
    assert bytes_of(Kind(None, None, "Flat"), count, dimension) == pytest.approx(295e9, rel=0.01)
    assert count * 96 == pytest.approx(9.2e9, rel=0.01)
    assert np.isclose(bytes_of(Kind(None, 262_144, "SQ8"), count, dimension), 74e9 + 0.77e9 + 0.8e9, rtol=0.01)
