"""How the texts of a rank are cut into forward passes, and which of these keep their graphs.

ZeRO 2 and 3 communicate in every forward or backward pass, so all ranks make equally many: a rank with fewer chunks
begins with idle ones, of one padding token and without weight. Ranks agree once a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
ALL = 1 << 40  # more chunks than anybody has


@dataclass(frozen=True)
class Chunks:
    """Chunks of a rank, each the indices of its texts; the first ``idle`` are empty, the last ``kept`` keep graphs."""

    texts: tuple[Ints, ...]
    idle: int
    kept: int

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def recomputed(self) -> int:
        """How many of the first are embedded without a graph, and again on the way back."""
        return len(self) - self.kept


def padded_tokens(lengths: Ints, chunks: Sequence[Ints]) -> Ints:
    """Tokens of each chunk with padding. Shape (len(chunks),)."""
    return np.array([len(chunk) * lengths[chunk].max() for chunk in chunks], np.int64)


def fitting(padded: Ints, kept_tokens: int) -> int:
    """How many chunks, counted from the last, fit into ``kept_tokens``; ALL if every one does."""
    count = int((np.cumsum(padded[::-1]) <= kept_tokens).sum())
    return ALL if count == len(padded) else count


def agree(own: Sequence[Ints], numbers: Sequence[int], fits: Sequence[int]) -> Chunks:
    """The chunks of a rank where rank r has ``numbers[r]`` chunks, of which ``fits[r]`` can keep their graphs."""
    number = max(1, *numbers)
    idle = number - len(own)
    return Chunks((*[np.zeros(0, np.int64)] * idle, *own), idle, min(number, *fits))
