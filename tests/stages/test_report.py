"""What the report warns of, and the curves it draws."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import small_job
from raytrain.artifact import Artifact, commit, make_manifest, write_file
from raytrain.jobfile import job_from
from raytrain.stages.report import POINTS_A_CURVE, _curves, caveats
from raytrain.storage import Location

NOT_SEARCHED = "not searched for questions and passages of the benchmarks"


def said(rules: Any) -> str:
    data = small_job("raw", "root") | {"evaluate": {"benchmarks": ["beir:held-out"]}}
    data["corpus"]["decontaminate"] = rules
    return " ".join(caveats(job_from(data, "test")))


@pytest.mark.parametrize("rules", [False, {"exact": False, "near": False}])
def test_pairs_that_were_not_searched_are_a_caveat(rules: Any) -> None:
    assert NOT_SEARCHED in said(rules)


def test_passages_alone_are_not_questions() -> None:
    text = said({"exact": False, "near": False, "all_passages": True})
    assert "not searched for questions of the benchmarks" in text


@pytest.mark.parametrize("rules", [{}, {"exact": False}, {"all_passages": True}, {"near": 0.5}])
def test_pairs_that_were_searched_are_none(rules: dict[str, Any]) -> None:
    assert said(rules) == ""


def test_equal_texts_alone_are_said_to_be_all() -> None:
    text = said({"near": False})
    assert "equal texts of the benchmarks only" in text
    assert "not searched" not in text


def test_what_the_starting_model_has_seen_is_not_known() -> None:
    data = small_job("raw", "root") | {"evaluate": {"benchmarks": ["beir:held-out"]}}
    data["model"] = {"name_or_path": "some/model", "revision": "1"}
    assert any("starting model" in caveat for caveat in caveats(job_from(data, "test")))


@pytest.mark.parametrize(("seeds", "few"), [([1, 2], True), ([1, 2, 3], False)])
def test_few_seeds_are_said_to_be_few(seeds: list[int], few: bool) -> None:
    data = small_job("raw", "root") | {"evaluate": {"benchmarks": ["beir:held-out"]}}
    arms = {"french": {"include": ["fra"]}, "german": {"include": ["deu"]}}
    text = " ".join(caveats(job_from(data | {"study": {"arms": arms, "seeds": seeds}}, "test")))
    assert (f"Seeds an arm: {len(seeds)}" in text) is few


def training_run(folder: Path, losses: list[float | None]) -> Artifact:
    """A finished one that logged these losses; None: a step that was skipped."""
    place = Location.of(str(folder))
    text = "".join(json.dumps({"step": step, "loss": loss}) + "\n" for step, loss in enumerate(losses))
    files = [write_file(text.encode(), place, "metrics.jsonl")]
    manifest = make_manifest(
        stage="train", writer="me", identity={}, config={}, inputs={}, files=files, content=[], rows=None, summary={}
    )
    return commit(place, manifest)


def test_a_curve_leaves_out_steps_without_a_loss(tmp_path: Path) -> None:
    losses = {
        "all": [3.0, 2.0, 1.0],
        "some": [None, 2.0, None, 1.0],
        "none": [None, None],
        "many": [None if step % 3 == 0 else 1.0 + step % 3 for step in range(9 * POINTS_A_CURVE)],
    }
    curves = _curves({f"{name}/train": training_run(tmp_path / name, found) for name, found in losses.items()})
    assert curves["all"] == [(1, 3.0), (2, 2.0), (3, 1.0)]
    assert curves["some"] == [(2, 2.0), (4, 1.0)]
    assert curves["none"] == []
    assert len(curves["many"]) == POINTS_A_CURVE
    assert curves["many"][-1] == (9 * POINTS_A_CURVE, 2.5)
