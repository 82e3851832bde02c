"""Checkpoints: only a committed one counts, damage is named and stepped over, and no writer overwrites another's."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from raytrain.artifact import write_file
from raytrain.errors import DamagedError, OvertakenError, UserError
from raytrain.storage import Location
from raytrain.train.checkpoint import (
    Checkpoint,
    check_files,
    checkpoint_folder,
    committed_steps,
    latest_checkpoint,
    load_state,
    log_folder,
    newest_whole,
    prune,
    steps_done,
)
from train.saved import save_checkpoint


def state(value: float) -> dict[str, torch.Tensor]:
    return {
        "weight/a.b": torch.full((3, 2), value),
        "moment/a.b": torch.arange(4, dtype=torch.float64) * value,
        "half": torch.tensor([value, -value], dtype=torch.bfloat16),
        "scalar": torch.tensor(7),
    }


def save(run: Location, step: int, value: float, writer: str = "one") -> None:
    """A checkpoint of two ranks, one of which has two tensors and the other the rest, and its part of the log."""
    whole, older = state(value), latest_checkpoint(run)
    first, second = ({name: whole[name] for name in names} for names in (list(whole)[:2], list(whole)[2:]))
    begun = older.step if older and older.step < step else 0
    folder = log_folder(begun, step, writer)
    log = [write_file(f"{step} {name}".encode(), run, f"{folder}/{name}") for name in ("metrics.jsonl", "ledger-00000")]
    before = older.log if begun and older else []
    save_checkpoint(run, [first, second], step=step, skipped=1, log=[*before, *log], writer=writer)


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
    save(run, 2, 0.1)
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.world_size, len(checkpoint.parts)) == (2, 2, 2)
    assert (checkpoint.skipped, checkpoint.updates) == (1, 1)
    loaded = load_state(run, checkpoint)
    assert loaded.keys() == state(0.1).keys()
    for name, tensor in state(0.1).items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_without_checkpoints_there_is_none(run: Location) -> None:
    assert latest_checkpoint(run) is None
    assert committed_steps(run) == []
    assert steps_done(run) == 0
    assert newest_whole(run, print) is None


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


def test_what_a_killed_writer_left_is_not_in_the_way(run: Location) -> None:
    (checkpoint_folder(run, 4) / "left-state.safetensors").write_bytes(b"half")
    save(run, 4, 4)
    assert restored(run) == 4


def files_of(run: Location, step: int) -> list[Location]:
    """All that a checkpoint added: two parts, its manifest, two files of the log."""
    folder = checkpoint_folder(run, step)
    found = [folder / info.path for info in folder.list()]
    found += [run / "log" / info.path for info in (run / "log").list() if f"-{step:09d}-" in info.path]
    assert len(found) == 5
    return found


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGES = {"flipped": flip, "cut": lambda data: data[:-1], "empty": lambda data: b"", "gone": None}


@pytest.mark.parametrize(
    ("which", "damage"),
    # A checkpoint without its manifest, the first of its files, is not damaged: it is none.
    [(which, damage) for which in range(5) for damage in DAMAGES if (which, damage) != (0, "gone")],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_counts(run: Location, which: int, damage: str) -> None:
    for step in (2, 4):
        save(run, step, step)
    file, change = files_of(run, 4)[which], DAMAGES[damage]
    if change:
        file.write_bytes(change(file.read_bytes()))
    else:
        file.delete()
    told: list[str] = []
    whole = newest_whole(run, told.append)
    assert whole is not None
    assert whole.step == 2
    assert len(told) == 1
    assert told[0].startswith(f"train: {file.uri}: damaged: ")
    assert told[0].endswith("; goes on from the checkpoint before, of step 2")
    assert float(load_state(run, whole)["weight/a.b"][0, 0]) == 2
    # It is out of the way, and what it said is kept.
    assert committed_steps(run) == [2]
    assert file.uri in json.loads((checkpoint_folder(run, 4) / "damaged.json").read_text())["why"]
    save(run, 4, 5, writer="two")
    assert restored(run) == 5
    assert newest_whole(run, told.append) == latest_checkpoint(run)
    assert len(told) == 1


def test_where_none_is_whole_nothing_is_begun_again_by_itself(run: Location) -> None:
    for step in (2, 4):
        save(run, step, step)
    first = run / log_folder(0, 2, "one") / "metrics.jsonl"  # which both need
    first.write_bytes(b"else")
    line = refusal(newest_whole, run, print)
    assert line.startswith(f"{first.uri}: damaged: ")
    assert f"bring the file back, or delete {run.uri} to begin again" in line
    assert committed_steps(run) == [2, 4]


@pytest.mark.parametrize("which", [0, 1])
def test_a_state_damaged_since_is_refused_and_named(run: Location, which: int) -> None:
    save(run, 2, 2)
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    file = checkpoint_folder(run, 2) / checkpoint.parts[which].path
    data = file.read_bytes()
    for broken in (flip(data), data[:-1]):
        file.write_bytes(broken)
        with pytest.raises(DamagedError, match=f"^{file.uri}: damaged"):
            load_state(run, checkpoint)
    file.delete()
    assert file.uri in refusal(load_state, run, checkpoint)


class Trap:
    """Unpickled, it would leave a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_in_the_place_of_a_state_is_not_executed(run: Location, tmp_path: Path) -> None:
    """Not even if its hash is that of the manifest."""
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()  # the trap works
    sprung.unlink()
    save(run, 2, 2)
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    for data in (pickle.dumps(Trap(sprung)), torch_file(Trap(sprung), tmp_path)):
        planted = write_file(data, checkpoint_folder(run, 2), checkpoint.parts[0].path)
        forged = checkpoint.model_copy(update={"parts": [planted, checkpoint.parts[1]]})
        assert refusal(load_state, run, forged).startswith(f"{(checkpoint_folder(run, 2) / planted.path).uri}: no safe")
        assert not sprung.exists()


