"""The engine: each stage and number of ranks gives what one process with plain torch gives; no step is half made."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from raytrain.config import FromScratch, Train
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.plan import lanes_of
from raytrain.train.engine import Engine, make_engine
from raytrain.train.trainee import Trainee
from train.ranks import on_ranks

LANES, STEPS = 5, 4
PEAK, PEAK_OF_TEMPERATURES = 1e-2, (3e-2, 5e-3)

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Case:
    """A run of ``STEPS`` steps on ``world`` ranks."""

    world: int
    stage: int
    recomputed: bool = True  # a backward call a lane, after a pass without graphs; else one for all lanes
    bf16: bool = False
    disturbed: bool = False  # before step 2, a step that must not be made, and then a restart

    @property
    def clip(self) -> float:
        """The norm of gradients is taken with clipping and without."""
        return 0.5 if self.recomputed else 0.0

    @property
    def bad(self) -> float:
        """What the gradient of the last rank has in the step that must not be made."""
        return math.nan if self.recomputed else math.inf


WORLDS = {
    1: [Case(1, 0, recomputed=False), Case(1, 1)],
    2: [
        *[Case(2, s, recomputed, disturbed=d) for s in range(4) for recomputed in (False, True) for d in (False, True)],
        *[Case(2, stage, bf16=True, disturbed=disturbed) for stage in (1, 2, 3) for disturbed in (False, True)],
    ],
    3: [Case(3, 2), Case(3, 3), Case(3, 3, disturbed=True)],
}
CASES = [case for cases in WORLDS.values() for case in cases]


def config_of(case: Case) -> Train:
    learned = {
        f"term_{i}": {"temperature": {"start": 0.5, "learning_rate": peak}}
        for i, peak in enumerate(PEAK_OF_TEMPERATURES)
    }
    return Train(
        zero_stage=case.stage,  # type: ignore[arg-type]
        bf16=case.bf16,
        max_grad_norm=case.clip,
        weight_decay=0.1,
        learning_rate=PEAK,
        losses=learned,  # type: ignore[arg-type]
    )


def trainee() -> Trainee:
    config = FromScratch(layers=2, hidden=32, heads=4, dropout=0.0)
    encoder = BiEncoder(random_backbone(config, 300, 0, 64, seed=1), "mean")
    return Trainee(encoder, config_of(Case(1, 0)).losses)


def texts(step: int, lane: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, of a size that depends on step and lane."""
    generator = torch.Generator().manual_seed(100 * step + lane)
    n, length = (int(x) for x in torch.randint(1, 12, (2,), generator=generator))
    ids = torch.randint(5, 300, (n, length), generator=generator)
    return ids, torch.ones_like(ids)


def value(step: int, lane: int, vectors: torch.Tensor, temperatures: torch.Tensor) -> torch.Tensor:
    """Something to differentiate that reaches all parameters."""
    wanted = torch.randn(len(vectors), 32, generator=torch.Generator().manual_seed(100 * step + lane))
    return (vectors * wanted).sum() / temperatures.prod() / (100 * LANES)


def go_back(engine: Engine, case: Case, step: int, lanes: range, bad: float = 1.0) -> float:
    """The forward and backward passes of a step; gives the rank's value. Ranks with fewer lanes make idle passes."""
    most = max(len(lanes_of(rank, case.world, LANES)) for rank in range(case.world))
    turns: list[tuple[int, float]] = [(lane, bad) for lane in lanes] + [(0, 0.0)] * (most - len(lanes))
    if case.recomputed:
        with torch.no_grad():
            for lane, _ in turns:
                engine.embed(*texts(step, lane))
    engine.embed(*texts(step, 0))  # a graph that is left
    whole = 0.0
    kept = torch.zeros(())
    for number, (lane, weight) in enumerate(turns):
        part = weight * value(step, lane, *engine.embed(*texts(step, lane)))
        whole += float(part.detach())
        if case.recomputed:
            engine.backward(part, last=number == len(turns) - 1)
        else:
            kept = kept + part
    if not case.recomputed:
        engine.backward(kept, last=True)
    return whole


def whole_state(engine: Engine) -> State:
    """The states of all ranks together; no tensor is in two of them."""
    parts: list[State] = [{}] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, engine.state())
    whole = {name: value for part in parts for name, value in part.items()}
    assert len(whole) == sum(map(len, parts))
    return whole


def disturb(engine: Engine, case: Case, rank: int, step: int) -> tuple[Engine, dict[str, Any]]:
    """Tries a bad step, and puts the state into a fresh engine; also whether weights and moments stayed the same."""
    before = whole_state(engine)
    lanes = lanes_of(rank, case.world, LANES)
    go_back(engine, case, 50, lanes, bad=case.bad if rank == case.world - 1 else 1.0)
    norm = engine.step(1.0)
    state = whole_state(engine)
    found = {"norm": norm, "same": all(torch.equal(before[name], state[name]) for name in before)}
    # One good step more with the engine at hand, for what a bad one may leave in it.
    go_back(engine, case, step, lanes)
    engine.step(factor(step))
    found["then"] = whole_state(engine)
    fresh = trainee()
    fresh.load_state_dict(weights_of(state))
    engine = make_engine(fresh, config_of(case), "cpu")
    engine.load_state(state, updates=step)
    return engine, found


