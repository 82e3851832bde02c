"""What ranks tell each other in a step: counts, vectors of all, and gradients back to where each vector came from.

Without a process group there is one rank. Backends want equal shapes, and ranks may own different numbers of rows:
every rank's part is filled up to the longest. One count in place of one for each rank: nothing is exchanged.
"""

from collections.abc import Sequence
from datetime import timedelta

import torch
import torch.distributed as dist


def rank() -> int:
    """This rank."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many ranks there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def wait_for_others(seconds: float) -> None:
    """Lets every process group there is wait so long for its slowest rank, instead of 10 to 30 minutes.

    A rank may wait for storage meanwhile. PyTorch takes a timeout where a group is made, and DeepSpeed gives none.
    """
    for group in list(dist.distributed_c10d._world.pg_map):
        dist.distributed_c10d._set_pg_timeout(timedelta(seconds=seconds), group)


def gather_numbers(numbers: Sequence[int], device: torch.device) -> list[list[int]]:
    """The numbers of every rank, in order of rank; each gives equally many."""
    own = torch.tensor([numbers], device=device)
    return gather_rows(own, [1] * world_size()).tolist()


def gather_rows(rows: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """Rows of all ranks in order of rank: (counts[rank], …) on each becomes (sum(counts), …) on all. No gradient."""
    if len(counts) == 1:
        return rows
    longest = max(counts)
    whole = rows.new_empty(len(counts) * longest, *rows.shape[1:])
    dist.all_gather_into_tensor(whole, _filled(rows, longest))
    return _without_filler(whole, counts)


def sum_to_owners(rows: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """The other way round, for gradients: (sum(counts), d) on every rank, added up over ranks, to (counts[rank], d)."""
    if len(counts) == 1:
        return rows
    longest = max(counts)
    whole = torch.cat([_filled(part, longest) for part in torch.split(rows, list(counts))])
    own = rows.new_empty(longest, *rows.shape[1:])
    dist.reduce_scatter_tensor(own, whole)
    return own[: counts[rank()]]


def sum_of_all(values: torch.Tensor) -> torch.Tensor:
    """Values of all ranks, added up, on every rank."""
    whole = values.clone()
    if world_size() > 1:
        dist.all_reduce(whole)
    return whole


def any_rank(value: bool, device: torch.device) -> bool:
    """Whether the value is true on any rank."""
    return bool(sum_of_all(torch.tensor(int(value), device=device)))


def _filled(rows: torch.Tensor, longest: int) -> torch.Tensor:
    if len(rows) == longest:
        return rows.contiguous()
    return torch.cat([rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])])


def _without_filler(whole: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    if len(set(counts)) == 1:
        return whole
    return torch.cat([part[:count] for part, count in zip(torch.split(whole, max(counts)), counts, strict=True)])
