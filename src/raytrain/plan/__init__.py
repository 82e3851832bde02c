"""Which rows make up global step t: the mix, the order, the batches. Imports neither ray nor torch."""

from raytrain.plan.batches import Plan, Rows
from raytrain.plan.caps import capped_plan
from raytrain.plan.lanes import lanes_of
from raytrain.plan.mix import mix_weights, with_group
from raytrain.plan.reading import Reading, row_groups_read
from raytrain.plan.shards import Shards

__all__ = [
    "Plan",
    "Reading",
    "Rows",
    "Shards",
    "capped_plan",
    "lanes_of",
    "mix_weights",
    "row_groups_read",
    "with_group",
]
