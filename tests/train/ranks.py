"""Real ranks over gloo, without Ray: runs a function in N processes."""

import multiprocessing
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

# Imported once in the server that ranks are forked from: it takes seconds, and tests start many ranks.
multiprocessing.set_forkserver_preload(
    ["torch.distributed", "raytrain.train.loop", "raytrain.model.prepare", "deepspeed"]
)


def on_ranks(world: int, function: Callable[..., Any], tmp_path: Path, *args: Any) -> list[Any]:
    """What ``function(rank, world, *args)`` gave on each rank; it must be importable."""
    store = tmp_path / f"store-{world}-{function.__name__}"
    store.unlink(missing_ok=True)
    mp.start_processes(
        _rank, (world, function, str(store), str(tmp_path), args), nprocs=world, start_method="forkserver"
    )
    return [torch.load(tmp_path / f"result-{rank}.pt", weights_only=True) for rank in range(world)]


def _rank(rank: int, world: int, function: Callable[..., Any], store: str, out: str, args: tuple[Any, ...]) -> None:
    os.environ |= {"LOCAL_RANK": str(rank), "RANK": str(rank), "WORLD_SIZE": str(world)}  # as a launcher does
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=world, timeout=timedelta(seconds=120)
    )
    torch.save(function(rank, world, *args), Path(out) / f"result-{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
