"""Checkpoints written beside what the caller does: one at a time, and no failure is lost."""

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
import torch.distributed as dist

from raytrain.storage import Location
from raytrain.train.checkpoint import committed_steps, latest_checkpoint, load_state, log_folder
from raytrain.train.saving import Part, Saving
from train.ranks import on_ranks


def part(rank: int, first: int, step: int) -> Part:
    ledger = pa.table({"rank": [rank]})
    return Part(
        first, step, 0, {f"weight/{rank}": torch.full((3,), float(step))}, ledger, {"metrics.jsonl": [{"step": first}]}
    )


def goes_on_while_it_is_written(rank: int, world: int, folder: str) -> dict[str, Any]:
    """The commit of the first checkpoint waits until the caller has gone on, and the second waits for the first."""
    run, gone_on, order = Location.of(folder), threading.Event(), []

    def committed(checkpoint: Any) -> None:
        assert gone_on.wait(60)
        order.append(f"committed {checkpoint.step}")

    with Saving(run, [], committed) as saving:
        saving.save(part(rank, 0, 2))
        saving.check()
        order.append("went on")
        gone_on.set()
        saving.save(part(rank, 2, 4))
        order.append("saved the next")
    return {"order": order, "steps": committed_steps(run)}


def what_fails(rank: int, world: int, folder: str) -> list[str]:
    """A file stands where rank 1 writes its log: who is told, and when."""
    told = []
    for late in (False, True):
        try:
            with Saving(Location.of(folder), [], lambda checkpoint: None) as saving:
                if rank == 1:
                    (Path(folder) / "log").mkdir(parents=True, exist_ok=True)
                    (Path(folder) / log_folder(0, 2, saving._writer)).write_bytes(b"")
                dist.barrier()
                saving.save(part(rank, 0, 2))
                if late:
                    raise ValueError("of the caller")
                while saving._on_its_way is not None:
                    saving.check()
        except Exception as error:
            told.append(" ".join([str(error), *getattr(error, "__notes__", [])]))
    return told


def both(rank: int, world: int, folder: str) -> dict[str, Any]:
    found = {"written": goes_on_while_it_is_written(rank, world, f"{folder}/good")}
    return found | {"failed": what_fails(rank, world, f"{folder}/bad")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saving")


@pytest.fixture(scope="module")
def results(folder: Path) -> list[dict[str, Any]]:
    return on_ranks(2, both, folder, str(folder))


def test_the_caller_goes_on_while_a_checkpoint_is_written(results: list[dict[str, Any]]) -> None:
    assert results[0]["written"]["order"] == ["went on", "committed 2", "saved the next", "committed 4"]
    assert results[1]["written"]["order"] == ["went on", "saved the next"]
    assert [rank["written"]["steps"] for rank in results] == [[2, 4]] * 2


def test_a_checkpoint_has_the_parts_and_the_log_of_all_ranks(results: list[dict[str, Any]], folder: Path) -> None:
    run = Location.of(str(folder / "good"))
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    assert load_state(run, checkpoint).keys() == {"weight/0", "weight/1"}
    names = [file.path.rpartition("/")[2] for file in checkpoint.log]
    assert names == ["ledger-00000.parquet", "metrics.jsonl", "ledger-00001.parquet"] * 2
    assert len({file.path for file in checkpoint.log}) == 6


def test_no_failure_of_writing_is_lost(results: list[dict[str, Any]]) -> None:
    for rank in results:
        alone, beside = rank["failed"]
        assert "there is a file where a folder is needed" in alone
        assert beside.startswith("of the caller and the last checkpoint was not written: ")
        assert "there is a file where a folder is needed" in beside
