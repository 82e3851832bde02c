"""The loop on two ranks: what it logs, and steps that must not be made: counted, written down, and too many."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from raytrain.config import FromScratch, Train
from raytrain.errors import UserError
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.plan import lanes_of
from raytrain.storage import Location
from raytrain.train.checkpoint import Checkpoint, latest_checkpoint, load_state
from raytrain.train.engine import make_engine
from raytrain.train.loop import train_rank
from raytrain.train.trainee import Trainee
from train.made_batches import LANE_ROWS, LANES, LANGUAGES, PLAN, batch_of, ids_of
from train.ranks import on_ranks

STEPS = 8
BAD_LOSS, BAD_GRADIENT = 7, 8  # tokens
BAD = {1: (3, BAD_LOSS), 4: (0, BAD_GRADIENT)}  # step → lane and token: each on one rank alone


class Fragile(BiEncoder):
    """An encoder that some texts break: one token makes vectors NaN, another their gradients infinite."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        vectors = super().forward(input_ids, attention_mask)
        if (input_ids == BAD_LOSS).any():
            vectors = vectors * torch.nan
        if (input_ids == BAD_GRADIENT).any() and vectors.requires_grad:
            vectors.register_hook(lambda gradient: gradient * torch.inf)  # type: ignore[no-untyped-call]
        return vectors


def config_of(max_skipped: int) -> Train:
    return Train(
        max_steps=STEPS,
        checkpoint_every=3,
        keep_checkpoints=9,
        max_skipped=max_skipped,
        ledger=True,
        warmup_steps=2,
        learning_rate=1e-2,
        batch_size=LANES * LANE_ROWS,
        lanes=LANES,
        tokens_per_chunk=40,
        losses={"nce": {"temperature": {"start": 0.1}}},  # type: ignore[dict-item]
    )


def trainee(config: Train) -> Trainee:
    backbone = random_backbone(FromScratch(layers=1, hidden=32, heads=4, dropout=0.1), 300, 0, 64, seed=1)
    return Trainee(Fragile(backbone, "mean"), config.losses)


def train(rank: int, world: int, run: Location, max_skipped: int) -> dict[str, Any]:
    """Goes on from the newest checkpoint; what was reported, and the error that ended it."""
    config = config_of(max_skipped)
    module = trainee(config)
    checkpoint = latest_checkpoint(run)
    state = load_state(run, checkpoint) if checkpoint else {}
    if checkpoint:
        module.load_state_dict(weights_of(state))
    engine = make_engine(module, config, "cpu")
    if checkpoint:
        engine.load_state(state, checkpoint.updates)
    begin = checkpoint.step if checkpoint else 0
    reported: list[dict[str, Any]] = []
    warned: list[str] = []
    error = ""
    try:
        train_rank(
            engine,
            (batch_of(step, lanes_of(rank, world, LANES), BAD) for step in range(begin, STEPS)),
            config=config,
            plan=PLAN,
            run=run,
            pad_id=0,
            kept_tokens=50,
            packed=False,
            checkpoint=checkpoint,
            report=reported.append,
            warn=warned.append,
            asked=lambda: False,
            committed=lambda checkpoint: None,
        )
    except UserError as caught:
        error = str(caught)
    return {"reported": reported, "warned": warned, "error": error}


def weights_of(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix("weight/"): value for name, value in state.items() if name.startswith("weight/")}


