"""Checkpoints: only a committed one counts, damage has a name, and two writers do not overwrite each other."""

from pathlib import Path
from typing import Any

import pytest
import torch

from raytrain.artifact import File
from raytrain.errors import UserError
from raytrain.storage import Location
from raytrain.train.checkpoint import (
    checkpoint_folder,
    committed_steps,
    latest_checkpoint,
    load_state,
    log_folder,
    prune,
    save_checkpoint,
)

LOG = [File(path="log/000000000-000000002/metrics.jsonl", size=3, sha256="ab")]


def state(value: float) -> dict[str, torch.Tensor]:
    return {
        "weight/a.b": torch.full((3, 2), value),
        "moment/a.b": torch.arange(4, dtype=torch.float64) * value,
        "half": torch.tensor([value, -value], dtype=torch.bfloat16),
        "scalar": torch.tensor(7),
    }


def save(run: Location, step: int, value: float, world_size: int = 1) -> None:
    save_checkpoint(run, state(value), step=step, skipped=1, world_size=world_size, log=LOG)


def refusal(action: Any, *args: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*args)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.fixture
def run(tmp_path: Path) -> Location:
    """The folder of a run, that does not exist yet."""
    return Location.of(str(tmp_path / "run"))


def restored(run: Location) -> float:
    """The value of the newest state."""
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    return float(load_state(run, checkpoint)["weight/a.b"][0, 0])


def test_a_state_comes_back_bit_by_bit(run: Location) -> None:
    save(run, 2, 0.1, world_size=3)
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.world_size, checkpoint.log) == (2, 3, LOG)
    assert (checkpoint.skipped, checkpoint.updates) == (1, 1)
    loaded = load_state(run, checkpoint)
    assert loaded.keys() == state(0.1).keys()
    for name, tensor in state(0.1).items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_without_checkpoints_there_is_none(run: Location) -> None:
    assert latest_checkpoint(run) is None
    assert committed_steps(run) == []


def test_the_newest_counts_however_many_digits_it_has(run: Location) -> None:
    for step in (5, 1_000_000_000, 900_000_000):
        save(run, step, step)
    assert committed_steps(run) == [5, 900_000_000, 1_000_000_000]
    assert restored(run) == 1_000_000_000


def test_a_half_written_checkpoint_is_never_loaded(run: Location) -> None:
    save(run, 2, 2)
    (checkpoint_folder(run, 4) / "state.safetensors").write_bytes(b"half")
    (run / "checkpoints/step-000000006/other/manifest.json").write_bytes(b"{}")
    (run / "checkpoints/manifest.json").write_bytes(b"{}")
    assert committed_steps(run) == [2]
    assert restored(run) == 2


def state_file(run: Location, step: int) -> Location:
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    return checkpoint_folder(run, step) / checkpoint.state.path


def test_what_a_killed_writer_left_is_not_in_the_way(run: Location) -> None:
    (checkpoint_folder(run, 4) / "left-state.safetensors").write_bytes(b"half")
    save(run, 4, 4)
    assert restored(run) == 4


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_state_is_refused_and_named(run: Location, place: int) -> None:
    save(run, 2, 2)
    file = state_file(run, 2)
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(bytes(data))
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    assert refusal(load_state, run, checkpoint).startswith(f"{file.uri}: damaged")


def test_a_lost_or_cut_state_is_refused_and_named(run: Location) -> None:
    save(run, 2, 2)
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    file = state_file(run, 2)
    file.write_bytes(file.read_bytes()[:-1])
    assert file.uri in refusal(load_state, run, checkpoint)
    file.delete()
    assert file.uri in refusal(load_state, run, checkpoint)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"step": 2}', '{"step": "x"}'])
def test_a_damaged_manifest_is_refused_and_named(run: Location, text: str) -> None:
    save(run, 2, 2)
    manifest = checkpoint_folder(run, 2) / "manifest.json"
    manifest.write_bytes(text.encode())
    line = refusal(latest_checkpoint, run)
    assert line.startswith(f"{manifest.uri}: no valid checkpoint")


def test_deleting_a_damaged_checkpoint_goes_back_to_the_one_before(run: Location) -> None:
    for step in (2, 4):
        save(run, step, step)
    checkpoint_folder(run, 4).delete_tree()
    assert restored(run) == 2


@pytest.mark.parametrize(("keep", "left"), [(1, [30]), (2, [20, 30]), (3, [10, 20, 30]), (9, [10, 20, 30])])
def test_pruning_keeps_the_newest(run: Location, keep: int, left: list[int]) -> None:
    for step in (10, 30, 20):
        save(run, step, step)
    (run / "log/000000000-000000010/metrics.jsonl").write_bytes(b"kept")
    prune(run, keep)
    assert committed_steps(run) == left
    assert restored(run) == 30
    folders = {info.path.split("/")[0] for info in (run / "checkpoints").list()}
    assert folders == {f"step-{step:09d}" for step in left}
    assert (run / "log/000000000-000000010/metrics.jsonl").exists()


def test_a_second_writer_of_a_step_is_refused_and_the_first_stays_whole(run: Location) -> None:
    save(run, 4, 1)
    assert "another process trains the same run" in refusal(save, run, 4, 2)
    assert restored(run) == 1


def test_logs_of_a_run_sort_by_step() -> None:
    assert log_folder(0, 200) == "log/000000000-000000200"
    assert log_folder(800, 1_000) < log_folder(1_000, 1_200)
