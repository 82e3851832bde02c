"""What a step is beside its gradient: dropout replayed, padding, ranks with nothing, numbers by language."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from raytrain.config import FromScratch
from raytrain.losses.config import KL, InfoNCE, LearnedTemperature, Loss, MarginMSE, Matryoshka
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.train.rank_batch import RankBatch
from raytrain.train.step import StepRules, Taken, take_step
from raytrain.train.trainee import Trainee
from train.plain_engine import PlainEngine
from train.plain_losses import whole_loss
from train.ragged_batches import LANES, LANGUAGES, Row, batch_of, rows_of
from train.ranks import on_ranks

NCE: dict[str, Loss] = {"nce": InfoNCE()}


def trainee(losses: dict[str, Loss], dropout: float = 0.0) -> Trainee:
    config = FromScratch(layers=2, hidden=32, heads=4, dropout=dropout)
    return Trainee(BiEncoder(random_backbone(config, 300, 0, 64, seed=1), "mean"), losses).double()


def rules_of(losses: dict[str, Loss], tokens: int = 100, kept: int = 10**6) -> StepRules:
    return StepRules(losses, LANGUAGES, pad_id=0, tokens_per_chunk=tokens, kept_tokens=kept, seed=1)


def whole_batch(step: int = 0) -> RankBatch:
    return batch_of(rows_of(step, range(LANES)), step, range(LANES))


def gradient_of(engine: PlainEngine) -> torch.Tensor:
    return torch.cat([p.grad.reshape(-1) for p in engine.trainee.parameters() if p.grad is not None])


def taken(
    losses: dict[str, Loss], batch: RankBatch, kept: int = 10**6, dropout: float = 0.0
) -> tuple[Taken, torch.Tensor]:
    engine = PlainEngine(trainee(losses, dropout).train())
    found = take_step(engine, batch, rules_of(losses, kept=kept))
    return found, gradient_of(engine)


def test_a_chunk_embedded_again_has_the_same_dropout() -> None:
    (kept, one), (cached, two), (some, three) = (taken(NCE, whole_batch(), k, dropout=0.3) for k in (10**6, 0, 200))
    assert kept.loss == cached.loss == some.loss
    assert (kept.kept, cached.kept) == (kept.chunks, 0)
    assert 0 < some.kept < some.chunks
    assert torch.allclose(one, two, rtol=1e-10, atol=1e-12)
    assert torch.allclose(one, three, rtol=1e-10, atol=1e-12)


def test_dropout_depends_on_step_and_seed_and_on_nothing_before() -> None:
    first, _ = taken(NCE, whole_batch(), dropout=0.3)
    torch.manual_seed(99)
    again, _ = taken(NCE, whole_batch(), dropout=0.3)
    other, _ = taken(NCE, replace(whole_batch(), step=1), dropout=0.3)
    without, _ = taken(NCE, whole_batch())
    assert first == again
    assert len({first.loss, other.loss, without.loss}) == 3


def test_one_backward_for_all_graphs_that_are_kept_and_one_for_each_other_chunk() -> None:
    for kept in (10**6, 0, 200):
        engine = PlainEngine(trainee(NCE))
        found = take_step(engine, whole_batch(), rules_of(NCE, kept=kept))
        assert engine.backwards == found.chunks - found.kept + (found.kept > 0)


def test_numbers_by_language_are_means_over_its_rows() -> None:
    losses: dict[str, Loss] = {"a": InfoNCE(weight=2.0), "b": MarginMSE(weight=0.5, score_scale=3.0)}
    found, _ = taken(losses, whole_batch())
    assert sum(values["rows"] for values in found.languages.values()) == len(whole_batch().queries)
    mean = sum(values["rows"] * values["a"] for values in found.languages.values()) / len(whole_batch().queries)
    assert mean == pytest.approx(found.terms["a"])
    for values in found.languages.values():
        assert values["loss"] == pytest.approx(2.0 * values["a"] + 0.5 * values.get("b", 0.0))
    a, b = found.terms["a"], found.terms["b"]
    assert a is not None
    assert b is not None
    assert found.loss == pytest.approx(2.0 * a + 0.5 * b)


def test_tokens_are_counted_with_and_without_padding() -> None:
    found, _ = taken(NCE, whole_batch())
    rows = rows_of(0, range(LANES))
    texts = [text for row in rows for text in [row.question, *row.positives, *row.negatives]]
    assert found.tokens == sum(map(len, texts))
    assert found.tokens <= found.padded_tokens < 1.3 * found.tokens
    assert found.padded_tokens < len(texts) * max(map(len, texts))


def test_a_learned_temperature_is_told() -> None:
    found, _ = taken({"nce": InfoNCE(temperature=LearnedTemperature(start=0.2))}, whole_batch())
    assert found.temperatures == {"nce": pytest.approx(0.2)}
    assert taken(NCE, whole_batch())[0].temperatures == {}


def test_a_term_that_no_row_counts_for_is_none_and_asks_nothing() -> None:
    rows = [replace(row, negatives=[], negative_scores=[]) for row in rows_of(0, range(LANES))]
    batch = batch_of(rows, 0, range(LANES))
    both, gradient = taken({**NCE, "mse": MarginMSE(score_scale=3.0)}, batch)
    alone, expected = taken(NCE, batch)
    assert both.terms["mse"] is None
    assert both.loss == alone.loss
    assert torch.equal(gradient, expected)


def test_a_batch_that_no_term_counts_is_no_perfect_one() -> None:
    rows = [replace(row, negatives=[], negative_scores=[]) for row in rows_of(0, range(LANES))]
    losses: dict[str, Loss] = {"mse": MarginMSE(score_scale=3.0)}
    engine = PlainEngine(trainee(losses))
    found = take_step(engine, batch_of(rows, 0, range(LANES)), rules_of(losses))
    assert found.terms == {"mse": None}
    assert not found.finite
    assert engine.backwards == 0


def test_texts_that_are_not_padded_are_cut_by_their_sum() -> None:
    engine = PlainEngine(trainee(NCE))
    found = take_step(engine, whole_batch(), replace(rules_of(NCE), packed=True))
    padded = take_step(PlainEngine(trainee(NCE)), whole_batch(), rules_of(NCE))
    assert found.padded_tokens == found.tokens
    assert found.chunks <= padded.chunks
    assert found.loss == pytest.approx(padded.loss, rel=1e-12)


def test_without_candidates_a_batch_is_questions_and_passages() -> None:
    batch = replace(whole_batch(), candidates=None)
    rows = [
        replace(row, positives=row.positives[:1], negatives=[], positive_scores=[np.nan], negative_scores=[])
        for row in rows_of(0, range(LANES))
    ]
    assert taken(NCE, batch)[0].loss == pytest.approx(taken(NCE, batch_of(rows, 0, range(LANES)))[0].loss)


def test_a_loss_that_is_not_finite_goes_back_nowhere() -> None:
    engine = PlainEngine(trainee(NCE))
    with torch.no_grad():
        engine.trainee.encoder.backbone.embeddings.word_embeddings.weight[5:].fill_(float("nan"))
    found = take_step(engine, whole_batch(), rules_of(NCE, kept=200))
    assert not found.finite
    assert engine.backwards == 0


# Ranks with nothing: of three ranks, the first has no rows at all, the second none that a teacher scored.
UNEVEN: dict[str, dict[str, Loss]] = {
    "all kinds": {**NCE, "mse": MarginMSE(score_scale=3.0), "list": KL(score_scale=3.0)},
    "symmetric, learned, margin, Matryoshka": {
        "nested": InfoNCE(
            temperature=LearnedTemperature(start=0.1),
            symmetric=True,
            false_negative_margin=0.02,
            matryoshka=Matryoshka(dims=[8, 32], weights=[0.5, 1.0]),
        ),
        "mse": MarginMSE(score_scale=3.0),
    },
    "MarginMSE alone": {"mse": MarginMSE(score_scale=3.0)},
    "KL at two widths": {"list": KL(score_scale=3.0, matryoshka=Matryoshka(dims=[8, 32]))},
}


def uneven_rows(rank: int) -> list[Row]:
    rows = [row for row in rows_of(1, range(LANES)) if np.isfinite([*row.positive_scores, *row.negative_scores]).any()]
    unscored = [
        replace(row, positive_scores=[np.nan] * len(row.positives), negative_scores=[np.nan] * len(row.negatives))
        for row in rows_of(2, [0, 1])
    ]
    return [[], unscored, rows][rank]


def uneven(rank: int, world: int) -> dict[str, Any]:
    """What a rank got by losses: one start of ranks for all of them."""
    found: dict[str, Any] = {}
    rows = uneven_rows(rank)
    batch = replace(batch_of(rows, 1, []), lanes=[rank] * len(rows))
    for name, losses in UNEVEN.items():
        found[name] = []
        for kept in (10**6, 0, 200):
            engine = PlainEngine(trainee(losses))
            step = take_step(engine, batch, rules_of(losses, kept=kept))
            found[name].append({"terms": step.terms, "gradient": gradient_of(engine)})
    return found


@pytest.fixture(scope="module")
def uneven_ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return on_ranks(3, uneven, tmp_path_factory.mktemp("uneven"))


@pytest.mark.parametrize("name", UNEVEN)
def test_ranks_without_rows_or_without_rows_of_a_term_do_not_hang(
    name: str, uneven_ranks: list[dict[str, Any]]
) -> None:
    module = trainee(UNEVEN[name])
    rows = [row for rank in range(3) for row in uneven_rows(rank)]
    assert len(uneven_rows(2)) > 1
    theta = torch.cat([torch.zeros(0), *module.temperatures.logs])
    loss, terms = whole_loss(module.encoder, rows, UNEVEN[name], theta)
    loss.backward()  # type: ignore[no-untyped-call]
    expected = torch.cat([p.grad.reshape(-1) for p in module.parameters() if p.grad is not None])
    for rank in uneven_ranks:
        for found in rank[name]:
            assert found["terms"] == {name: pytest.approx(value, rel=1e-10) for name, value in terms.items()}
            assert (found["gradient"] - expected).norm() / expected.norm() < 1e-12
