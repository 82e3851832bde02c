"""Rows of all ranks on every rank, with the gradient sent back to where each row came from."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist


def gather_rows(rows: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """Rows of all ranks in order of rank: (counts[rank], d) on each becomes (sum(counts), d) on all.

    The gradient of a row is the sum of what all ranks ask of it, so that the losses of all ranks, added up,
    have the gradient that one process with all rows would have.
    """
    if len(counts) == 1:
        return rows
    return _GatherRows.apply(rows, tuple(counts))  # type: ignore[no-any-return, no-untyped-call]


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, counts: tuple[int, ...]) -> torch.Tensor:
        ctx.counts = counts
        # Backends want equal shapes, and ranks may own different numbers of lanes.
        padded = rows.new_zeros(max(counts), rows.shape[1])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        whole = gradients[0].contiguous()
        dist.all_reduce(whole)
        rank = dist.get_rank()
        start = sum(ctx.counts[:rank])
        return whole[start : start + ctx.counts[rank]], None
