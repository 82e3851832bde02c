"""The plan: the rows of every global step, as a pure function of (corpus, mix, seed, batch size, lanes).

Not of the number of workers, of a crash or of time; so the whole state of the data is the step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from raytrain.plan.passes import Passes, Shards
from raytrain.plan.schedule import LEAF_LOG2, PERIOD_LOG2, Schedule, period_counts

Ints = npt.NDArray[np.int64]
Batching = Literal["homogeneous", "mixed"]


@dataclass(frozen=True)
class Rows:
    """Rows of one lane over some steps, in order. All arrays have shape (steps × lane rows,)."""

    step: Ints
    lane: Ints
    language: Ints  # index into Plan.languages
    row: Ints  # number of the row over all files of its language


@dataclass(frozen=True)
class Plan:
    """The rows of every step.

    ``shards`` and ``weights`` are in order of language; ``batch_size`` counts the rows of a global step and
    is a multiple of ``lanes``.
    """

    shards: tuple[Shards, ...]
    weights: tuple[float, ...]
    batch_size: int
    lanes: int
    seed: int
    batching: Batching

    @classmethod
    def of(
        cls,
        corpus: Mapping[str, Shards],
        mix: Mapping[str, float],
        *,
        batch_size: int,
        lanes: int,
        seed: int,
        batching: Batching,
    ) -> "Plan":
        """The plan of a corpus under a mix.

        Raises ValueError, in words for the user, if the mix names a language that the corpus lacks, if lanes do
        not divide the batch, or if a language is so small that a batch could hold one of its rows twice.
        """
        missing = sorted(set(mix) - {name for name, shards in corpus.items() if shards.rows})
        if missing:
            raise ValueError(f"no rows for {', '.join(missing)}; the corpus has {', '.join(sorted(corpus))}")
        if batch_size % lanes:
            raise ValueError(f"a batch of {batch_size} rows can't be dealt evenly to {lanes} lanes")
        names = sorted(mix)
        plan = cls(
            tuple(corpus[name] for name in names),
            tuple(float(mix[name]) for name in names),
            batch_size,
            lanes,
            seed,
            batching,
        )
        for name, need in zip(names, plan.rows_needed, strict=True):
            if corpus[name].rows < need:
                raise ValueError(
                    f"{name} has {corpus[name].rows} rows, and batches of {batch_size} in {lanes} lanes need "
                    f"at least {need} so that no batch holds a row twice: leave {name} out or lower the batch size"
                )
        return plan

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes of the mix, sorted."""
        return tuple(shards.language for shards in self.shards)

    @property
    def lane_rows(self) -> int:
        """Rows of one lane in one step."""
        return self.batch_size // self.lanes

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Slots of each language in a period of 2^20 (a slot is a batch if homogeneous, else a row)."""
        return tuple(period_counts(np.array(self.weights)).tolist())

    @property
    def rows_needed(self) -> tuple[int, ...]:
        """The fewest rows of each language with which no batch can hold a row twice.

        A batch takes rows from at most two neighbouring parts (halves) of a pass as long as what all lanes
        have in hand at one step fits into a part. Homogeneous lanes go in step. Mixed lanes have schedules of
        their own: two of them differ by at most one row a level of the halving tree, and by a leaf.
        """
        if self.batching == "homogeneous":
            return (2 * self.batch_size,) * len(self.shards)
        leaf = 1 << LEAF_LOG2
        needed = []
        for count in self.counts:
            in_leaf = 1 + -(-leaf * count // (1 << PERIOD_LOG2))
            in_step = min(self.lane_rows, in_leaf * (self.lane_rows // leaf + 2))
            apart = 2 * (PERIOD_LOG2 - LEAF_LOG2) + in_leaf
            needed.append(2 * self.lanes * (in_step + apart))
        return tuple(needed)

    @cached_property
    def _passes(self) -> tuple[Passes, ...]:
        return tuple(Passes(shards, self.lanes, self.seed) for shards in self.shards)

    def _schedule(self, lane: int) -> Schedule:
        if self.batching == "homogeneous":
            return Schedule(self.counts, (self.seed, "steps"))
        return Schedule(self.counts, (self.seed, "rows", lane))

    def rows(self, lane: int, first_step: int, steps: int) -> Rows:
        """The rows of a lane in steps first_step..first_step+steps-1. Costs the same at any step."""
        b = self.lane_rows
        if self.batching == "homogeneous":
            by_step, batches = self._schedule(lane).slots(first_step, steps)
            language = np.repeat(by_step, b)
            turns = (batches[:, None] * b + np.arange(b)).reshape(-1)
        else:
            language, turns = self._schedule(lane).slots(first_step * b, steps * b)
        row = np.empty_like(turns)
        for index in np.unique(language):
            here = language == index
            row[here] = self._passes[index].locate(lane, turns[here])
        step = np.repeat(np.arange(first_step, first_step + steps), b)
        return Rows(step, np.full(len(step), lane), language, row)

    def rows_of(self, lanes: Sequence[int], first_step: int, steps: int) -> Rows:
        """The rows of several lanes, sorted by (step, lane): what a rank that owns them takes."""
        parts = [self.rows(lane, first_step, steps) for lane in lanes]
        joined = [np.concatenate([getattr(p, f) for p in parts]) for f in ("step", "lane", "language", "row")]
        order = np.argsort(joined[0], kind="stable")
        return Rows(*(a[order] for a in joined))

    def rows_taken(self, steps: int) -> dict[str, int]:
        """How many rows of each language the first ``steps`` steps take."""
        if self.batching == "homogeneous":
            taken = self._schedule(0).taken(steps) * self.batch_size
        else:
            slots = steps * self.lane_rows
            taken = np.sum([self._schedule(lane).taken(slots) for lane in range(self.lanes)], axis=0)
        return dict(zip(self.languages, taken.tolist(), strict=True))