def torch_file(value: Any, folder: Path) -> bytes:
    torch.save(value, folder / "file.pt")
    return (folder / "file.pt").read_bytes()


def test_no_flipped_bit_of_a_manifest_goes_unnoticed(run: Location) -> None:
    """But for white space, which says nothing."""
    save(run, 2, 2)
    manifest = checkpoint_folder(run, 2) / "manifest.json"
    whole, checkpoint = manifest.read_bytes(), latest_checkpoint(run)
    for place in range(len(whole)):
        manifest.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            assert latest_checkpoint(run) == checkpoint
        except DamagedError:
            continue
        assert whole[place : place + 1].isspace()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"step": 2}', '{"step": "x"}'])
def test_a_damaged_manifest_is_refused_and_named(run: Location, text: str) -> None:
    save(run, 2, 2)
    manifest = checkpoint_folder(run, 2) / "manifest.json"
    manifest.write_bytes(text.encode())
    assert refusal(latest_checkpoint, run).startswith(f"{manifest.uri}: damaged")


@pytest.mark.parametrize(("keep", "left"), [({30}, [30]), ({10, 30}, [10, 30]), ({10, 20, 30, 40}, [10, 20, 30])])
def test_pruning_leaves_what_is_to_be_kept(run: Location, keep: set[int], left: list[int]) -> None:
    for step in (10, 30, 20):
        save(run, step, step)
    (run / "log/000000000-000000010-one/metrics.jsonl").write_bytes(b"kept")
    prune(run, keep)
    assert committed_steps(run) == left
    assert restored(run) == 30
    folders = {info.path.split("/")[0] for info in (run / "checkpoints").list()}
    assert folders == {f"step-{step:09d}" for step in left}
    assert (run / "log/000000000-000000010-one/metrics.jsonl").exists()


def test_a_second_writer_of_a_step_is_refused_and_the_first_stays_whole(run: Location) -> None:
    save(run, 4, 1)
    with pytest.raises(OvertakenError, match="another process trains the same run"):
        save(run, 4, 2, writer="two")
    assert restored(run) == 1
    assert newest_whole(run, print) == latest_checkpoint(run)


def test_logs_of_a_run_sort_by_step() -> None:
    assert log_folder(0, 200, "a") == "log/000000000-000000200-a"
    assert log_folder(800, 1_000, "b") < log_folder(1_000, 1_200, "a")


def test_checkpoints_that_go_while_they_are_read_are_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else goes on from them, commits a newer one, and deletes the old."""
    run = Location.of(str(tmp_path))
    save_checkpoint(run, [{"weight/a": torch.ones(2)}], step=4)

    def overtaken(place: Location, checkpoint: Checkpoint) -> None:
        monkeypatch.undo()
        save_checkpoint(run, [{"weight/a": torch.ones(2)}], step=8)
        prune(run, {8})
        check_files(place, checkpoint)

    monkeypatch.setattr("raytrain.train.checkpoint.check_files", overtaken)
    found = newest_whole(run, print)
    assert found is not None
    assert found.step == 8
