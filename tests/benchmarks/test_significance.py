"""The simulation of levels and coverage, in short: benchmarks/significance.py does it at length."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import significance

from raytrain.study.statistics import detectable, t_test_p


@pytest.fixture(scope="module")
def alike() -> significance.Seen:
    """Two systems without a difference, in 11 languages."""
    return significance.gather(400, 200, 400, 0.0, seed=1)


def test_without_a_difference_both_tests_reject_at_their_level(alike: significance.Seen) -> None:
    for found in (alike.flips[:-1], alike.t):
        assert found.shape == (11, 400)
        assert found.mean() == pytest.approx(0.05, abs=0.012)
    assert alike.flips[-1].mean() == pytest.approx(0.05, abs=0.03)
    assert (alike.family.mean(axis=1) <= 0.08).all()


def test_intervals_cover_at_their_level(alike: significance.Seen) -> None:
    apart = significance.gather(200, 200, 400, 0.05, seed=2)
    for covers in (alike.covers, alike.covers_mean, apart.covers):
        assert covers[:-1].mean() == pytest.approx(0.95, abs=0.02)
        assert covers[-1].mean() == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("n", [8, 111])
def test_the_detectable_difference_is_found_four_times_out_of_five(n: int) -> None:
    sd = 0.3
    differences = np.random.default_rng(n).normal(detectable(n, sd), sd, size=(n, 20_000))
    assert (t_test_p(differences) < 0.05).mean() == pytest.approx(0.8, abs=0.01)


def test_the_made_up_scores_have_the_mean_that_is_said() -> None:
    a, b = significance.simulate(200_000, 1, 0.1, np.random.default_rng(0))
    assert a.mean() == pytest.approx(significance.MEAN, abs=0.004)
    assert b.mean() == pytest.approx(0.1 + 0.9 * significance.MEAN, abs=0.004)
