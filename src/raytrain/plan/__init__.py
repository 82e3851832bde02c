"""Which rows make up global step t: the mix, the order, the batches. Imports neither ray nor torch."""

from raytrain.plan.batches import Plan, Rows
from raytrain.plan.lanes import lanes_of
from raytrain.plan.mix import mix_weights
from raytrain.plan.passes import Shards

__all__ = ["Plan", "Rows", "Shards", "lanes_of", "mix_weights"]
