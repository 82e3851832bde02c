"""One step of one rank: embed its rows in chunks, score them against the rows of all ranks, go back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist

from raytrain.losses import info_nce
from raytrain.model.texts import Texts, cut_by_tokens
from raytrain.train.gather import gather_rows

Encoder = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Ragged:
    """Passages of n rows, any number each: those of row i are ``offsets[i]`` up to ``offsets[i + 1]``.

    ``offsets`` has shape (n + 1,); ``scores`` has one for each passage, NaN where nobody scored it.
    """

    texts: Texts
    offsets: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Candidates:
    """What rows bring besides one passage: further positives, negatives, and a teacher's scores of all of them.

    ``passage_scores`` are those of ``RankBatch.passages``, shape (n,), NaN where nobody scored it.
    """

    passage_scores: npt.NDArray[np.float32]
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


@dataclass(frozen=True)
class Shape:
    """What a step needs to know of the whole: rows of each rank, and how to cut and score."""

    rank: int
    rows: tuple[int, ...]
    pad_id: int
    tokens_per_chunk: int
    temperature: float
    equal_chunks: bool  # ZeRO 3 communicates in every forward pass, so ranks must make equally many

    @property
    def batch_size(self) -> int:
        """Rows of the global step."""
        return sum(self.rows)


def embed(encoder: Encoder, texts: Texts, shape: Shape, device: torch.device) -> torch.Tensor:
    """Unit vectors of texts, (n, d), in their order. Padding is only to the longest of a chunk of like length."""
    chunks = cut_by_tokens(texts.lengths, shape.tokens_per_chunk)
    idle = 0
    if shape.equal_chunks and len(shape.rows) > 1:
        most = torch.tensor(len(chunks), device=device)
        dist.all_reduce(most, op=dist.ReduceOp.MAX)
        idle = int(most) - len(chunks)
    parts = []
    for chunk in [*chunks, *[chunks[0][:1]] * idle]:
        ids, mask = texts.padded(chunk, shape.pad_id)
        parts.append(encoder(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)))
    place = torch.from_numpy(np.argsort(np.concatenate(chunks), kind="stable")).to(device)
    vectors = torch.cat(parts[: len(chunks)]).index_select(0, place)
    for part in parts[len(chunks) :]:
        vectors = vectors + 0.0 * part  # in the graph, so that its backward pass communicates too
    return vectors


def rank_loss(encoder: Encoder, batch: RankBatch, shape: Shape, device: torch.device) -> torch.Tensor:
    """The part of the global mean loss that this rank's rows make: all ranks' parts add up to the loss.

    Each rank scores its own questions against the passages of all ranks. Because gather_rows sums the gradients
    of all ranks, the sum over ranks of this value's gradient is the gradient of one process with all rows.
    """
    vectors = embed(encoder, Texts.join([batch.queries, batch.passages]), shape, device)
    queries, passages = vectors[: len(batch.queries)], vectors[len(batch.queries) :]
    columns = gather_rows(passages, shape.rows)
    first = sum(shape.rows[: shape.rank])
    positives = torch.arange(first, first + len(queries), device=device)
    return info_nce(queries, columns, positives, shape.temperature).sum() / shape.batch_size
