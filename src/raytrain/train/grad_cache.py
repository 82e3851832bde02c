"""Embedding more texts than there is memory for graphs (GradCache, Gao et al. 2021, arXiv 2101.06983).

Rows are embedded chunk by chunk. The loss needs nothing but all vectors, and gives the gradient g of each; then the
gradient of the loss with respect to the weights is that of the sum of v · g over all texts, which can be gone back
through chunk by chunk. Where a chunk's graph was kept this is one backward pass; where it was not, the chunk is
embedded again, with the same dropout. docs/exact-gradients.md has the derivation.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from raytrain.model.texts import Texts
from raytrain.train.chunks import Chunks

Output = tuple[torch.Tensor, torch.Tensor]  # vectors of a chunk, and the learned temperatures


class Engine(Protocol):
    """What the step needs of whatever holds the weights."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""

    def embed(self, ids: torch.Tensor, mask: torch.Tensor) -> Output:
        """Token ids and mask, both (n, length), to unit vectors (n, d) and the learned temperatures (k,)."""

    def backward(self, value: torch.Tensor, last: bool) -> None:
        """Adds the gradient of ``value``, summed over ranks. ``last``: no other call follows in this step."""


@dataclass(frozen=True)
class Pass:
    """The forward passes of a rank in one step. ``key`` names what dropout depends on."""

    engine: Engine
    texts: Texts
    chunks: Chunks
    pad_id: int
    key: str

    def run(self, number: int) -> Output:
        """Chunk ``number``; the same numbers whenever it is called."""
        seed = hashlib.blake2b(f"{self.key} {number - self.chunks.idle}".encode(), digest_size=7)
        torch.manual_seed(int.from_bytes(seed.digest(), "little"))
        chosen = self.chunks.texts[number]
        if len(chosen):
            ids, mask = self.texts.padded(chosen, self.pad_id)
        else:
            ids, mask = np.full((1, 1), self.pad_id), np.ones((1, 1), np.int64)
        device = self.engine.device
        return self.engine.embed(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))


@dataclass(frozen=True)
class Embedded:
    """All vectors of a rank (n, d) in the order of its texts, the temperatures (k,), and the graphs that were kept."""

    vectors: torch.Tensor
    temperatures: torch.Tensor
    graphs: list[Output]


def embed(forward: Pass) -> Embedded:
    """Embeds all texts: the first chunks without a graph, the last ones with theirs."""
    chunks = forward.chunks
    outputs: list[Output] = []
    for number in range(len(chunks)):
        with torch.set_grad_enabled(number >= chunks.recomputed):
            outputs.append(forward.run(number))
    vectors = torch.cat([vectors.detach() for vectors, _ in outputs[chunks.idle :]] or [outputs[0][0].detach()[:0]])
    order = np.concatenate([*chunks.texts, np.zeros(0, np.int64)])
    place = torch.from_numpy(np.argsort(order, kind="stable")).to(vectors.device)
    return Embedded(vectors.index_select(0, place), outputs[-1][1].detach(), outputs[chunks.recomputed :])


def go_back(forward: Pass, embedded: Embedded, vectors: torch.Tensor, temperatures: torch.Tensor) -> None:
    """Adds the gradient of the weights, given those of all vectors (n, d) and of the temperatures (k,).

    Graphs are used up: all that were kept in one backward pass, then chunk by chunk.
    """
    chunks, graphs = forward.chunks, embedded.graphs

    def value(number: int, output: Output) -> torch.Tensor:
        found, learned = output
        chosen = torch.from_numpy(chunks.texts[number]).to(vectors.device)
        # An idle chunk has no weight, but is in the graph, so that its backward pass communicates too.
        weights = vectors.index_select(0, chosen) if len(chosen) else torch.zeros_like(found)
        once = temperatures if number == len(chunks) - 1 else torch.zeros_like(temperatures)
        return (found * weights).sum() + (learned * once).sum()

    if graphs:
        kept = sum((value(chunks.recomputed + i, output) for i, output in enumerate(graphs)), torch.zeros(()))
        graphs.clear()
        forward.engine.backward(kept, last=chunks.recomputed == 0)
        del kept
    for number in range(chunks.recomputed):
        forward.engine.backward(value(number, forward.run(number)), last=number == chunks.recomputed - 1)
