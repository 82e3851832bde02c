"""What work takes: tokens, hours, nodes and money, as intervals. Pure arithmetic; docs/cost.md has the formula."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from raytrain.train.data_rate import TRAINING, forward_flops

How = Literal["measured", "given", "estimated", "at most"]
Stage = Literal["train", "embed"]

# By how much a number may be off, on either side, besides what it was seen to vary by.
OFF: dict[How, float] = {"measured": 0.1, "given": 0.2, "estimated": 0.0, "at most": 0.0}
UTILISATION = (0.2, 0.5)  # of a device's peak, what encoders are seen to reach with and without care


@dataclass(frozen=True)
class Range:
    """An interval of numbers that are not negative."""

    low: float
    high: float

    def times(self, other: "Range | float") -> "Range":
        """The product."""
        low, high = (other.low, other.high) if isinstance(other, Range) else (other, other)
        return Range(self.low * low, self.high * high)

    def over(self, other: "Range") -> "Range":
        """The quotient."""
        return Range(self.low / other.high, self.high / other.low)


@dataclass(frozen=True)
class Known:
    """A number that the plan reckons with: its interval, how it is known, and from where."""

    value: Range
    how: How
    source: str


@dataclass(frozen=True)
class Shape:
    """The size of an encoder: layers, the width of its vectors, and the width inside a layer's feed-forward part."""

    layers: int
    width: int
    inner: int

    @property
    def weights(self) -> int:
        """Those that every token is multiplied with: query, key, value and output, and two of the feed-forward part."""
        return self.layers * (4 * self.width**2 + 2 * self.width * self.inner)


@dataclass(frozen=True)
class Work:
    """Texts that go through the encoder, ``runs`` times: pairs of a training run, or passages that a model embeds."""

    stage: Stage
    what: str
    runs: int
    texts: int
    tokens_a_text: Known


@dataclass(frozen=True)
class Pool:
    """Who works: the fewest and most workers, how many share a node, and what a node costs an hour (None: unknown)."""

    fewest: int
    most: int
    per_node: int
    price: float | None

    def nodes(self, workers: int) -> int:
        """Nodes for so many workers."""
        return -(-workers // self.per_node)


@dataclass(frozen=True)
class Cost:
    """What some work takes. ``hours`` are by the clock, ``worker_hours`` of all workers; None: not known."""

    tokens: Range
    worker_hours: Range | None = None
    hours: Range | None = None
    node_hours: Range | None = None
    money: Range | None = None


def known(values: Iterable[float], how: How, source: str) -> Known:
    """A number that is one of ``values``, give or take what numbers known like this may be off."""
    seen = list(values)
    return Known(Range(min(seen) * (1 - OFF[how]), max(seen) * (1 + OFF[how])), how, source)


def tokens_at_most(limit: int, source: str) -> Known:
    """Tokens of a text of which only the limit is known."""
    return Known(Range(0, limit), "at most", source)


def estimated_rate(stage: Stage, shape: Shape, length: float, peak: float) -> Range:
    """Tokens a second that a device makes of ``peak`` operations a second, at the shares ``UTILISATION`` of it.

    A token of a text of ``length`` tokens takes 2 · weights operations, and attention; in training three times as many,
    since a backward pass is two forward passes.
    """
    forward = forward_flops(shape.weights, shape.layers, shape.width, length)
    operations = forward * (TRAINING if stage == "train" else 1)
    low, high = UTILISATION
    return Range(low * peak / operations, high * peak / operations)


def cost_of(work: Work, tokens_a_second: Known | None, pool: Pool) -> Cost:
    """What some work takes, if each worker makes so many tokens a second whatever their number."""
    tokens = work.tokens_a_text.value.times(work.runs * work.texts)
    if tokens_a_second is None:
        return Cost(tokens)
    seconds = tokens.over(tokens_a_second.value)
    worker_hours = Range(seconds.low / 3600, seconds.high / 3600)
    hours = Range(worker_hours.low / pool.most, worker_hours.high / pool.fewest)
    # A node that is partly used is paid for whole.
    nodes_a_worker = [pool.nodes(n) / n for n in range(pool.fewest, pool.most + 1)]
    node_hours = worker_hours.times(Range(min(nodes_a_worker), max(nodes_a_worker)))
    money = None if pool.price is None else node_hours.times(pool.price)
    return Cost(tokens, worker_hours, hours, node_hours, money)


def total(costs: Iterable[Cost]) -> Cost:
    """All costs together, one after the other; what is not known of one is not known of all."""
    each = list(costs)
    tokens = Range(math.fsum(cost.tokens.low for cost in each), math.fsum(cost.tokens.high for cost in each))
    return Cost(
        tokens,
        _sum([cost.worker_hours for cost in each]),
        _sum([cost.hours for cost in each]),
        _sum([cost.node_hours for cost in each]),
        _sum([cost.money for cost in each]),
    )


def _sum(ranges: list[Range | None]) -> Range | None:
    if any(one is None for one in ranges):
        return None
    present = [one for one in ranges if one is not None]
    return Range(math.fsum(one.low for one in present), math.fsum(one.high for one in present))
