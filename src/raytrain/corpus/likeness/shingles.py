"""Texts as sets of shingles: every run of three words.

Broder, «On the resemblance and containment of documents», 1997.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raytrain.corpus.likeness.hashing import mixed, powers
from raytrain.corpus.likeness.normal_form import Words
from raytrain.corpus.likeness.ragged import Hashes, Ints, alike, offsets_of, padded, ranges, take

SIZE = 3
CELLS = 1 << 16  # of a matrix that is sorted at once: what stays in the processor's cache


@dataclass(frozen=True, eq=False)
class Sets:
    """n sets of hashes: ``values`` of all, each set sorted and each value once; ``offsets`` (n + 1,)."""

    values: Hashes
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Ints:
        """Values of each set. Shape (n,)."""
        return np.diff(self.offsets)

    def take(self, rows: Ints) -> "Sets":
        """The given sets."""
        return Sets(*take(self.values, self.offsets, rows))

    def join(self, other: "Sets") -> "Sets":
        """These sets and then the others."""
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        return Sets(np.concatenate([self.values, other.values]), offsets)


def sets_of(values: Hashes, offsets: Ints) -> Sets:
    """n sets of the values of n rows, in any order and any number of times."""
    counts, parts = np.diff(offsets), []
    sizes = np.zeros(len(counts), np.int64)
    for rows in alike(counts, CELLS):
        matrix = padded(values, offsets[rows], counts[rows])
        # Sorting short rows of a matrix is many times faster than sorting one long array by row and value.
        matrix.sort(axis=1)
        keep = np.arange(matrix.shape[1]) < counts[rows, None]
        keep[:, 1:] &= matrix[:, 1:] != matrix[:, :-1]
        sizes[rows] = np.count_nonzero(keep, axis=1)
        parts.append((rows, matrix[keep]))
    bounds = offsets_of(sizes)
    unique = np.empty(bounds[-1], np.uint64)
    for rows, kept in parts:
        unique[ranges(bounds[rows], sizes[rows])] = kept
    return Sets(unique, bounds)


def shingles(words: Words, size: int = SIZE) -> Sets:
    """The set of all runs of ``size`` words of each of n texts, as hashes.

    A text of fewer words has one shingle, all of it; one without words has none.
    """
    counts = words.counts
    ends = np.repeat(words.offsets[1:], counts)
    weights = powers(size.bit_length())
    runs = words.hashes.copy()
    for step in range(1, size):
        inside = np.arange(step, len(runs)) < ends[: len(runs) - step]
        runs[: len(runs) - step] += np.where(inside, words.hashes[step:] * weights[step], np.uint64(0))
    whole = np.where(counts > 0, np.maximum(counts - size + 1, 1), 0)
    return sets_of(mixed(runs[ranges(words.offsets[:-1], whole)]), offsets_of(whole))


def pair_shingles(questions: Words, answers: Words) -> Sets:
    """The shingles of n pairs: of the words of the question, followed by those of the answer."""
    return shingles(questions.join(answers))


def jaccard(sets: Sets, a: Ints, b: Ints) -> npt.NDArray[np.float64]:
    """Of m pairs of sets, what both have over what either has; 0 if neither has anything. Shape (m,)."""
    sizes = sets.sizes
    in_a, in_b = sizes[a], sizes[b]
    both = np.zeros(len(a), np.int64)
    for rows in alike(in_a + in_b, CELLS):
        sides = ((a[rows], in_a[rows]), (b[rows], in_b[rows]))
        matrix = np.hstack([padded(sets.values, sets.offsets[side], counts) for side, counts in sides])
        matrix.sort(axis=1)
        equal = matrix[:, 1:] == matrix[:, :-1]
        equal &= np.arange(1, matrix.shape[1]) < (in_a + in_b)[rows, None]
        both[rows] = np.count_nonzero(equal, axis=1)
    return np.asarray(both / np.maximum(in_a + in_b - both, 1))
