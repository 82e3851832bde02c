"""What a rank trains on in one step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from raytrain.losses.rows import Rows
from raytrain.model.texts import Texts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ragged:
    """Passages of n rows, any number each: those of row i are ``offsets[i]`` up to ``offsets[i + 1]``.

    ``offsets`` has shape (n + 1,); ``scores`` has one for each passage, NaN where nobody scored it.
    """

    texts: Texts
    offsets: Ints
    scores: Floats


@dataclass(frozen=True)
class Candidates:
    """What rows bring besides one passage: further positives, negatives, and a teacher's scores of all of them.

    ``passage_scores`` are those of ``RankBatch.passages``, shape (n,), NaN where nobody scored it.
    """

    passage_scores: Floats
    positives: Ragged
    negatives: Ragged


@dataclass(frozen=True)
class RankBatch:
    """What a rank trains on in one step: its rows, in the order of lanes. ``ids`` and the rest have length n."""

    step: int
    queries: Texts
    passages: Texts
    ids: Sequence[str]
    languages: Sequence[str]
    lanes: Sequence[int]
    candidates: Candidates | None = None  # where the corpus has any

    @property
    def all_passages(self) -> Texts:
        """The passages of rows, then further positives, then negatives."""
        more = self.candidates
        parts = [self.passages, more.positives.texts, more.negatives.texts] if more else [self.passages]
        return Texts.join(parts)

    def passage_rows(self) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Of each of ``all_passages``: the row that brought it, and whether as an answer. Both (m,)."""
        rows = np.arange(len(self.queries))
        if self.candidates is None:
            return rows, np.ones(len(rows), bool)
        further, negatives = (
            np.repeat(rows, np.diff(ragged.offsets))
            for ragged in (self.candidates.positives, self.candidates.negatives)
        )
        return np.concatenate([rows, further, negatives]), np.arange(len(rows) + len(further) + len(negatives)) < len(
            rows
        ) + len(further)

    def rows(self, device: torch.device) -> Rows:
        """The rows as losses take them, of this rank alone and not embedded yet."""
        owner, positive = self.passage_rows()
        order = np.argsort(owner, kind="stable")  # in it, a row's passages follow each other, its own one first
        widths = np.bincount(owner, minlength=len(self.queries))
        filled = np.arange(widths.max(initial=1))[None, :] < widths[:, None]
        places = np.full(filled.shape, -1)
        places[filled] = order
        is_positive = np.zeros(filled.shape, bool)
        is_positive[filled] = positive[order]
        scores = np.full(filled.shape, np.nan, np.float32)
        scores[filled] = self._scores()[order]
        found = (torch.arange(len(filled)), torch.empty(len(filled), 0), *map(torch.from_numpy, (places, is_positive)))
        return Rows(*(tensor.to(device) for tensor in (*found, torch.from_numpy(scores))))

    def _scores(self) -> Floats:
        more = self.candidates
        if more is None:
            return np.full(len(self.queries), np.nan, np.float32)
        return np.concatenate([more.passage_scores, more.positives.scores, more.negatives.scores])