def train_all(rank: int, world: int, folder: str) -> dict[str, dict[str, Any]]:
    """A run that may skip two steps; one that may skip one, started again as it is, and then with two."""
    whole, stopped = (Location.of(f"{folder}/{name}") for name in ("whole", "stopped"))
    return {
        "whole": train(rank, world, whole, 2),
        "stopped": train(rank, world, stopped, 1),
        "again": train(rank, world, stopped, 1),
        "more": train(rank, world, stopped, 2),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def results(folder: Path) -> list[dict[str, dict[str, Any]]]:
    """What each rank got, by run."""
    return on_ranks(2, train_all, folder, str(folder))


def newest(folder: Path, name: str) -> tuple[Location, Checkpoint]:
    run = Location.of(str(folder / name))
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    return run, checkpoint


def lines(run: Location, checkpoint: Checkpoint, name: str) -> list[dict[str, Any]]:
    """All lines of the log files of this name."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    files = [file for file in checkpoint.log if file.path.endswith(f"/{name}")]
    found = [line for file in files for line in (run / file.path).read_text().splitlines()]
    return [json.loads(line, parse_constant=refuse) for line in found]


def test_every_step_is_logged_and_all_ranks_report_the_same(results: Any, folder: Path) -> None:
    run, checkpoint = newest(folder, "whole")
    metrics = lines(run, checkpoint, "metrics.jsonl")
    assert [line["step"] for line in metrics] == list(range(STEPS))
    for line in metrics:
        assert line["languages"].keys() == set(LANGUAGES)
        assert sum(language["rows"] for language in line["languages"].values()) == LANES * LANE_ROWS
        assert 0 < line["padding"] < 0.5
        texts = [getattr(batch_of(line["step"], range(LANES), BAD), name) for name in ("queries", "passages")]
        assert line["tokens"] == sum(int(t.lengths.sum()) for t in texts)
    assert any(0 < line["recomputed"] < 1 for line in metrics)
    assert metrics[0]["temperatures"] == {"nce": pytest.approx(0.1)}
    assert metrics[0]["learning_rate"] == pytest.approx(5e-3)
    assert metrics[0]["terms"]["nce"] == pytest.approx(metrics[0]["loss"])
    assert [line["step"] for line in metrics if "checkpoint_seconds" in line] == [3, 6]
    clocks = {"seconds", "data_wait_seconds", "checkpoint_seconds"}
    one, two = ([{k: v for k, v in m.items() if k not in clocks} for m in r["whole"]["reported"]] for r in results)
    assert one == two


def test_a_step_that_is_not_finite_is_left_out_and_said_so(results: Any, folder: Path) -> None:
    run, checkpoint = newest(folder, "whole")
    assert (checkpoint.step, checkpoint.skipped, checkpoint.updates) == (STEPS, 2, STEPS - 2)
    metrics = lines(run, checkpoint, "metrics.jsonl")
    assert {line["step"]: line["skipped"] for line in metrics if "skipped" in line} == {1: "loss", 4: "gradient"}
    assert [metrics[1][key] for key in ("loss", "gradient_norm")] == [None, None]
    assert metrics[1]["terms"] == {"nce": None}
    assert metrics[4]["loss"] > 0
    assert metrics[4]["gradient_norm"] is None
    assert all(line["loss"] > 0 and line["gradient_norm"] > 0 for line in metrics if "skipped" not in line)
    assert metrics[1]["temperatures"] == metrics[2]["temperatures"]  # nothing was updated between them
    assert metrics[2]["temperatures"] != metrics[3]["temperatures"]


def test_the_rows_of_all_ranks_are_written_down_and_count_as_consumed(results: Any, folder: Path) -> None:
    run, checkpoint = newest(folder, "whole")
    skipped = lines(run, checkpoint, "skipped.jsonl")
    assert [(line["step"], line["why"]) for line in skipped] == [(1, "loss"), (4, "gradient")]
    for line in skipped:
        assert [row["id"] for row in line["rows"]] == ids_of(line["step"])
        assert [row["language"] for row in line["rows"]] == [LANGUAGES[x % 2] for x in range(LANES) for _ in range(2)]
    ledgers = [pq.read_table(run.local_path / f.path) for f in checkpoint.log if f.path.endswith(".parquet")]
    consumed = sorted(id for table in ledgers for id in table.column("id").to_pylist())
    assert consumed == sorted(id for step in range(STEPS) for id in ids_of(step))


def test_the_user_is_warned_once_and_told_how_many(results: Any) -> None:
    for rank in results:
        reported = rank["whole"]["reported"]
        assert [m.get("skipped_steps", 0) for m in reported] == [0, 1, 1, 1, 2, 2, 2, 2]
    (warning,) = results[0]["whole"]["warned"]
    assert not results[1]["whole"]["warned"]
    assert warning.startswith(
        "train: left out step 1, whose loss is not finite (languages: deu, fin; first ids: 1.0.0, 1.0.1, 1.1.0);"
    )


def test_one_more_than_may_be_skipped_stops_the_run_with_a_checkpoint(results: Any, folder: Path) -> None:
    for rank in results:
        assert len(rank["stopped"]["reported"]) == 5
        error = rank["stopped"]["error"]
        assert error == (
            "train: 2 steps were skipped, more than train.max_skipped (1); the last is step 4, whose gradient is not "
            "finite (languages: deu, fin; first ids: 4.0.0, 4.0.1, 4.1.0); the rows of all are in "
            f"{folder}/stopped/log/*/skipped.jsonl: mend or leave out bad rows, or lower train.learning_rate; "
            "with a higher train.max_skipped the run goes on"
        )
        assert rank["again"]["reported"] == []
        assert rank["again"]["error"].startswith(
            "train: 2 steps were skipped, more than train.max_skipped (1); the rows"
        )


def test_a_run_that_goes_on_ends_as_one_that_was_never_stopped(results: Any, folder: Path) -> None:
    """Bit by bit: weights, moments, and counts."""
    for rank in results:
        assert [m["step"] for m in rank["more"]["reported"]] == [5, 6, 7]
        assert rank["more"]["error"] == ""
        assert all(m["skipped_steps"] == 2 for m in rank["more"]["reported"])
    (run, whole), (other, stopped) = newest(folder, "whole"), newest(folder, "stopped")
    assert (stopped.step, stopped.skipped) == (whole.step, whole.skipped)
    expected, found = load_state(run, whole), load_state(other, stopped)
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert [line["step"] for line in lines(other, stopped, "metrics.jsonl")] == list(range(STEPS))
