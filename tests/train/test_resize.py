"""A run that changes its number of ranks on the way, under every stage of ZeRO: same rows, losses and moments."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from raytrain.config import FromScratch, Train
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.plan import lanes_of
from raytrain.storage import Location
from raytrain.train.checkpoint import latest_checkpoint, load_state
from raytrain.train.engine import Engine, make_engine
from raytrain.train.loop import train_rank
from raytrain.train.trainee import Trainee
from train.made_batches import LANE_ROWS, LANES, PLAN, batch_of, ids_of
from train.ranks import on_ranks

STAGES = (0, 1, 2, 3)
STEPS = 9


@dataclass(frozen=True)
class Leg:
    """Some steps of a run on some ranks; at the end of all but the last leg the run is asked to end."""

    run: str
    world: int
    end: int


# Runs are 2 → 1 → 2, 4 → 2, 2 → 3, and one that keeps its one rank. Legs of one line are made by the same ranks.
LEGS = (
    (Leg("1", 1, STEPS),),
    (Leg("2 1 2", 2, 3), Leg("2 3", 2, 4)),
    (Leg("4 2", 4, 5),),
    (Leg("2 1 2", 1, 6),),
    (Leg("2 1 2", 2, STEPS), Leg("4 2", 2, STEPS)),
    (Leg("2 3", 3, STEPS),),
)
RESIZED = ("2 1 2", "2 3", "4 2")


def config_of(stage: int) -> Train:
    return Train(
        zero_stage=stage,  # type: ignore[arg-type]
        max_steps=STEPS,
        checkpoint_every=100,
        ledger=True,
        warmup_steps=2,
        learning_rate=1e-2,
        batch_size=LANES * LANE_ROWS,
        lanes=LANES,
        tokens_per_chunk=40,
        losses={"nce": {"temperature": {"start": 0.1}}},  # type: ignore[dict-item]
    )


def whole_state(engine: Engine) -> dict[str, torch.Tensor]:
    parts: list[dict[str, torch.Tensor]] = [{}] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, engine.state())
    return {name: value for part in parts for name, value in part.items()}


def make_leg(rank: int, leg: Leg, stage: int, folder: str) -> dict[str, Any]:
    """The losses of the leg's steps, and whether it began with the very weights and moments of the one before."""
    config, run = config_of(stage), Location.of(f"{folder}/{stage}/{leg.run}")
    # A hidden size at which ZeRO cuts tensors in two where ranks are two, and unevenly where they are three.
    backbone = random_backbone(FromScratch(layers=1, hidden=40, heads=4, dropout=0.0), 300, 0, 64, seed=1)
    module = Trainee(BiEncoder(backbone, "mean"), config.losses)
    checkpoint = latest_checkpoint(run)
    state = load_state(run, checkpoint) if checkpoint else {}
    if checkpoint:
        module.load_state_dict({n.removeprefix("weight/"): v for n, v in state.items() if n.startswith("weight/")})
    engine = make_engine(module, config, "cpu")
    same = True
    if checkpoint:
        engine.load_state(state, checkpoint.updates)
        loaded = whole_state(engine)
        same = loaded.keys() == state.keys() and all(torch.equal(state[name], loaded[name]) for name in state)
    begin = checkpoint.step if checkpoint else 0
    reported: list[dict[str, Any]] = []
    lanes = lanes_of(rank, leg.world, LANES)
    train_rank(
        engine,
        (batch_of(step, lanes) for step in range(begin, STEPS)),
        config=config,
        plan=PLAN,
        run=run,
        pad_id=0,
        kept_tokens=50,
        packed=False,
        checkpoint=checkpoint,
        report=reported.append,
        warn=print,
        # Only the last rank is asked, and all must hear of it.
        asked=lambda: rank == leg.world - 1 and reported[-1]["step"] + 1 == leg.end,
        committed=lambda checkpoint: None,
    )
    return {"begin": begin, "same": same, "losses": [m["loss"] for m in reported]}


def make_legs(rank: int, world: int, legs: tuple[Leg, ...], folder: str) -> dict[str, dict[str, Any]]:
    return {f"{leg.run} {stage}": make_leg(rank, leg, stage, folder) for leg in legs for stage in STAGES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resize")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """By run and stage, what rank 0 got of each leg."""
    legs: dict[str, list[dict[str, Any]]] = {}
    for line in LEGS:
        for name, result in on_ranks(line[0].world, make_legs, folder, line, str(folder))[0].items():
            legs.setdefault(name, []).append(result)
    return legs


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", RESIZED)
def test_the_curve_is_that_of_a_run_that_was_not_resized(found: Any, name: str, stage: int) -> None:
    curve = [loss for leg in found[f"{name} {stage}"] for loss in leg["losses"]]
    assert len(curve) == STEPS
    assert curve == pytest.approx(found[f"1 {stage}"][0]["losses"], abs=1e-4)
    assert curve[-1] < curve[0]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", RESIZED)
def test_weights_and_moments_are_restored_bit_by_bit(found: Any, folder: Path, name: str, stage: int) -> None:
    legs = found[f"{name} {stage}"]
    assert [leg["begin"] for leg in legs] == [0, *(leg.end for line in LEGS for leg in line if leg.run == name)][:-1]
    assert all(leg["same"] for leg in legs)
    run = Location.of(f"{folder}/{stage}/{name}")
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    moments = [v for k, v in load_state(run, checkpoint).items() if k.startswith("exp_avg_sq/")]
    assert sum(float(moment.sum()) for moment in moments) > 0


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", RESIZED)
def test_every_row_is_consumed_once_and_by_the_plan(found: Any, folder: Path, name: str, stage: int) -> None:
    run = Location.of(f"{folder}/{stage}/{name}")
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    ledgers = [pq.read_table(run.local_path / f.path) for f in checkpoint.log if f.path.endswith(".parquet")]
    rows = [
        row for table in ledgers for row in zip(*table.select(["step", "lane", "id"]).to_pydict().values(), strict=True)
    ]
    expected = [(s, n // LANE_ROWS, id) for s in range(STEPS) for n, id in enumerate(ids_of(s))]
    assert sorted(rows) == sorted(expected)
