"""The step under DeepSpeed: every stage and world size gives what one process with plain torch gives."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from raytrain.config import FromScratch, Train
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.model.texts import Texts
from raytrain.plan import lanes_of
from raytrain.train.engine import engine_state, load_engine_state, make_engine, set_learning_rate, step_engine
from raytrain.train.step import RankBatch, Shape, rank_loss
from train.ranks import on_ranks

LANES, LANE_ROWS, STEPS = 5, 3, 4
CPU = torch.device("cpu")


def model() -> BiEncoder:
    config = FromScratch(layers=2, hidden=32, heads=4, dropout=0.0)
    return BiEncoder(random_backbone(config, 300, 0, 64, seed=1), "mean")


def batch_of(lanes: range, step: int) -> RankBatch:
    """Rows that depend on lane and step alone, of very different lengths."""
    texts: dict[str, list[np.ndarray[Any, np.dtype[np.int32]]]] = {"queries": [], "passages": []}
    for lane in lanes:
        rng = np.random.default_rng([step, lane])
        for _ in range(LANE_ROWS):
            texts["queries"].append(rng.integers(5, 300, rng.integers(2, 8)).astype(np.int32))
            texts["passages"].append(rng.integers(5, 300, rng.integers(2, 40)).astype(np.int32))
    joined = {
        name: Texts(np.concatenate(ids), np.cumsum([0, *map(len, ids)]).astype(np.int64)) for name, ids in texts.items()
    }
    n = len(lanes) * LANE_ROWS
    return RankBatch(step, joined["queries"], joined["passages"], [""] * n, [""] * n, [0] * n)


def shape_of(rank: int, world: int, tokens: int, stage: int) -> Shape:
    rows = tuple(len(lanes_of(r, world, LANES)) * LANE_ROWS for r in range(world))
    return Shape(rank, rows, 0, tokens, 0.05, equal_chunks=stage == 3)


def config_of(stage: int, bf16: bool) -> Train:
    return Train(
        zero_stage=stage, bf16=bf16, max_grad_norm=0.5, weight_decay=0.1, lanes=LANES, batch_size=LANES * LANE_ROWS
    )


def weights_of(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix("weight/"): value for name, value in state.items() if name.startswith("weight/")}


def train(rank: int, world: int, stage: int, tokens: int, stop: int, bf16: bool = False) -> dict[str, Any]:
    """Some steps on a rank; with ``stop`` the state goes through a fresh engine after that many."""
    engine = make_engine(model(), config_of(stage, bf16), "cpu")
    begun = weights_of(engine_state(engine))
    same = all(torch.equal(begun[name], weight) for name, weight in model().state_dict().items()) if rank == 0 else True
    shape = shape_of(rank, world, tokens, stage)
    lanes = lanes_of(rank, world, LANES)
    losses, norms = [], []
    for step in range(STEPS):
        if step == stop:
            state = [engine_state(engine)]
            torch.distributed.broadcast_object_list(state)
            fresh = model()
            fresh.load_state_dict(weights_of(state[0]))
            engine = make_engine(fresh, config_of(stage, bf16), "cpu")
            load_engine_state(engine, state[0], step)
        set_learning_rate(engine, 1e-2 * (step + 1))
        part = rank_loss(engine, batch_of(lanes, step), shape, CPU)
        engine.backward(part * world)
        norms.append(step_engine(engine))
        whole = part.detach().clone()
        torch.distributed.all_reduce(whole)
        losses.append(float(whole))
    return {"losses": losses, "norms": norms, "weights": weights_of(engine_state(engine)), "begun_exactly": same}


def plain_torch() -> dict[str, Any]:
    """The same steps in one process without DeepSpeed, chunks, gathering or a word about ranks."""
    encoder = model()
    parameters = list(encoder.parameters())
    decayed, plain = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}])
    losses, norms = [], []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (step + 1)
        batch = batch_of(range(LANES), step)
        queries, passages = (
            encoder(*map(torch.from_numpy, texts.padded(np.arange(len(texts)), 0)))
            for texts in (batch.queries, batch.passages)
        )
        loss = torch.nn.functional.cross_entropy(queries @ passages.T / 0.05, torch.arange(len(queries)))
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(clip_grad_norm_(parameters, 0.5)))
        optimizer.step()
        losses.append(float(loss.detach()))
    return {"losses": losses, "norms": norms}


# By number of ranks: ZeRO stage, tokens a chunk (few: ranks get different numbers of chunks), restart at step, bf16.
CASES = {
    1: [(0, 10**6, -1, False), (1, 60, -1, False)],
    2: [
        *[(stage, 10**6, -1, False) for stage in range(4)],
        *[(stage, 60, restart, False) for stage in range(4) for restart in (-1, 2)],
        *[(stage, 60, restart, True) for stage in (1, 2, 3) for restart in (-1, 2)],
    ],
    3: [(1, 60, -1, False), (3, 45, -1, False)],
}


def train_all(rank: int, world: int) -> list[dict[str, Any]]:
    """All cases of a number of ranks in one go: starting ranks takes longer than training."""
    return [train(rank, world, *case) for case in CASES[world]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, list[dict[str, Any]]]:
    """What every rank got, by (ranks, stage, tokens a chunk, restart, bf16)."""
    found = {}
    for world, cases in CASES.items():
        by_rank = on_ranks(world, train_all, tmp_path_factory.mktemp("ranks"))
        found |= {(world, *case): [rank[i] for rank in by_rank] for i, case in enumerate(cases)}
    return found


ALL = [(world, *case) for world, cases in CASES.items() for case in cases]


@pytest.mark.parametrize("case", [case for case in ALL if not case[-1]])
def test_ranks_and_stages_give_what_one_process_gives(case: Any, results: dict[Any, Any]) -> None:
    """Losses over several optimiser steps, and the norms of the gradients: were one scaled by the number of
    ranks, or a chunk lost, both would differ."""
    torch.set_num_threads(1)
    expected = plain_torch()
    for result in results[case]:
        assert result["losses"] == pytest.approx(expected["losses"], abs=2e-5)
        assert result["norms"] == pytest.approx(expected["norms"], rel=1e-3)


@pytest.mark.parametrize("case", [case for case in ALL if case[-1]])
def test_bf16_starts_from_exact_weights_and_goes_the_same_way(case: Any, results: dict[Any, Any]) -> None:
    expected = plain_torch()
    for result in results[case]:
        assert result["begun_exactly"]
        assert result["losses"][:2] == pytest.approx(expected["losses"][:2], rel=0.05)


@pytest.mark.parametrize("case", [case for case in ALL if case[3] == 2])
def test_state_put_back_into_a_fresh_engine_goes_on_bitwise(case: Any, results: dict[Any, Any]) -> None:
    world, stage, tokens, _, bf16 = case
    whole, again = results[world, stage, tokens, -1, bf16][0], results[case][0]
    assert again["losses"] == whole["losses"]
    assert whole["weights"].keys() == again["weights"].keys()
    assert len(whole["weights"]) > 10
    for name, weight in whole["weights"].items():
        assert torch.equal(weight, again["weights"][name]), name
