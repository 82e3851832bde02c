"""The names under which Prometheus finds what is logged. What it scrapes is in tests/system/test_metrics_export.py."""

import re

import pytest

from raytrain.track.prometheus import measured
from raytrain.track.scalars import scalars
from track.tracked import metrics


@pytest.mark.parametrize(
    ("name", "metric", "labels"),
    [
        ("loss", "raytrain_loss", {}),
        ("tokens_per_second", "raytrain_tokens_per_second", {}),
        ("terms/info_nce@16", "raytrain_term", {"term": "info_nce@16"}),
        ("temperature/info_nce", "raytrain_temperature", {"term": "info_nce"}),
        ("languages/deu-eng/loss", "raytrain_language_loss", {"language": "deu-eng"}),
        ("languages/deu/pairs", "raytrain_pairs", {"language": "deu"}),
        ("languages/deu/terms/loss", "raytrain_language_term", {"language": "deu", "term": "loss"}),
        ("validation/ndcg@10", "raytrain_validation_ndcg_10", {}),
    ],
)
def test_parts_of_a_name_become_labels(name: str, metric: str, labels: dict[str, str]) -> None:
    assert measured(name) == (metric, labels)


def test_all_names_are_ones_that_prometheus_takes_and_a_metric_has_always_the_same_labels() -> None:
    labels: dict[str, set[tuple[str, ...]]] = {}
    for name in scalars(metrics(0)):
        metric, found = measured(name)
        assert re.fullmatch(r"[a-z_][a-z0-9_]*", metric)
        labels.setdefault(metric, set()).add(tuple(found))
    assert all(len(kinds) == 1 for kinds in labels.values())
