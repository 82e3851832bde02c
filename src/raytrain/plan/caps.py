"""A plan in which no entry of the mix repeats its rows more often than a cap."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from raytrain.plan.batches import Batching, Plan
from raytrain.plan.permutation import Ints
from raytrain.plan.schedule import PERIOD
from raytrain.plan.shards import Shards

Floats = npt.NDArray[np.float64]


def water_filled(weights: Floats, caps: Floats) -> Floats:
    """Shares proportional to ``weights``, none above its cap, sum 1: what one can't take goes to the others.

    All of shape (n,), weights above 0, caps of sum 1 or more.
    """
    shares = np.zeros_like(weights)
    free = np.ones(len(weights), bool)
    while free.any():
        left = max(1 - shares[~free].sum(), 0.0)
        wanted = weights * (left / weights[free].sum())
        over = free & (wanted > caps)
        if not over.any():
            shares[free] = wanted[free]
            break
        shares[over] = caps[over]
        free &= ~over
    return shares


def capped_plan(
    corpus: Mapping[str, Shards],
    mix: Mapping[str, float],
    *,
    max_passes: float,
    steps: int,
    batch_size: int,
    lanes: int,
    seed: int,
    batching: Batching,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """The plan that takes at most ``max_passes`` × its rows of every entry in the first ``steps`` steps.

    What an entry can't take goes to the others in proportion to their weights. In homogeneous batches the shares hold
    exactly over ``steps`` steps; an entry exceeds its cap only where whole batches within the caps are too few, and
    by less than a batch. In mixed batches it may exceed it by less than 30 rows and one in a million of all pairs.
    Raises ValueError, in words for the user, if there are too few rows, and whatever Plan.of raises.
    """

    def made(weights: Mapping[str, float], period: int = PERIOD) -> Plan:
        return Plan.of(
            corpus,
            weights,
            batch_size=batch_size,
            lanes=lanes,
            seed=seed,
            batching=batching,
            groups=groups,
            period=period,
        )

    asked = made(mix)
    most = np.array([int(max_passes * passes.rows) for passes in asked.passes])
    lacking = [entry.name for entry, cap in zip(asked.entries, most, strict=True) if cap < asked.slot_rows]
    if lacking:
        raise ValueError(
            f"max_passes {max_passes:g} leaves not one batch of {batch_size} to {', '.join(lacking)}: exclude what is "
            "small, or raise max_passes"
        )
    pairs = steps * batch_size
    if most.sum() < pairs:
        raise ValueError(
            f"max_passes {max_passes:g} allows {most.sum():,} pairs, and {steps:,} steps of {batch_size} take "
            f"{pairs:,}: raise max_passes, add languages or train fewer steps"
        )
    if (_taken(asked, steps) <= most).all():
        return asked
    whole = most // asked.slot_rows * asked.slot_rows
    caps = (whole if whole.sum() >= pairs else most) / pairs
    shares = water_filled(np.array(asked.segments[0].weights), caps)
    # Counts over as many slots as there are steps are whole batches, so rounded caps hold. Mixed batches keep the
    # period that says how many rows of an entry a batch can take.
    capped = {entry.name: share for entry, share in zip(asked.entries, shares.tolist(), strict=True)}
    return made(capped, steps if batching == "homogeneous" else PERIOD)


def _taken(plan: Plan, steps: int) -> Ints:
    taken = np.zeros(len(plan.entries), np.int64)
    for stretch in plan.stretches(0, steps):
        taken[stretch.entry] = stretch.count
    return taken
