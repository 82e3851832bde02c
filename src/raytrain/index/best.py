"""The best hits out of what shards find: by (score, id) descending, as trec_eval sorts, with ties seen whole.

Rows of passages are numbered through; hits that are not there have number -1 and score -inf.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from raytrain.index.backend import Ints, Vectors

SPARE = 8  # fetched beyond the depth, so that most ties at the boundary are seen whole at once
AT_ONCE = 1 << 22  # scores of questions whose ties are long that are held at once
NONE = np.float32(-np.inf)

IdsOf = Callable[[Ints], list[str]]  # ids by passage number


class Best(NamedTuple):
    """Scores (n, depth), the highest first, and the numbers of their passages, int64 (n, depth)."""

    scores: Vectors
    numbers: Ints


class Fetched(NamedTuple):
    """What a shard gave for some questions: scores and numbers (n, k), and the most that any other can score (n,)."""

    scores: Vectors
    numbers: Ints
    others: Vectors


# The questions (m,), how many passages each is to get, and the scores (m,) below which none is needed.
Fetch = Callable[[Ints, int, Vectors], Fetched]


def no_hits(questions: int) -> Best:
    """Where a search begins."""
    return Best(np.empty((questions, 0), np.float32), np.empty((questions, 0), np.int64))


def with_shard(best: Best, fetch: Fetch, rows: int, depth: int, ids_of: IdsOf) -> Best:
    """The ``depth`` best of what was found so far and of a shard of ``rows`` passages.

    Where passages that were not fetched can tie with the last place, or beat it, more are fetched.
    """
    questions = len(best.scores)
    least = best.scores[:, depth - 1] if best.scores.shape[1] >= depth else np.full(questions, NONE)
    fetched = min(depth + SPARE, rows)
    found = fetch(np.arange(questions), fetched, least)
    merged = keep_best(_joined(best, found), depth, ids_of)
    open_ones = _undecided(merged, found.others, depth)
    while len(open_ones):
        fetched = min(2 * fetched, rows)
        left = []
        step = max(1, AT_ONCE // fetched)
        for chosen in (open_ones[i : i + step] for i in range(0, len(open_ones), step)):
            more = fetch(chosen, fetched, least[chosen])
            anew = keep_best(_joined(Best(best.scores[chosen], best.numbers[chosen]), more), depth, ids_of)
            width = merged.scores.shape[1]
            merged.scores[chosen], merged.numbers[chosen] = anew.scores[:, :width], anew.numbers[:, :width]
            left.append(chosen[_undecided(anew, more.others, depth)])
        open_ones = np.concatenate(left)
    return merged


def _joined(best: Best, found: Fetched) -> Best:
    return Best(np.hstack([best.scores, found.scores]), np.hstack([best.numbers, found.numbers]))


def _undecided(best: Best, others: Vectors, depth: int) -> Ints:
    """Questions whose last place may go to a passage that was not fetched."""
    last = best.scores[:, depth - 1] if best.scores.shape[1] >= depth else np.full(len(others), NONE)
    return np.flatnonzero((others > NONE) & (last <= others))


def keep_best(found: Best, depth: int, ids_of: IdsOf) -> Best:
    """The ``depth`` highest scores of each row, or all if there are fewer; ties at the boundary go by id, descending.

    Inner products: the highest are the best, which a merge made for distances would throw away. Ties above the
    boundary come in any order (``in_order``).
    """
    order = np.lexsort((found.numbers, -found.scores), axis=1)
    scores, numbers = np.take_along_axis(found.scores, order, 1), np.take_along_axis(found.numbers, order, 1)
    if scores.shape[1] > depth:
        tied = (scores[:, depth - 1] == scores[:, depth]) & (scores[:, depth] > NONE)
        for row in np.flatnonzero(tied):
            _order_ties(scores[row], numbers[row], scores[row, depth], ids_of)
    return Best(scores[:, :depth].copy(), numbers[:, :depth].copy())


def _order_ties(scores: Vectors, numbers: Ints, score: np.float32, ids_of: IdsOf) -> None:
    """Orders the passages of one score, in place; ``scores`` fall."""
    first, stop = np.searchsorted(-scores, [-score], "left")[0], np.searchsorted(-scores, [-score], "right")[0]
    tied = numbers[first:stop].copy()
    names = ids_of(tied)
    numbers[first:stop] = tied[sorted(range(len(tied)), key=lambda i: (names[i], tied[i]), reverse=True)]


def in_order(best: Best, ids_of: IdsOf) -> Best:
    """The same hits, with all ties by id, descending."""
    scores, numbers = best.scores, best.numbers.copy()
    equal = (scores[:, 1:] == scores[:, :-1]) & (scores[:, 1:] > NONE)
    for row in np.flatnonzero(equal.any(axis=1)):
        for score in np.unique(scores[row, 1:][equal[row]]):
            _order_ties(scores[row], numbers[row], score, ids_of)
    return Best(scores, numbers)
