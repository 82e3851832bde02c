"""What losses are computed from: some rows of one rank, and the questions and passages of the whole batch."""

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Rows:
    """n rows: their questions, and which passages of the batch they brought themselves.

    ``candidates`` has a row's own passages in the order positives, negatives; -1 fills up.
    """

    number: torch.Tensor  # (n,) int64: which row of the batch each is
    questions: torch.Tensor  # (n, d) unit vectors
    candidates: torch.Tensor  # (n, k) int64: places in Passages; the first is always one, and positive
    positive: torch.Tensor  # (n, k) bool; False where there is no candidate
    scores: torch.Tensor  # (n, k): the teacher's, NaN where nobody scored the passage

    def __len__(self) -> int:
        return len(self.number)

    def part(self, start: int, stop: int) -> "Rows":
        """Rows ``start`` to ``stop - 1``."""
        return Rows(*(getattr(self, name)[start:stop] for name in self.__dataclass_fields__))

    def placed(self, questions: torch.Tensor, first_row: int, first_passage: int) -> "Rows":
        """A rank's own rows within the batch of all ranks, once their questions (n, d) are embedded.

        Its rows and passages stand in those of the whole batch from ``first_row`` and ``first_passage`` on.
        """
        there = torch.where(self.candidates < 0, -1, self.candidates + first_passage)
        return replace(self, number=self.number + first_row, questions=questions, candidates=there)


@dataclass(frozen=True)
class Questions:
    """The N questions of the batch, of all ranks, in the order of rows."""

    vectors: torch.Tensor  # (N, d) unit vectors; (0, d) where no loss compares passages with questions
    keys: torch.Tensor  # (N,) int64: equal questions have equal keys


@dataclass(frozen=True)
class Passages:
    """The m passages of the batch, of all ranks: those of rows, further positives, negatives."""

    vectors: torch.Tensor  # (m, d) unit vectors
    keys: torch.Tensor  # (m,) int64: equal passages have equal keys
    rows: torch.Tensor  # (m,) int64: which row of the batch brought it
    positive: torch.Tensor  # (m,) bool: as an answer, not as a negative