def run(rank: int, case: Case) -> dict[str, Any]:
    """All steps of a case on a rank."""
    engine = make_engine(trainee(), config_of(case), "cpu")
    found: dict[str, Any] = {"begun": whole_state(engine), "values": [], "norms": []}
    for step in range(STEPS):
        if case.disturbed and step == 2:
            engine, found["bad"] = disturb(engine, case, rank, step)
        part = torch.tensor(go_back(engine, case, step, lanes_of(rank, case.world, LANES)), dtype=torch.float64)
        torch.distributed.all_reduce(part)
        found["values"].append(float(part))
        found["norms"].append(engine.step(factor(step)))
        if step == 2:
            found["then"] = whole_state(engine)
    return found | {"state": whole_state(engine)}


def weights_of(state: State) -> State:
    return {name.removeprefix("weight/"): value for name, value in state.items() if name.startswith("weight/")}


def factor(step: int) -> float:
    return (step + 1) / STEPS


def plain_torch(clip: float) -> dict[str, Any]:
    """The same steps in one process without DeepSpeed and without a word about ranks."""
    module = trainee()
    encoder, learned = list(module.encoder.parameters()), list(module.temperatures.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in encoder if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in encoder if p.ndim <= 1], "weight_decay": 0.0},
            *({"params": [parameter], "weight_decay": 0.0} for parameter in learned),
        ]
    )
    values, norms = [], []
    for step in range(STEPS):
        for group, peak in zip(optimizer.param_groups, [PEAK, PEAK, *PEAK_OF_TEMPERATURES], strict=True):
            group["lr"] = peak * factor(step)
        whole = sum((value(step, lane, *module(*texts(step, lane))) for lane in range(LANES)), torch.zeros(()))
        optimizer.zero_grad()
        whole.backward()
        norms.append(float(clip_grad_norm_(module.parameters(), clip or math.inf)))
        optimizer.step()
        values.append(float(whole.detach()))
    return {"values": values, "norms": norms, "weights": module.state_dict()}


def run_all(rank: int, world: int) -> list[dict[str, Any]]:
    """All cases of a number of ranks in one go: starting ranks takes longer than training."""
    return [run(rank, case) for case in WORLDS[world]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, list[dict[str, Any]]]:
    """What every rank got."""
    found = {}
    for world, cases in WORLDS.items():
        by_rank = on_ranks(world, run_all, tmp_path_factory.mktemp("ranks"))
        found |= {case: [rank[i] for rank in by_rank] for i, case in enumerate(cases)}
    return found


@pytest.mark.parametrize("case", [case for case in CASES if not case.bf16], ids=str)
def test_ranks_and_stages_give_what_one_process_gives(case: Case, results: Any) -> None:
    """Were a gradient scaled by the number of ranks, a call lost or a group's rate wrong, these would differ."""
    torch.set_num_threads(1)
    expected = plain_torch(case.clip)
    assert max(expected["norms"]) > 0.6  # clipping matters
    for result in results[case]:
        assert result["values"] == pytest.approx(expected["values"], abs=2e-5)
        assert result["norms"] == pytest.approx(expected["norms"], rel=1e-3)
    weights = weights_of(results[case][0]["state"])
    for name, weight in expected["weights"].items():
        if name.startswith("temperatures."):
            assert weights[name].tolist() == pytest.approx(weight.tolist(), abs=1e-4)


@pytest.mark.parametrize("case", [case for case in CASES if case.bf16], ids=str)
def test_bf16_starts_from_exact_weights_and_goes_the_same_way(case: Case, results: Any) -> None:
    expected, begun = plain_torch(case.clip), weights_of(results[case][0]["begun"])
    for name, weight in trainee().state_dict().items():
        assert torch.equal(begun[name], weight), name
    for result in results[case]:
        assert result["values"] == pytest.approx(expected["values"], abs=3e-3)
        assert result["norms"] == pytest.approx(expected["norms"], rel=0.02)


DISTURBED = [case for case in CASES if case.disturbed]


@pytest.mark.parametrize("case", DISTURBED, ids=str)
def test_a_gradient_that_is_not_finite_updates_nothing_on_any_rank(case: Case, results: Any) -> None:
    for result in results[case]:
        assert not math.isfinite(result["bad"]["norm"])
        assert result["bad"]["same"]


@pytest.mark.parametrize("case", DISTURBED, ids=str)
def test_a_bad_step_and_a_restart_leave_no_trace(case: Case, results: Any) -> None:
    """Weights and moments are bit by bit those of the run that went straight on, after a step and at the end."""
    whole, again = results[replace(case, disturbed=False)][0], results[case][0]
    assert again["values"] == whole["values"]
    for found, expected in ((again["bad"]["then"], whole["then"]), (again["state"], whole["state"])):
        assert found.keys() == expected.keys()
        assert len(expected) > 30
        for name, value in expected.items():
            assert torch.equal(value, found[name]), name
