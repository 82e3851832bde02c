"""Failures by example are the worst questions, with what was found and what should have been."""

from pathlib import Path

import pytest

from raytrain.artifact import Artifact, commit, make_manifest
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut, write_held_out
from raytrain.evaluate.metrics import Hits
from raytrain.evaluate.retrieval import Retrieval
from raytrain.evaluate.scored import write_scored
from raytrain.storage import Location
from raytrain.study.failures import LETTERS, failures_of

PASSAGES = {"p1": "first", "p2": "second", "p3": "third " * 200, "p4": "الرابع", "p5": "fifth"}
QUESTIONS = {"right": "?", "sure": "من؟", "unsure": "who?", "none": "what?", "half": "how?"}
RELEVANT = {"right": {"p1": 1}, "sure": {"p4": 1, "p1": 0}, "unsure": {"p5": 1}, "none": {"p5": 2}, "half": {"p2": 1}}
RANKED: dict[str, Hits] = {
    "right": [("p1", 0.9)],
    "sure": [("p3", 0.8), ("p2", 0.1), ("p1", 0.1), ("p5", 0.0)],
    "unsure": [("p2", 0.2)],
    "none": [],
    "half": [("p1", 0.7), ("p2", 0.6)],
}


@pytest.fixture
def evaluated(tmp_path: Path) -> tuple[Artifact, HeldOut]:
    folder = Location.of(str(tmp_path / "benchmark"))
    _, counts = write_held_out("bench", Retrieval("ara", QUESTIONS, PASSAGES, RELEVANT), folder)
    part, to = HeldOut("bench", "ara", folder / "bench/ara", **counts), Location.of(str(tmp_path / "evaluate"))
    files, _ = write_scored(part, RANKED, "tag", to)
    fields = {"stage": "evaluate", "writer": "me", "identity": {}, "config": {}, "inputs": {}, "summary": {}}
    return commit(to, make_manifest(files=files, content=["bench/"], rows=None, **fields)), part


def test_the_worst_come_first_and_the_surest_of_them(evaluated: tuple[Artifact, HeldOut]) -> None:
    found = failures_of("arm", *evaluated, count=9)
    assert [failure.question for failure in found] == ["sure", "unsure", "none", "half"]  # none that is right
    first = found[0]
    assert (first.system, first.benchmark, first.language, first.text) == ("arm", "bench", "ara", "من؟")
    assert [(p.passage, p.relevant) for p in first.found] == [("p3", False), ("p2", False), ("p1", False)]
    assert first.found[0].text.endswith("…")
    assert len(first.found[0].text) == LETTERS
    assert first.missed is not None
    assert (first.missed.passage, first.missed.text, first.missed.score) == ("p4", "الرابع", None)
    assert found[2].found == []
    assert found[3].missed is None  # it is the second of those shown
    assert [p.relevant for p in found[3].found] == [False, True]
    assert [failure.question for failure in failures_of("arm", *evaluated, count=1)] == ["sure"]


def test_damaged_hits_are_named(evaluated: tuple[Artifact, HeldOut]) -> None:
    artifact, part = evaluated
    place = artifact.location / "bench/ara/hits.parquet"
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"hits\.parquet: damaged"):
        failures_of("arm", artifact, part, 2)
