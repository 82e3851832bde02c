"""The plan: the rows of every global step, as a pure function of (corpus, mix, seed, batch size, lanes).

Not of the number of workers, of a crash or of time; so the whole state of the data is the step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from raytrain.plan.passes import Passes, Pieces, joined, rows_in
from raytrain.plan.permutation import Ints
from raytrain.plan.schedule import PERIOD, Schedule, most_in_window, period_counts
from raytrain.plan.shards import Shards, fields_of

Batching = Literal["homogeneous", "mixed"]


@dataclass(frozen=True)
class Rows:
    """Rows of some lanes over some steps, sorted by step and lane. All arrays have shape (rows,)."""

    step: Ints
    lane: Ints
    language: Ints  # index into Plan.languages
    row: Ints  # number of the row over all files of its language


@dataclass(frozen=True)
class Entry:
    """An entry of the mix: a language, or several that share batches. Weights need not sum to 1."""

    name: str
    members: tuple[str, ...]
    weight: float


@dataclass(frozen=True)
class Stretch:
    """Consecutive positions of an entry: ``entry`` is an index into Plan.entries, ``count`` at least 1."""

    entry: int
    first: int
    count: int


def rows_needed(share: float, batch_size: int, batching: Batching) -> int:
    """The fewest rows of an entry with this share of the mix with which no batch can hold a row twice.

    A batch takes consecutive positions of an entry, and two neighbouring halves of a pass have no row in common:
    so half of the rows must be as many as a batch can take.
    """
    return 2 * (batch_size if batching == "homogeneous" else most_in_window(share, batch_size))


@dataclass(frozen=True)
class Plan:
    """The rows of every step.

    ``shards`` are in order of language, ``entries`` in order of name; ``batch_size`` counts the rows of a global
    step and is a multiple of ``lanes``; in every ``period`` slots the entries have their exact shares.
    """

    shards: tuple[Shards, ...]
    entries: tuple[Entry, ...]
    batch_size: int
    lanes: int
    seed: int
    batching: Batching
    period: int

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
        groups: Mapping[str, Sequence[str]] | None = None,
        period: int = PERIOD,
    ) -> "Plan":
        """The plan of a corpus under a mix.

        ``mix`` names languages, or groups of languages that share batches; ``groups`` says who is in a group.
        ``period``: in slots (steps if homogeneous); mixed batches need the default.
        Raises ValueError, in words for the user, if the mix names what the corpus lacks or names a language twice, if
        lanes do not divide the batch, or if an entry gets no slot or is so small that a batch could hold one of its
        rows twice.
        """
        groups = groups or {}
        entries = tuple(Entry(n, tuple(sorted(groups.get(n, (n,)))), float(mix[n])) for n in sorted(mix))
        languages = sorted(language for entry in entries for language in entry.members)
        _check_names(corpus, groups, languages)
        if batch_size % lanes:
            raise ValueError(f"a batch of {batch_size} rows can't be dealt evenly to {lanes} lanes")
        plan = cls(tuple(corpus[name] for name in languages), entries, batch_size, lanes, seed, batching, period)
        _check_sizes(plan)
        return plan

    def __getstate__(self) -> dict[str, Any]:
        return fields_of(self)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Labels of all languages of the mix, sorted."""
        return tuple(shards.language for shards in self.shards)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The languages of each group."""
        return {entry.name: entry.members for entry in self.entries if entry.members != (entry.name,)}

    @property
    def mix(self) -> dict[str, float]:
        """The weight of each entry."""
        return {entry.name: entry.weight for entry in self.entries}

    @property
    def lane_rows(self) -> int:
        """Rows of one lane in one step."""
        return self.batch_size // self.lanes

    @property
    def slot_rows(self) -> int:
        """Rows of a slot of the schedule: a batch if homogeneous, else one."""
        return self.batch_size if self.batching == "homogeneous" else 1

    @cached_property
    def passes(self) -> tuple[Passes, ...]:
        """The order of the rows of each entry."""
        shards = dict(zip(self.languages, self.shards, strict=True))
        return tuple(Passes(e.name, tuple(shards[m] for m in e.members), self.seed) for e in self.entries)

    @cached_property
    def _schedule(self) -> Schedule:
        counts = period_counts(np.array([entry.weight for entry in self.entries]), self.period)
        return Schedule(tuple(counts.tolist()), (self.seed, self.batching))

    @cached_property
    def _numbers(self) -> tuple[Ints, ...]:
        """Of each entry, the numbers of its members among ``languages``."""
        number = {language: i for i, language in enumerate(self.languages)}
        return tuple(np.array([number[member] for member in entry.members]) for entry in self.entries)

    def rows(self, lane: int, first_step: int, steps: int) -> Rows:
        """The rows of a lane in steps first_step..first_step+steps-1."""
        return self.rows_of([lane], first_step, steps)

    def rows_of(self, lanes: Sequence[int], first_step: int, steps: int) -> Rows:
        """The rows of several lanes in steps first_step..first_step+steps-1. Costs the same at any step.

        The batch is worked out as a whole, so all lanes at once cost as much as one.
        """
        owned = np.array(sorted(lanes), np.int64)
        language, row = (
            whole.reshape(steps, self.lanes, self.lane_rows)[:, owned].reshape(-1)
            for whole in self._batches(first_step, steps)
        )
        step = np.repeat(np.arange(first_step, first_step + steps), len(owned) * self.lane_rows)
        return Rows(step, np.tile(np.repeat(owned, self.lane_rows), steps), language, row)

    def stretches(self, first_step: int, steps: int) -> list[Stretch]:
        """What steps first_step..first_step+steps-1 take of each entry, those without rows left out."""
        a_step = self.batch_size // self.slot_rows
        begin, end = (self._schedule.taken(step * a_step) * self.slot_rows for step in (first_step, first_step + steps))
        return [Stretch(int(i), int(begin[i]), int(end[i] - begin[i])) for i in np.flatnonzero(end > begin)]

    def rows_taken(self, steps: int) -> dict[str, int]:
        """How many rows of each language the first ``steps`` steps take."""
        taken = dict.fromkeys(self.languages, 0)
        for stretch in self.stretches(0, steps):
            members = self.entries[stretch.entry].members
            taken |= dict(zip(members, self.passes[stretch.entry].taken(stretch.count).tolist(), strict=True))
        return taken

    def _batches(self, first_step: int, steps: int) -> tuple[Ints, Ints]:
        """Language and row of all rows of some steps, in order. Both of shape (steps × batch size,)."""
        a_step = self.batch_size // self.slot_rows
        slots = self._schedule.slots(first_step * a_step, steps * a_step)
        found: list[Pieces] = []
        cuts, start = [], 0
        for stretch in self.stretches(first_step, steps):
            pieces, skip = self.passes[stretch.entry].pieces(stretch.first, stretch.count)
            numbers = self._numbers[stretch.entry][pieces.member]
            found.append(Pieces(numbers, pieces.first_row, pieces.rows, pieces.key))
            cuts.append(np.arange(start + skip, start + skip + stretch.count))
            start += int(pieces.rows.sum())
        if not found:
            return slots, slots
        every, chosen = joined(found), np.concatenate(cuts)
        # By entry and position, which is the order of slots within an entry; uint16 is sorted without comparing.
        places = np.argsort(slots.astype(np.uint16), kind="stable")
        whole = []
        for values in (np.repeat(every.member, every.rows), rows_in(every)):
            ordered = np.empty((len(slots), self.slot_rows), np.int64)
            ordered[places] = values[chosen].reshape(len(slots), self.slot_rows)
            whole.append(ordered.reshape(-1))
        return whole[0], whole[1]


def _check_names(corpus: Mapping[str, Shards], groups: Mapping[str, Sequence[str]], languages: Sequence[str]) -> None:
    missing = sorted(set(languages) - {name for name, shards in corpus.items() if shards.rows})
    if missing:
        raise ValueError(f"no rows for {', '.join(missing)}; the corpus has {', '.join(sorted(corpus))}")
    twice = sorted({name for name in languages if languages.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} would be in two entries of the mix")
    called = sorted(set(groups) & set(corpus))
    if called:
        raise ValueError(f"{called[0]} is a language of the corpus: call the group otherwise")


def _check_sizes(plan: Plan) -> None:
    weights = np.array([entry.weight for entry in plan.entries])
    period = max(plan.period, PERIOD)  # in a shorter one, that of one run, an entry may well have no slot
    counts, total = period_counts(weights, period), float(weights.sum())
    lacking = []
    for entry, passes, count in zip(plan.entries, plan.passes, counts.tolist(), strict=True):
        if not count:
            slot = "batch" if plan.batching == "homogeneous" else "row"
            raise ValueError(
                f"{entry.name}: weight {entry.weight:g} is less than one {slot} in {period:,}: leave it out"
            )
        need = rows_needed(entry.weight / total, plan.batch_size, plan.batching)
        if passes.rows < need:
            of = f" ({', '.join(entry.members)})" if entry.name in plan.groups else ""
            lacking.append(f"{entry.name}{of} has {passes.rows} rows and needs {need}")
    if lacking:
        share = "" if plan.groups else ", let small languages share batches (group_small: NAME),"
        raise ValueError(
            f"a batch of {plan.batch_size} could hold a row twice: {'; '.join(lacking)}: exclude what is small{share} "
            "or lower batch_size"
        )
