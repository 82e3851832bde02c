"""Texts that are, or nearly are, one of some known texts: of the questions and passages of a benchmark."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from raytrain.corpus.likeness.hashing import sequence_hashes
from raytrain.corpus.likeness.normal_form import Words, text_keys
from raytrain.corpus.likeness.prefix_filter import PAIRS_AT_ONCE, ROUNDING, prefixes_of
from raytrain.corpus.likeness.ragged import Hashes, Ints, blocks, offsets_of, ranges
from raytrain.corpus.likeness.shingles import Sets, jaccard, shingles

ENTRIES_A_VALUE = 8  # of the table that says at once of most shingles that no known text has them


@dataclass(frozen=True, eq=False)
class Index:
    """What k known texts are found by. Texts without words are in none of it."""

    keys: Hashes  # of whole texts, ascending
    of_keys: Ints  # the known text of each; the first of those with the same
    near: float | Literal[False]
    sets: Sets  # the shingles of all k
    values: Hashes  # the shingles in the prefixes of known texts, ascending
    holders: Ints  # the known texts that have the first value in their prefix, then those of the second …
    offsets: Ints  # where those of each value begin among the holders
    table: npt.NDArray[np.bool_]  # whether there is a value with these first bits


@dataclass(frozen=True, eq=False)
class Matches:
    """What each of n texts was found to be."""

    known: Ints  # the number of the known text, or -1
    exact: npt.NDArray[np.bool_]  # whether it is the same in normal form


def index_of(known: Words, near: float | Literal[False]) -> Index:
    """An index of k known texts: for the same texts and those with a Jaccard of ``near`` or more, in (0, 1].

    Of each distinct set of shingles the prefix is kept that holds the rarest among the known.
    """
    filled = np.flatnonzero(known.counts > 0)
    keys, first = np.unique(text_keys(known)[filled], return_index=True)
    sets = shingles(known)
    distinct = _first_of_each(sets) if near else np.empty(0, np.int64)
    prefixes = prefixes_of(sets.take(distinct), near or 1.0)
    hashes = prefixes.hashes[prefixes.values]
    order = np.argsort(hashes, kind="stable")
    values, counts = np.unique(hashes, return_counts=True)
    bits = max(10, (ENTRIES_A_VALUE * len(values) - 1).bit_length())
    table = np.zeros(1 << bits, bool)
    table[_first_bits(values, bits)] = True
    return Index(
        keys=keys,
        of_keys=filled[first],
        near=near,
        sets=sets,
        values=values,
        holders=distinct[prefixes.owners[order]],
        offsets=offsets_of(counts),
        table=table,
    )


def match(index: Index, texts: Words, *, exact: bool) -> Matches:
    """For each of n texts a known one that it is, or that it is near to if the index was made for that.

    The same text (if ``exact``) comes before the nearest, and the first known before the others.
    """
    known = np.full(len(texts), -1, np.int64)
    same = np.zeros(len(texts), bool)
    if exact and len(index.keys):
        keys = text_keys(texts)
        place = np.minimum(np.searchsorted(index.keys, keys), len(index.keys) - 1)
        same = (index.keys[place] == keys) & (texts.counts > 0)
        known[same] = index.of_keys[place[same]]
    if index.near:
        rest = np.flatnonzero(~same)
        known[rest] = _nearest(index, shingles(texts.take(rest)), index.near)
    return Matches(known, same)


def _nearest(index: Index, sets: Sets, near: float) -> Ints:
    """The nearest known text of each set, if it is near; or -1. Shape (n,)."""
    best, likeness = np.full(len(sets), -1, np.int64), np.zeros(len(sets))
    for texts, known in _suspects(index, sets, near):
        both = sets.take(texts).join(index.sets.take(known))
        found = jaccard(both, np.arange(len(texts)), len(texts) + np.arange(len(texts)))
        order = np.lexsort((-known, found, texts))
        order = order[np.diff(texts[order], append=-1) != 0]  # of each text the last: the nearest, the first known
        text, found, number = texts[order], found[order], known[order]
        better = (found > likeness[text]) | ((found == likeness[text]) & (number < best[text]))
        better &= found >= near
        best[text[better]], likeness[text[better]] = number[better], found[better]
    return best


def _suspects(index: Index, sets: Sets, near: float) -> Iterator[tuple[Ints, Ints]]:
    """Texts and known texts, each two once in a part, that share a value of a prefix and have sizes that fit."""
    bits = len(index.table).bit_length() - 1
    hit = np.flatnonzero(index.table[_first_bits(sets.values, bits)])
    place = np.searchsorted(index.values, sets.values[hit])
    place = np.minimum(place, max(len(index.values) - 1, 0))
    there = index.values[place] == sets.values[hit]
    place, hit = place[there], hit[there]
    texts = np.searchsorted(sets.offsets, hit, side="right") - 1
    counts = np.diff(index.offsets)[place]
    sizes, known_sizes = sets.sizes, index.sets.sizes
    for first, end in blocks(offsets_of(counts), PAIRS_AT_ONCE):
        mine = np.repeat(texts[first:end], counts[first:end])
        known = index.holders[ranges(index.offsets[place[first:end]], counts[first:end])]
        small = np.minimum(sizes[mine], known_sizes[known])
        fits = small >= near * np.maximum(sizes[mine], known_sizes[known]) - ROUNDING
        pairs = np.unique(mine[fits] * len(known_sizes) + known[fits])
        if len(pairs):
            yield np.divmod(pairs, len(known_sizes))


def _first_of_each(sets: Sets) -> Ints:
    """The first of each distinct set that is not empty."""
    filled = np.flatnonzero(sets.sizes > 0)
    contents = sequence_hashes(sets.values, sets.offsets[filled])
    return filled[np.unique(contents, return_index=True)[1]]


def _first_bits(values: Hashes, bits: int) -> Hashes:
    return np.right_shift(values, np.uint64(64 - bits))
