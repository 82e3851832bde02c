"""Proposals: a pure function of what is known, and better than chance."""

import statistics

import numpy as np
import pytest

from raytrain.tune.config import Dimension, Search
from raytrain.tune.known import Known
from raytrain.tune.search import grid_size, propose
from raytrain.tune.space import Space

MIX = "train.mix.weights"
LANGUAGES = ["ara", "deu", "eng", "fra", "spa"]
OPTIMUM = np.array([0.05, 0.5, 0.1, 0.3, 0.05])
SIMPLEX = Space({MIX: Dimension(dirichlet=dict.fromkeys(LANGUAGES, 1.0))})
BOTH = Space({MIX: SIMPLEX.dimensions[MIX], "train.losses.info_nce.temperature": Dimension(loguniform=[0.01, 0.3])})


def score(shares: dict[str, float]) -> float:
    """1 at the optimum, and falling with the square of the distance."""
    return 1 - 2 * float(np.sum((np.array(list(shares.values())) - OPTIMUM) ** 2))


def trials_until(kind: str, seed: int, goal: float, most: int) -> int:
    search, known = Search(kind=kind, seed=seed), []
    for number in range(1, most + 1):
        params = propose(SIMPLEX, search, 1, number, known)
        value = score(SIMPLEX.settings(params)[MIX])
        if value >= goal:
            return number
        if kind == "tpe":
            known.append(Known(number, params, "finished", ((1, (value,)),), (value,)))
    return most


def test_tpe_needs_far_fewer_trials_than_chance():
    """Within 2 % of the optimum of a mix of five languages, off-centre: the median over 20 seeds."""
    tpe = [trials_until("tpe", seed, 0.98, 200) for seed in range(20)]
    chance = [trials_until("random", seed, 0.98, 400) for seed in range(20)]
    assert statistics.median(tpe) <= 0.6 * statistics.median(chance)


def some(states: list[str], objectives: int = 1) -> list[Known]:
    known = []
    for number, state in enumerate(states, 1):
        params = propose(BOTH, Search(kind="random"), 1, number, [])
        value = tuple(score(BOTH.settings(params)[MIX]) - 0.1 * i for i in range(objectives))
        ended = value if state == "finished" else ()
        known.append(Known(number, params, state, ((10, value),) if state != "waiting" else (), ended))
    return known


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_proposal_depends_on_what_is_known_and_on_nothing_else(objectives):
    known = some(["finished", "stopped", "failed", "running"] * 6, objectives)
    first = propose(BOTH, Search(), objectives, 30, known)
    propose(BOTH, Search(), objectives, 31, known)  # leaves nothing behind
    assert propose(BOTH, Search(), objectives, 30, known[::-1]) == first
    assert propose(BOTH, Search(), objectives, 31, known) != first
    assert propose(BOTH, Search(seed=1), objectives, 30, known) != first
    assert propose(BOTH, Search(), objectives, 30, known[:-8]) != first


def test_the_first_trials_are_drawn_blindly():
    known = some(["finished"] * 12)
    assert propose(BOTH, Search(startup_trials=20), 1, 13, known) == propose(BOTH, Search(kind="random"), 1, 13, [])


def test_a_grid_comes_to_its_end():
    search = Search(kind="grid", points=3)
    size = grid_size(BOTH, 3)
    assert size == 15 * 3
    known: list[Known] = []
    while params := propose(BOTH, search, 1, len(known), known):
        known.append(Known(len(known), params, "running"))
    assert len({str(trial.params) for trial in known}) == len(known) == size


@pytest.mark.parametrize("kind", ["tpe", "random", "grid"])
def test_nothing_is_tried_twice(kind):
    """Not what the job file has either, which is trial 0."""
    space = Space({"a": Dimension(choice=[1, 2, 3]), "b": Dimension(randint=[0, 2])})
    search = Search(kind=kind, startup_trials=2)
    known = [Known(0, space.params({"a": 2, "b": 1}), "finished", (), (0.5,))]
    while params := propose(space, search, 1, len(known), known):
        known.append(Known(len(known), params, "finished", ((1, (0.1,)),), (0.1,)))
    assert len(known) == len({str(trial.params) for trial in known}) == 6


def test_a_trial_without_a_score_is_no_news():
    nothing = [Known(1, propose(BOTH, Search(kind="random"), 1, 1, []), "stopped")]
    assert propose(BOTH, Search(startup_trials=1), 2, 2, nothing)
