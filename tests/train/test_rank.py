"""What a rank refuses before it trains, and what it is patient with."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from ranks import on_ranks
from saved import save_checkpoint

from raytrain.config import Train
from raytrain.errors import OvertakenError, UserError
from raytrain.storage import Location
from raytrain.train.checkpoint import MANIFEST, checkpoint_folder, committed_steps
from raytrain.train.exchange import sum_of_all, wait_for_others
from raytrain.train.rank import check_losses, load_checkpoint, prune_old


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


def test_a_checkpoint_that_has_gone_is_one_that_others_went_on_from(tmp_path: Path) -> None:
    """Workers that outlived their attempt may commit, and delete old checkpoints, while new ones start."""
    run = Location.of(str(tmp_path))
    save_checkpoint(run, [{"weight/a": torch.ones(2)}], step=4)
    checkpoint, state = load_checkpoint(run, 4)
    assert (checkpoint.step, state["weight/a"].tolist()) == (4, [1.0, 1.0])
    (part,) = checkpoint.parts
    (checkpoint_folder(run, 4) / part.path).delete()
    for step in (4, 8):
        with pytest.raises(OvertakenError, match=f"the checkpoint of step {step} is gone"):
            load_checkpoint(run, step)


def test_old_checkpoints_that_cannot_be_deleted_end_nothing(tmp_path: Path) -> None:
    run = Location.of(str(tmp_path))
    for step in (4, 8, 12):
        save_checkpoint(run, [{"weight/a": torch.ones(2)}], step=step)
    (checkpoint_folder(run, 4) / MANIFEST).delete()
    (checkpoint_folder(run, 4).local_path / MANIFEST / "in the way").mkdir(parents=True)
    (checkpoint_folder(run, 4).local_path / MANIFEST / "in the way" / "file").touch()
    told: list[str] = []
    prune_old(run, Train(keep_checkpoints=1), told.append)
    (line,) = told
    assert line.startswith("train: old checkpoints stay: cannot delete")
    assert committed_steps(run) == [8, 12]


def gather_late(rank: int, world: int) -> float:
    for group in list(dist.distributed_c10d._world.pg_map):
        dist.distributed_c10d._set_pg_timeout(timedelta(seconds=1), group)
    dist.new_group()  # as DeepSpeed makes them
    wait_for_others(60)
    if rank:
        time.sleep(3)
    return float(sum_of_all(torch.ones(1)))


def test_ranks_wait_for_one_that_waits_for_storage(tmp_path: Path) -> None:
    assert on_ranks(2, gather_late, tmp_path) == [2.0, 2.0]
