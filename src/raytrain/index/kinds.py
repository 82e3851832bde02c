"""Kinds of index: what FAISS calls them, what they take, and which to take for some passages and some memory.

Pure arithmetic. Numbers of lists are those of the FAISS wiki's guidelines.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace

from raytrain.errors import UserError

SHAPE = re.compile(r"(?:(OPQ(\d+)(?:_(\d+))?),)?(?:(IVF)(\d*),)?(Flat|SQ8|PQ(\d+))")
USABLE = 0.9  # of the memory that is given: ids, buffers and the interpreter want some
EXACT_ROWS = 1_000_000  # up to here a search through all is what auto takes
A_LIST = 39  # passages that k-means wants of each list, at the least
SAMPLE_A_LIST = 64  # and as many are enough
SAMPLE_CODES = 65_536  # passages that codes are learned from: 256 for each of 256 values
GPU_CODES = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96)
GIB = 2**30


@dataclass(frozen=True)
class Kind:
    """An index as FAISS names it. ``rotation`` turns vectors before they are coded; without ``lists`` it is exact."""

    rotation: str | None
    lists: int | None
    codes: str

    @property
    def factory(self) -> str:
        """For ``faiss.index_factory``."""
        lists = None if self.lists is None else f"IVF{self.lists}"
        return ",".join(part for part in (self.rotation, lists, self.codes) if part)

    @property
    def exact(self) -> bool:
        """Whether it finds what sorting all scores finds."""
        return self.lists is None

    @property
    def parts(self) -> int:
        """Bytes of a product code; 0 of others."""
        return int(self.codes[2:]) if self.codes.startswith("PQ") else 0


@dataclass(frozen=True)
class Choice:
    """The kind that was taken, and why: what was looked at, with what it takes."""

    kind: Kind
    why: tuple[str, ...]


def parse_kind(text: str) -> Kind | None:
    """What ``index.kind`` names, None for "auto"; lists that are not counted are 0. Raises ValueError that teaches."""
    if text == "auto":
        return None
    match = SHAPE.fullmatch(text)
    if not match:
        hint = "; HNSW neither runs on a GPU nor can be cut into shards of one quantizer" if "HNSW" in text else ""
        raise ValueError(
            f"{text!r} is no kind of index here: give auto, Flat, IVF,Flat, IVF4096,Flat, IVF,SQ8, IVF,PQ96 or "
            f"OPQ96,IVF,PQ96{hint}"
        )
    rotation, turned, wide, inverted, lists, codes, parts = match.groups()
    if inverted is None and (codes != "Flat" or rotation):
        raise ValueError(f"{text!r} compresses without lists: put IVF before {codes}, or take Flat")
    if rotation and not parts:
        raise ValueError(f"{text!r} turns vectors for codes that gain nothing by it: OPQ goes with PQ")
    if rotation and turned != parts:
        raise ValueError(f"{text!r}: OPQ{turned} turns vectors for PQ{turned}, not {codes}: give both one number")
    if any(number and not int(number) for number in (wide, lists, parts)):
        raise ValueError(f"{text!r}: a number in it is 0")
    return Kind(rotation, None if inverted is None else int(lists or 0), codes)


def code_bytes(kind: Kind, dimension: int) -> int:
    """Bytes of a passage: its code and, where there are lists, its number."""
    number = 0 if kind.exact else 8
    if kind.codes == "Flat":
        return 4 * dimension + number
    return (dimension if kind.codes == "SQ8" else kind.parts) + number


def bytes_of(kind: Kind, rows: int, dimension: int) -> int:
    """Bytes of all shards, and of the quantizer once."""
    wide = turned_dimension(kind, dimension)
    quantizer = 0
    if kind.lists:
        quantizer = 4 * kind.lists * wide
        quantizer += 4 * 256 * wide if kind.parts else 0
        quantizer += 4 * dimension * wide if kind.rotation else 0
    return rows * code_bytes(kind, dimension) + quantizer


def turned_dimension(kind: Kind, dimension: int) -> int:
    """The dimension of vectors in the lists: the rotation may change it."""
    return int(kind.rotation.split("_")[1]) if kind.rotation and "_" in kind.rotation else dimension


def usual_lists(rows: int) -> int:
    """How many lists so many passages usually have: the power of two near 8 √rows, and FAISS's steps from 1M on."""
    if rows < 1_000_000:
        return max(1, min(1 << round(math.log2(max(8 * rows**0.5, 1))), rows // A_LIST))
    return 65_536 if rows < 10_000_000 else 262_144 if rows < 100_000_000 else 1_048_576


def sample_rows(kind: Kind, rows: int, dimension: int, memory: int) -> int:
    """Passages to learn from: 64 a list, and enough for codes; no more than there are or half the memory holds."""
    if kind.lists is None:
        return 0
    wanted = max(SAMPLE_A_LIST * kind.lists, SAMPLE_CODES if kind.codes != "Flat" else 0)
    return min(wanted, rows, most_sampled(dimension, memory))


def most_sampled(dimension: int, memory: int) -> int:
    """Passages whose vectors half of some memory holds."""
    return memory // 2 // (4 * dimension)


def choose(wanted: str, rows: int, dimension: int, memory: int, min_recall: float | None, gpu: bool = False) -> Choice:
    """The kind of an index of (rows, dimension) within ``memory`` bytes; ``wanted`` names it, or is "auto".

    Raises UserError if what is named does not fit, or nothing does.
    """
    named = parse_kind(wanted)
    if named is None:
        return _auto(rows, dimension, memory, min_recall)
    kind, notes = _completed(named, rows, dimension, memory)
    _check_codes(kind, dimension, gpu)
    size = bytes_of(kind, rows, dimension)
    if size > USABLE * memory:
        raise UserError(
            f"index.kind: {kind.factory} of {rows:,} × {dimension} takes {_gib(size)}, and index.memory_gib leaves "
            f"{_gib(USABLE * memory)} of {_gib(memory)}: give it more, or take auto"
        )
    return Choice(kind, (f"{kind.factory}, as asked for: {_gib(size)}", *notes))


def _completed(kind: Kind, rows: int, dimension: int, memory: int) -> tuple[Kind, list[str]]:
    """With as many lists as usual where none are counted, and no more than can be learned; and what that changed."""
    if kind.lists is None:
        return kind, []
    most = max(1, min(rows, most_sampled(dimension, memory)) // A_LIST)
    lists = kind.lists or min(usual_lists(rows), most)
    notes = []
    if not kind.lists and lists < usual_lists(rows):
        notes.append(f"{lists:,} lists, not the usual {usual_lists(rows):,}: no more can be learned within the memory")
    if kind.lists > most:
        notes.append(
            f"{lists:,} lists want {A_LIST * lists:,} passages to learn from, and there are "
            f"{min(rows, most_sampled(dimension, memory)):,}: fewer lists would do as well"
        )
    return replace(kind, lists=lists), notes


def _check_codes(kind: Kind, dimension: int, gpu: bool) -> None:
    wide = turned_dimension(kind, dimension)
    if kind.parts and wide % kind.parts:
        fitting = ", ".join(str(parts) for parts in GPU_CODES if wide % parts == 0)
        raise UserError(f"index.kind: {kind.codes} does not divide {wide} dimensions: take PQ of {fitting}")
    if gpu and kind.parts and kind.parts not in GPU_CODES:
        raise UserError(
            f"index.kind: {kind.codes} can't be searched on a GPU: take PQ of "
            f"{', '.join(str(parts) for parts in GPU_CODES if wide % parts == 0)}"
        )


def _auto(rows: int, dimension: int, memory: int, min_recall: float | None) -> Choice:
    """The first of ``_candidates`` that fits, which is the most accurate."""
    taken, lines = _first(rows, dimension, memory, min_recall)
    if taken is None:
        raise UserError(
            f"index.memory_gib: {_gib(memory)} hold no index of {rows:,} × {dimension}"
            f"{' that misses nothing (index.min_recall: 1)' if min_recall == 1 else ''}: give it "
            f"{_least(rows, dimension, min_recall):.2f} GiB or more"
        )
    unsure = min_recall is not None and taken.parts
    note = f"; whether such codes reach a recall of {min_recall:g}, the build will tell" if unsure else ""
    return Choice(taken, (*lines, f"takes {taken.factory}: the most accurate that fits{note}"))


def _first(rows: int, dimension: int, memory: int, min_recall: float | None) -> tuple[Kind | None, list[str]]:
    """What ``_auto`` takes, None if nothing fits; and what it looked at."""
    lines = list[str]()
    for kind, expected in _candidates(rows, dimension, memory):
        size = bytes_of(kind, rows, dimension)
        fits = size <= USABLE * memory
        slow = kind.exact and rows > EXACT_ROWS and min_recall != 1
        verdict = "too large" if not fits else f"every question goes through all {rows:,} passages" if slow else "fits"
        lines.append(f"{kind.factory}: {_gib(size)}, {expected}: {verdict}")
        if fits and not slow:
            return kind, lines  # less accurate ones need no look
        if min_recall == 1:
            break  # all others may miss something
    return None, lines


def _least(rows: int, dimension: int, min_recall: float | None) -> float:
    """GiB, to a hundredth, from which on ``_auto`` finds an index. It is looked for: with memory, lists get more."""

    def enough(hundredths: int) -> bool:
        return _first(rows, dimension, hundredths * GIB // 100, min_recall)[0] is not None

    return bisect_left(range(2**40), True, key=enough) / 100


def _candidates(rows: int, dimension: int, memory: int) -> Iterator[tuple[Kind, str]]:
    """Kinds from the most accurate to the smallest, and what each keeps of a vector."""
    yield Kind(None, None, "Flat"), "exact"
    if rows < A_LIST:
        return  # too few to learn anything from
    for codes, expected in (
        ("Flat", "lists, full vectors"),
        ("SQ8", "lists, a byte a dimension"),
    ):
        yield _completed(Kind(None, 0, codes), rows, dimension, memory)[0], expected
    if min(rows, most_sampled(dimension, memory)) < 256:
        return
    for parts in sorted(GPU_CODES, reverse=True):
        if parts >= 8 and dimension % parts == 0 and parts < dimension:
            kind = Kind(f"OPQ{parts}", 0, f"PQ{parts}")
            yield _completed(kind, rows, dimension, memory)[0], f"{parts} bytes a passage, lossy"


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB" if size >= GIB / 100 else f"{size / 2**20:.1f} MiB"
