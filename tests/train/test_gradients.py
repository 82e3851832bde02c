"""The gradient of the step equals that of one process with the plain loss over the whole batch.

For every loss and their sum, on 1 to 4 ranks, with all graphs kept, none kept and some, in chunks of several sizes,
under ZeRO 0 to 3; also where ZeRO 3 shards weights, with packed attention and with gradient checkpointing. And steps
one after the other have the losses of plain AdamW.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from deepspeed.utils import safe_get_full_grad

from raytrain.config import FromScratch, Train
from raytrain.losses.config import KL, InfoNCE, LearnedTemperature, Loss, MarginMSE, Matryoshka
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.model.prepare import Attention, prepare_encoder
from raytrain.plan import lanes_of
from raytrain.train.engine import Engine, make_engine
from raytrain.train.step import StepRules, take_step
from raytrain.train.trainee import Trainee
from train.plain_engine import PlainEngine
from train.plain_losses import whole_loss
from train.ragged_batches import LANES, LANGUAGES, batch_of, rows_of
from train.ranks import on_ranks

STEP = 3
LEARNED = LearnedTemperature(start=0.07)
LOSSES: dict[str, dict[str, Loss]] = {
    "info_nce": {"a": InfoNCE()},
    "learned": {"a": InfoNCE(temperature=LEARNED)},
    "symmetric": {"a": InfoNCE(symmetric=True, temperature=0.1)},
    "margin": {"a": InfoNCE(false_negative_margin=0.02)},
    "margin_mse": {"a": MarginMSE(score_scale=4.0)},
    "kl": {"a": KL(score_scale=4.0, temperature=2.0)},
    "matryoshka": {"a": InfoNCE(symmetric=True, matryoshka=Matryoshka(dims=[8, 32], weights=[0.5, 1.0]))},
    "sum": {
        "plain": InfoNCE(weight=0.3),
        "nested": InfoNCE(temperature=LEARNED, symmetric=True, matryoshka=Matryoshka(dims=[8, 32])),
        "teacher": MarginMSE(weight=0.2, score_scale=4.0, matryoshka=Matryoshka(dims=[16])),
        "list": KL(weight=0.5, score_scale=3.0),
    },
}
# Tokens a chunk, tokens whose graphs are kept. Small chunks make unequal numbers of them on unequal ranks.
CACHES = {"off": (10**6, 10**6), "kept": (100, 10**6), "none": (100, 0), "small": (40, 0), "some": (100, 200)}
STAGES = (0, 1, 2, 3)
WORLDS = (1, 2, 3, 4)
FROM_SCRATCH = FromScratch(layers=2, hidden=32, heads=4, dropout=0.0)

STEPS, RATE = 5, 1e-3  # of training
TRAINED_WORLDS = (2, 3)


@dataclass(frozen=True)
class Wide:
    """A model of which ZeRO 3 shards each matrix of a layer (DeepSpeed leaves whole what has 100,000 elements)."""

    stage: int
    attention: Attention = "padded"
    checkpointing: bool = False
    dropout: float = 0.0

    @property
    def config(self) -> FromScratch:
        """1 layer of matrices of 320 × 320."""
        return FromScratch(layers=1, hidden=320, heads=4, intermediate=320, dropout=self.dropout)


WIDE_WORLD = 2
WIDE = (
    Wide(3),
    Wide(3, "packed", checkpointing=True),
    *(Wide(stage, "packed", checkpointing, 0.3) for stage in (1, 3) for checkpointing in (False, True)),
)
WIDE_CACHES = ("kept", "none", "some")  # of the same chunks, and so with the same dropout


def trainee(losses: Mapping[str, Loss], config: FromScratch = FROM_SCRATCH) -> Trainee:
    return Trainee(BiEncoder(random_backbone(config, 300, 0, 64, seed=1), "mean"), losses)


def config_of(losses: Mapping[str, Loss], stage: int) -> Train:
    return Train(
        zero_stage=stage,  # type: ignore[arg-type]
        max_grad_norm=0,
        learning_rate=RATE,
        lanes=LANES,
        batch_size=LANES,
        losses=losses,  # type: ignore[arg-type]
    )


def rules_of(losses: Mapping[str, Loss], cache: str) -> StepRules:
    tokens, kept = CACHES[cache]
    return StepRules(losses, LANGUAGES, pad_id=0, tokens_per_chunk=tokens, kept_tokens=kept, seed=1)


def flat(gradients: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([gradient.double().reshape(-1) for gradient in gradients])


def expected(name: str, config: FromScratch = FROM_SCRATCH) -> tuple[torch.Tensor, dict[str, float | None], float]:
    """Gradient, terms and loss by the plain losses in double precision."""
    module = trainee(LOSSES[name], config).double()
    theta = torch.cat([torch.zeros(0), *module.temperatures.logs])
    loss, terms = whole_loss(module.encoder, rows_of(STEP, range(LANES)), LOSSES[name], theta)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in module.parameters()]
    return flat(gradients), terms, float(loss.detach())


def plain_training() -> list[float]:
    """The losses of ``STEPS`` steps of PyTorch's AdamW by the plain losses in double precision."""
    losses = LOSSES["sum"]
    module, config = trainee(losses).double(), config_of(losses, 0)
    matrices, others = (
        [p for p in module.encoder.parameters() if (p.ndim > 1) is is_matrix] for is_matrix in (True, False)
    )
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": others},
            {"params": list(module.temperatures.parameters()), "lr": LEARNED.learning_rate},
        ],
        lr=RATE,
        weight_decay=0.0,
    )
    found = []
    for step in range(STEPS):
        loss, _ = whole_loss(
            module.encoder, rows_of(step, range(LANES)), losses, torch.cat([*module.temperatures.logs])
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        found.append(float(loss.detach()))
    return found


def report(taken: Any, gradient: torch.Tensor) -> dict[str, Any]:
    return {"loss": taken.loss, "terms": taken.terms, "gradient": gradient, "chunks": taken.chunks, "kept": taken.kept}


def batch(rank: int, world: int, step: int = STEP) -> Any:
    lanes = lanes_of(rank, world, LANES)
    return batch_of(rows_of(step, lanes), step, lanes)


def cases(world: int, stage: int | None = None) -> list[tuple[str, str]]:
    """The sum of all losses with every cache, and every loss with one, which differs by ranks and stage.

    Under a stage of ZeRO every other loss: each is there with every stage, and with every number of ranks.
    """
    caches = list(CACHES)
    turns = {name: i + world + (stage or 0) for i, name in enumerate(LOSSES) if name != "sum"}
    few = [(name, caches[turn % len(caches)]) for name, turn in turns.items() if stage is None or turn % 2 == 0]
    return few + [("sum", cache) for cache in caches]


def every_case(world: int, stage: int | None = None) -> list[tuple[str, str]]:
    """Every loss with every cache."""
    return [(name, cache) for name in LOSSES for cache in CACHES]


def in_doubles(rank: int, world: int, chosen: Any) -> dict[str, Any]:
    """Losses and caches in double precision, with the engine that does least."""
    found = {}
    for name, cache in chosen(world):
        engine = PlainEngine(trainee(LOSSES[name]).double())
        taken = take_step(engine, batch(rank, world), rules_of(LOSSES[name], cache))
        gradient = flat([p.grad for p in engine.trainee.parameters() if p.grad is not None])
        found[f"{name} {cache}"] = report(taken, gradient)
    return found


def full_gradient(engine: Engine) -> torch.Tensor:
    """Of the whole batch, before the update; every rank must call it."""
    parts = []
    for parameter in engine._engine.module.parameters():
        gradient = parameter.grad if engine._engine.zero_optimization_stage() == 0 else safe_get_full_grad(parameter)
        assert gradient is not None
        parts.append(gradient)
    return flat(parts)


def under_zero(rank: int, world: int, chosen: Any) -> dict[str, Any]:
    """Losses and caches in single precision under every stage of ZeRO."""
    found = {}
    for stage in STAGES:
        # One engine for all: it learns as many temperatures as the case with the most, and the others ask nothing.
        engines: dict[int, Engine] = {}
        for name, cache in chosen(world, stage):
            learned = len(trainee(LOSSES[name]).temperatures.state_dict())
            if learned not in engines:
                engines[learned] = make_engine(trainee(LOSSES[name]), config_of(LOSSES[name], stage), "cpu")
            engine = engines[learned]
            taken = take_step(engine, batch(rank, world), rules_of(LOSSES[name], cache))
            found[f"{stage} {name} {cache}"] = report(taken, full_gradient(engine))
            engine.step(0.0)  # a rate of nothing: it clears the gradient and leaves the weights
    return found


def both(rank: int, world: int, chosen: Any) -> dict[str, Any]:
    return {"doubles": in_doubles(rank, world, chosen), "zero": under_zero(rank, world, chosen)}


def trained(rank: int, world: int) -> dict[int, list[float]]:
    """The losses of ``STEPS`` steps with updates between them, by stage."""
    losses = LOSSES["sum"]
    found: dict[int, list[float]] = {stage: [] for stage in STAGES}
    for stage in STAGES:
        engine = make_engine(trainee(losses), config_of(losses, stage), "cpu")
        for step in range(STEPS):
            found[stage].append(take_step(engine, batch(rank, world, step), rules_of(losses, "some")).loss)
            engine.step(1.0)
    return found


def wide(rank: int, world: int) -> dict[str, Any]:
    """What ``WIDE`` gives with each of ``WIDE_CACHES``, and how many weights are sharded; on rank 0."""
    losses, found = LOSSES["sum"], {}
    for case in WIDE:
        module = trainee(losses, case.config)
        prepare_encoder(
            module.encoder,
            attention=case.attention,
            bf16=False,
            device=torch.device("cpu"),
            gradient_checkpointing=case.checkpointing,
            compile=False,
        )
        engine = make_engine(module, config_of(losses, case.stage), "cpu")
        sharded = sum(not getattr(parameter, "ds_persist", True) for parameter in module.parameters())
        for cache in WIDE_CACHES:
            rules = replace(rules_of(losses, cache), packed=case.attention == "packed")
            taken = take_step(engine, batch(rank, world), rules)
            gradient = full_gradient(engine).float()
            engine.step(0.0)
            if rank == 0:
                found[f"{case} {cache}"] = report(taken, gradient) | {"sharded": sharded}
    return found


def in_one_go(rank: int, world: int) -> dict[str, Any]:
    """All of a number of ranks: starting ranks takes longer than what they do."""
    found = both(rank, world, cases)
    if world in TRAINED_WORLDS:
        found["trained"] = trained(rank, world)
    if world == WIDE_WORLD:
        found["wide"] = wide(rank, world)
    return found


Results = dict[int, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """By number of ranks, what each rank got."""
    return {world: on_ranks(world, in_one_go, tmp_path_factory.mktemp("ranks")) for world in WORLDS}


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    torch.set_num_threads(1)
    return {name: expected(name) for name in LOSSES}


def check(result: dict[str, Any], truth: tuple[torch.Tensor, dict[str, float | None], float], tolerance: float) -> None:
    gradient, terms, loss = truth
    assert result["loss"] == pytest.approx(loss, rel=tolerance)
    assert result["terms"].keys() == terms.keys()
    for name, value in terms.items():
        assert result["terms"][name] == (None if value is None else pytest.approx(value, rel=tolerance)), name
    assert gradient.norm() > 0
    assert (result["gradient"] - gradient).norm() / gradient.norm() <= tolerance


def check_all(world: int, ranks: Any, truth: dict[str, Any], chosen: Any) -> None:
    for rank in ranks:
        for name, cache in chosen(world):
            check(rank["doubles"][f"{name} {cache}"], truth[name], 1e-12)
        for stage in STAGES:
            for name, cache in chosen(world, stage):
                check(rank["zero"][f"{stage} {name} {cache}"], truth[name], 1e-5)


@pytest.mark.parametrize("world", WORLDS)
def test_the_gradient_is_that_of_one_process(world: int, results: Results, truth: dict[str, Any]) -> None:
    check_all(world, results[world], truth, cases)


@pytest.mark.system
@pytest.mark.parametrize("world", WORLDS)
def test_every_loss_with_every_cache(world: int, tmp_path: Path, truth: dict[str, Any]) -> None:
    """The whole product of losses, caches, stages and ranks; the test above has a part that touches each of them."""
    check_all(world, on_ranks(world, both, tmp_path, every_case), truth, every_case)


def test_what_is_tested_recomputes_all_some_and_none(results: Results) -> None:
    found = {cache: results[2][0]["doubles"][f"sum {cache}"] for cache in CACHES}
    assert found["off"]["chunks"] == found["off"]["kept"]
    assert found["kept"]["chunks"] == found["kept"]["kept"] > found["off"]["chunks"]
    assert found["none"]["kept"] == found["small"]["kept"] == 0
    assert found["small"]["chunks"] > found["none"]["chunks"]
    assert 0 < found["some"]["kept"] < found["some"]["chunks"]


def test_trap_1_the_gathering_of_ranks_scales_or_turns_no_gradient(results: Results) -> None:
    """A gather without gradient, or one that sums twice, gives N times, 1/N or another direction."""
    one = results[1][0]["doubles"]["sum kept"]["gradient"]
    for world in WORLDS:
        many = results[world][0]["doubles"]["sum kept"]["gradient"]
        assert float(many.norm() / one.norm()) == pytest.approx(1, abs=1e-12)
        assert float(one @ many / one.norm() / many.norm()) == pytest.approx(1, abs=1e-12)


def test_trap_2_each_term_has_the_same_share_on_any_number_of_ranks(results: Results) -> None:
    """Were one term scaled by the number of ranks, tuned weights would mean something else on another cluster.

    That of the gradient follows from the gradients of single terms, which are those of one process.
    """
    one = results[1][0]["doubles"]["sum none"]["terms"]
    for world in WORLDS:
        for rank in results[world]:
            assert rank["doubles"]["sum none"]["terms"] == pytest.approx(one, rel=1e-12)
            for stage in STAGES:
                assert rank["zero"][f"{stage} sum none"]["terms"] == pytest.approx(one, rel=1e-5)


def test_steps_one_after_the_other_have_the_losses_of_plain_adamw(results: Results) -> None:
    losses = plain_training()
    for world in TRAINED_WORLDS:
        for rank in results[world]:
            for stage in STAGES:
                assert rank["trained"][stage] == pytest.approx(losses, rel=1e-5), (world, stage)


def of_wide(results: Results) -> dict[str, Any]:
    found: dict[str, Any] = results[WIDE_WORLD][0]["wide"]
    return found


@pytest.mark.parametrize("case", [case for case in WIDE if not case.dropout], ids=str)
def test_sharded_weights_have_the_gradient_of_one_process(case: Wide, results: Results) -> None:
    truth = expected("sum", case.config)
    some = of_wide(results)[f"{case} some"]
    assert 0 < some["kept"] < some["chunks"]
    for cache in WIDE_CACHES:
        result = of_wide(results)[f"{case} {cache}"]
        assert result["sharded"] > 0
        check(result, truth, 1e-5)


@pytest.mark.parametrize("case", [case for case in WIDE if case.dropout], ids=str)
def test_dropout_is_replayed_whatever_else_is_computed_twice(case: Wide, results: Results) -> None:
    """With packed attention and gradient checkpointing, with sharded weights and whole ones: one loss and gradient."""
    first = of_wide(results)[f"{Wide(1, 'packed', False, 0.3)} kept"]
    assert first["loss"] != pytest.approx(of_wide(results)[f"{WIDE[1]} kept"]["loss"], rel=1e-3)  # it drops out
    for cache in WIDE_CACHES:
        result = of_wide(results)[f"{case} {cache}"]
        assert (result["sharded"] > 0) == (case.stage == 3)
        check(result, (first["gradient"], first["terms"], first["loss"]), 1e-5)
