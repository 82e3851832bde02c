"""Validation while training, all of it real: the best checkpoint becomes the model, and patience ends a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
    assert 15 <= summary["steps"] < 5_000
    assert "validation: no better one in 2 after step 5" in " ".join(told)


def test_a_model_must_not_be_chosen_by_what_it_is_judged_on(folder: Path) -> None:
    data = job_data(folder, {"every": 5})
    data["evaluate"] = {"benchmarks": [f"beir:{folder / 'dev'}"]}
    with pytest.raises(UserError, match=r"train\.validate_on\.benchmark: .* is among evaluate\.benchmarks too"):
        job_from(data, "test")
