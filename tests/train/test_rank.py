"""What a rank refuses before it trains."""

import pytest

from raytrain.config import Train
from raytrain.errors import UserError
from raytrain.train.rank import check_losses


@pytest.mark.parametrize("kind", ["info_nce", "margin_mse", "kl"])
def test_widths_up_to_the_models_are_taken_and_wider_ones_named(kind: str) -> None:
    scale = {} if kind == "info_nce" else {"score_scale": 10.0}

    def losses(dims: list[int]) -> Train:
        return Train.model_validate(
            {"losses": {"first": {}, "narrow": {"kind": kind, **scale, "matryoshka": {"dims": dims}}}}
        )

    check_losses(losses([32, 768]).losses, 768, True)
    with pytest.raises(UserError, match=r"^train\.losses\.narrow\.matryoshka\.dims: 769 is more than the 768 of"):
        check_losses(losses([32, 769]).losses, 768, True)


@pytest.mark.parametrize("kind", ["margin_mse", "kl"])
def test_distillation_wants_a_corpus_with_scores(kind: str) -> None:
    losses = Train.model_validate({"losses": {"a": {}, "b": {"kind": kind, "score_scale": 10.0}}}).losses
    check_losses(losses, 64, True)
    with pytest.raises(UserError, match=rf"^train\.losses\.b: {kind} needs a teacher's scores, and the corpus has"):
        check_losses(losses, 64, False)


def test_pairs_are_enough_for_contrastive_terms() -> None:
    check_losses(Train().losses, 64, False)
