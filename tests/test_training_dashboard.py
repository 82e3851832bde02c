"""The Grafana dashboard asks for what training exports, and for nothing else."""

import json
import re
from typing import Any

import pytest

from manifests import K8S
from raytrain.track.prometheus import COUNTERS, EVENTS, PREFIX, measured
from raytrain.track.scalars import scalars
from track.tracked import metrics

DASHBOARD: dict[str, Any] = json.loads((K8S / "base/dashboards/training.json").read_text())


def exported() -> dict[str, set[str]]:
    """The labels of each metric, as Ray serves what the steps of a run report."""
    found = {f"ray_{PREFIX}_step": {"run"}}
    for name in scalars(metrics(0, checkpoint_seconds=0.5)):
        metric, labels = measured(name)
        for one in (metric, *([EVENTS[name]] if name in EVENTS else [])):
            found[f"ray_{one}_total" if one in COUNTERS else f"ray_{one}"] = {"run", *labels}
    return found


def asked() -> dict[str, str]:
    """Panel → all it queries."""
    return {panel["title"]: " ".join(target["expr"] for target in panel["targets"]) for panel in DASHBOARD["panels"]}


@pytest.mark.parametrize("title", asked())
def test_a_panel_asks_for_metrics_and_labels_that_are_exported(title: str) -> None:
    (panel,) = [one for one in DASHBOARD["panels"] if one["title"] == title]
    known = exported()
    for target in panel["targets"]:
        names = re.findall(r"\bray_\w+", target["expr"])
        assert names
        assert set(names) <= known.keys()
        labels = set.union(*(known[name] for name in names))
        used = re.findall(r"(\w+)=~", target["expr"]) + re.findall(r"by \((\w+)\)", target["expr"])
        assert {*used, *re.findall(r"{{(\w+)}}", target["legendFormat"])} <= labels


def test_what_one_looks_for_while_training_is_there() -> None:
    every = " ".join(asked().values())
    for name in ("tokens_per_second", "data_wait_seconds", "term", "pairs_total", "checkpoints_total"):
        assert f"ray_raytrain_{name}{{" in every


def test_panels_do_not_lie_on_one_another() -> None:
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
