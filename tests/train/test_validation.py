"""Validation while training, all of it real: the best checkpoint becomes the model, and patience ends a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from saved import save_checkpoint

from jobs import small_job, write_corpus, write_held_out
from raytrain.artifact import Artifact
from raytrain.errors import UserError
from raytrain.evaluate.held_out import held_out_of
from raytrain.evaluate.metrics import score
from raytrain.evaluate.sample import Sample, sample
from raytrain.jobfile import job_from
from raytrain.model.embedder import Embedder
from raytrain.pipeline import run, up_to
from raytrain.stages.chain import chain
from raytrain.storage import Location
from raytrain.train.checkpoint import newest_whole
from raytrain.train.choice import Choice
from raytrain.train.validation import Validated, best_whole, lost, read_scores, write_score

LANGUAGES = ("deu", "fin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("validation")
    write_corpus(place / "raw", LANGUAGES, rows=400)
    write_held_out(place / "dev", LANGUAGES)
    return place


def job_data(folder: Path, validate: dict[str, Any], **train: Any) -> dict[str, Any]:
    data = small_job(folder / "raw", folder / "root", checkpoint_every=1_000, keep_checkpoints=1, ledger=False, **train)
    data["cluster"]["workers"] = 1
    data["train"]["validate_on"] = {"benchmark": f"beir:{folder / 'dev'}", **validate}
    return data


def trained(data: dict[str, Any]) -> tuple[dict[str, Artifact], list[str]]:
    told: list[str] = []
    return run(up_to(chain(job_from(data, "test")), "train"), told.append), told


def test_the_model_is_that_of_the_best_checkpoint(local_ray: None, folder: Path) -> None:
    # So fast that the last steps need not be the best.
    few = {"every": 20, "questions": 40, "passages": 90}
    data = job_data(folder, few, max_steps=80, learning_rate=3e-2, schedule="constant")
    artifacts, told = trained(data)
    train = artifacts["train"]
    scores = json.loads((train.location / "validation.json").read_text())
    assert [found["step"] for found in scores] == [20, 40, 60, 80]
    assert all(found["score"] == pytest.approx(np.mean(list(found["languages"].values()))) for found in scores)
    best = max(scores, key=lambda found: found["score"])
    assert best["step"] < 80  # else the last checkpoint would do as well
    summary = train.manifest.summary
    assert (summary["best_step"], summary["best_score"]) == (best["step"], best["score"])
    assert (summary["steps"], summary["pairs"]) == (80, best["step"] * 24)
    assert len([line for line in told if line.startswith("validation: step ")]) == 4
    assert {info.path.split("/")[0] for info in train.location.list()} == {
        "manifest.json",
        "metrics.jsonl",
        "model",
        "tensorboard",
        "validation.json",
    }
    found = {}
    embedder = Embedder(train.location.local_path / "model", job_from(data, "test").model, 512)
    for part in held_out_of(artifacts["validation"]):
        whole = Sample(part.read_questions(), part.read_passages(), part.read_relevant())
        small = sample(whole, 40, 90)
        assert (len(small.questions), len(small.passages)) == (40, 90)
        ids = list(small.passages)
        similar = embedder.queries(list(small.questions.values())) @ embedder.passages(list(small.passages.values())).T
        ranked = {
            question: sorted(zip(ids, map(float, row), strict=True), key=lambda hit: (hit[1], hit[0]), reverse=True)
            for question, row in zip(small.questions, similar, strict=True)
        }
        found[part.language] = np.mean([s["nDCG@10"] for s in score(small.relevant, ranked).values()])
    assert best["languages"] == pytest.approx(found, abs=1e-6)


def test_patience_ends_a_run_that_learns_nothing(local_ray: None, folder: Path) -> None:
    data = job_data(folder, {"every": 5, "patience": 2}, max_steps=5_000, learning_rate=1e-12)
    artifacts, told = trained(data)
    summary = artifacts["train"].manifest.summary
    assert summary["best_step"] == 5
    assert 20 < summary["steps"] < 5_000  # steps went on while those of 5, 10 and 15 were scored
    assert "validation: no better one in 2 after step 5" in " ".join(told)


def test_a_benchmark_that_cannot_be_read_stops_the_run_after_its_last_step(local_ray: None, folder: Path) -> None:
    """Then it goes on to score what was trained, without a step again; a damaged checkpoint is passed by, and named."""
    data = job_data(folder, {"every": 10, "questions": 40, "passages": 90}, max_steps=30, schedule="constant")
    tasks = up_to(chain(job_from(data, "test")), "train")
    made = run(tasks[:-1], print)["validation"]  # what comes before training reads it too
    passages = next(made.location.local_path.rglob("passages.parquet"))
    whole = passages.read_bytes()
    passages.write_bytes(whole[:-1])
    with pytest.raises(UserError, match=r"validation: step 10 can't be scored: .*passages\.parquet.*run again"):
        trained(data)

    passages.write_bytes(whole)
    (train,) = (place for place in (folder / "root" / "train").iterdir() if (place / "checkpoints").exists())
    damaged = next(train.glob("checkpoints/step-000000010/*.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    artifacts, told = trained(data)
    assert "train: goes on from the checkpoint of step 30 of 30" in told
    (line,) = [line for line in told if "is left out" in line]
    assert line.startswith(f"validation: {damaged}: damaged")
    scores = json.loads((artifacts["train"].location / "validation.json").read_text())
    assert [(found["step"], found["score"] is None) for found in scores] == [(10, True), (20, False), (30, False)]
    assert artifacts["train"].manifest.summary["best_step"] in (20, 30)


def scored(folder: Path, place: Location, scores: dict[int, float | None], committed: list[int]) -> Validated:
    """A run of 40 steps whose checkpoints had these scores, and of which some are still there."""
    for step in committed:
        save_checkpoint(place, [{"weight/a": torch.ones(2) * step}], step=step)
    for step, found in scores.items():
        write_score(place, {"step": step, "score": found})
    train = job_from(job_data(folder, {"every": 10}, max_steps=40), "test").train
    return Validated(place, None, None, None, train)  # type: ignore[arg-type]  # what scoring alone takes


def damage(place: Location, step: int) -> Path:
    part = next(place.local_path.glob(f"checkpoints/step-{step:09d}/*.safetensors"))
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    return part


def test_a_best_checkpoint_that_was_damaged_since_is_passed_by(folder: Path, tmp_path: Path) -> None:
    """The next best of all may be long gone: the best of those that are kept is taken."""
    place = Location.of(str(tmp_path))
    given = scored(folder, place, {10: 0.8, 20: 0.9, 30: 0.5, 40: 0.4}, [20, 30, 40])
    told: list[str] = []
    assert best_whole(given, told.append)[0] == Choice(20, 0.9, False)
    assert not told
    part = damage(place, 20)
    choice, checkpoint = best_whole(given, told.append)
    assert choice == Choice(30, 0.5, False)
    assert checkpoint is not None
    assert checkpoint.step == 30
    (line,) = told
    assert line.startswith(f"validation: {part}: damaged")
    assert read_scores(place) == {10: 0.8, 20: None, 30: 0.5, 40: 0.4}


def test_the_newest_checkpoint_is_never_passed_by(folder: Path, tmp_path: Path) -> None:
    """A run that is started again goes on from before it; else it would end short of its last step."""
    place = Location.of(str(tmp_path))
    given = scored(folder, place, {20: 0.3, 40: 0.9}, [20, 30, 40])
    damage(place, 40)
    assert lost(place, 40) == ""
    told: list[str] = []
    whole = newest_whole(place, told.append)
    assert whole is not None
    assert whole.step == 30
    assert given.scores() == {10: None, 20: 0.3}  # that of step 40 is of weights that come again


def test_a_score_that_is_gone_with_its_checkpoint_holds_nothing_up(folder: Path, tmp_path: Path) -> None:
    given = scored(folder, Location.of(str(tmp_path)), {20: 0.3, 30: 0.9}, [30])
    assert given.scores() == {10: None, 20: 0.3, 30: 0.9}
    assert given.choice() == Choice(30, 0.9, False)


def test_a_model_must_not_be_chosen_by_what_it_is_judged_on(folder: Path) -> None:
    data = job_data(folder, {"every": 5})
    data["evaluate"] = {"benchmarks": [f"beir:{folder / 'dev'}"]}
    with pytest.raises(UserError, match=r"train\.validate_on\.benchmark: .* is among evaluate\.benchmarks too"):
        job_from(data, "test")
    data["evaluate"] = {"benchmarks": [f"beir:{folder}/./dev"]}
    with pytest.raises(UserError, match=r"train\.validate_on\.benchmark: .* are the same files"):
        run(chain(job_from(data, "test")), print)
