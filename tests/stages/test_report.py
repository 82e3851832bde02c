"""What the report warns of."""

from typing import Any

import pytest

from jobs import small_job
from raytrain.jobfile import job_from
from raytrain.stages.report import caveats

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
