"""One file a loss; pure torch."""

from raytrain.losses.info_nce import info_nce

__all__ = ["info_nce"]
