"""Seeded draws and orders."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raytrain.plan.permutation import draws, key_of, permutations


def test_draws_are_those_of_splitmix64() -> None:
    """The first outputs for seed 1234567, as published with the generator's reference implementations."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert draws(np.array([1234567], np.uint64), np.arange(5)).tolist() == known


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5), st.integers(1, 600))
def test_each_key_gives_a_permutation_that_does_not_depend_on_the_others(keys: list[int], n: int) -> None:
    together = permutations(np.array(keys, np.uint64), n)
    for key, order in zip(keys, together, strict=True):
        assert sorted(order.tolist()) == list(range(n))
        assert (permutations(np.array([key], np.uint64), n)[0] == order).all()


def test_all_orders_are_about_as_frequent() -> None:
    orders = permutations(draws(key_of("frequent"), np.arange(24_000)), 4)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert ((counts - 1000) ** 2 / 1000).sum() < 60  # chi-square, 23 degrees of freedom: p < 1e-4


def test_keys_differ_in_every_part() -> None:
    keys = {int(key_of(*parts)[0]) for parts in [(1, "a"), (1, "b"), (2, "a"), (1, "a", 0), ("1a",), (11, "")]}
    assert len(keys) == 6
