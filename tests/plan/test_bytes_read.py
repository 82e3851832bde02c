"""What has to be read for the rows of a round."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.config import Cluster
from raytrain.plan import Plan, mix_weights, row_groups_read
from small_plans import plans, shards

BENCHMARK: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/plan.py"))


@given(plans(), st.integers(0, 10**5), st.integers(1, 60))
def test_a_round_reads_the_row_groups_of_its_rows(plan: Plan, first: int, steps: int) -> None:
    """Those, all of each, and at most one row group an entry and part of a pass of which it wants nothing."""
    reading = row_groups_read(plan, first, steps)
    rows = plan.rows_of(range(plan.lanes), first, steps)
    opened = {
        (language, int(np.searchsorted(plan.shards[language].group_starts, row, side="right")) - 1)
        for language, row in zip(rows.language.tolist(), rows.row.tolist(), strict=True)
    }
    assert reading.groups == len(opened)
    assert reading.rows_read == sum(int(plan.shards[language].group_rows[group]) for language, group in opened)
    assert reading.rows_wanted == steps * plan.batch_size


def test_a_round_reads_little_more_than_it_wants() -> None:
    """Two partial row groups a language, and two more where a pass or a half of one ends."""
    corpus = {f"l{i}": shards(f"l{i}", 100_000, group=64) for i in range(10)}
    plan = Plan.of(corpus, dict.fromkeys(corpus, 0.1), batch_size=100, lanes=10, seed=1, batching="homogeneous")
    for first in range(0, 3000, 200):
        reading = row_groups_read(plan, first, 200)
        assert reading.rows_read <= reading.rows_wanted + 10 * 4 * 64


@pytest.mark.parametrize("workers", [1, 8, 64])
@pytest.mark.parametrize("batching", ["homogeneous", "mixed"])
def test_the_papers_mix_of_96_million_rows_reads_at_most_half_more_than_it_uses(batching: str, workers: int) -> None:
    """In all rounds that the stream would make by default, of 64 lanes and batches of 128."""
    rows, paper = BENCHMARK["webfaq"](), BENCHMARK["PAPER"]
    assert sum(rows.values()) > 95_900_000
    plan = BENCHMARK["build"](rows, mix_weights({}, weights=paper), 128, batching)
    rounds = Cluster.model_fields["rows_per_round"].default
    assert BENCHMARK["overhead"](plan, sum(paper.values()) * 1000, workers, rounds) <= 1.5
