"""The plan: the rows of every global step, as a pure function of (corpus, mix, seed, batch size, lanes).

Not of the number of workers, of a crash or of time; so the whole state of the data is the step, and the list of
changes where the mix is changed on the way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from raytrain.plan.passes import Passes, Pieces, joined, rows_in
from raytrain.plan.permutation import Ints
from raytrain.plan.schedule import PERIOD, Schedule, most_in_window, period_counts
from raytrain.plan.shards import Shards, fields_of
from raytrain.plan.timetable import Timetable, Turn

Batching = Literal["homogeneous", "mixed"]


@dataclass(frozen=True)
class Rows:
    """Rows of some lanes over some steps, sorted by step and lane. All arrays have shape (rows,)."""

    step: Ints
    lane: Ints
    language: Ints  # index into Plan.languages
    row: Ints  # number of the row over all files of its language


@dataclass(frozen=True, order=True)
class Entry:
    """An entry of a mix: a language, or several that share batches. It is one sequence of rows, whatever its weight."""

    name: str
    members: tuple[str, ...]

    @property
    def is_group(self) -> bool:
        """Whether languages share its batches, or might."""
        return self.members != (self.name,)


@dataclass(frozen=True)
class Segment:
    """Steps of one mix, from ``first_step`` on.

    ``weights`` has one for each of Plan.entries, 0 where the mix lacks it; they need not sum to 1. In every ``period``
    slots the entries have their exact shares.
    """

    first_step: int
    weights: tuple[float, ...]
    period: int


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

    ``shards`` are in order of language, ``entries`` (those of all mixes) in order of name; ``segments`` say from which
    step on which mix holds, the first from step 0; ``batch_size`` counts the rows of a global step and is a multiple of
    ``lanes``.
    """

    shards: tuple[Shards, ...]
    entries: tuple[Entry, ...]
    segments: tuple[Segment, ...]
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
        entries = tuple(Entry(name, tuple(sorted(groups.get(name, (name,))))) for name in sorted(mix))
        languages = sorted(language for entry in entries for language in entry.members)
        _check_names(corpus, groups, languages)
        if batch_size % lanes:
            raise ValueError(f"a batch of {batch_size} rows can't be dealt evenly to {lanes} lanes")
        shards = tuple(corpus[name] for name in languages)
        segment = Segment(0, tuple(float(mix[entry.name]) for entry in entries), period)
        plan = cls(shards, entries, (segment,), batch_size, lanes, seed, batching)
        _check_sizes(plan)
        return plan

    def then(self, step: int, other: "Plan") -> "Plan":
        """This plan up to ``step``, and from there on the mix of another; each entry goes on where it stopped.

        The other has one mix, and for the rest is a plan of the same corpus, batches and seed.
        Raises ValueError if it is not, or if ``step`` is not after all changes so far.
        """
        for field in ("batch_size", "lanes", "seed", "batching"):
            if getattr(self, field) != getattr(other, field):
                raise ValueError(f"{field} is {getattr(other, field)} after step {step}, and before it was another")
        last, (new,) = self.segments[-1], other.segments
        if step <= last.first_step:
            raise ValueError(f"a change at step {step} does not come after step {last.first_step}")
        shards = {one.language: one for one in self.shards}
        if any(shards.setdefault(one.language, one) != one for one in other.shards):
            raise ValueError(f"a language has other rows after step {step}")
        entries = tuple(sorted({*self.entries, *other.entries}))
        segments = [_moved(segment, self.entries, entries) for segment in self.segments]
        changed = replace(_moved(new, other.entries, entries), first_step=step)
        if replace(changed, first_step=last.first_step) != segments[-1]:
            segments.append(changed)
        return replace(
            self, shards=tuple(shards[name] for name in sorted(shards)), entries=entries, segments=tuple(segments)
        )

    def __getstate__(self) -> dict[str, Any]:
        return fields_of(self)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Labels of all languages of the mix, sorted."""
        return tuple(shards.language for shards in self.shards)

    def until(self, step: int) -> "Plan":
        """The plan without the changes from ``step`` on: plans for which these are equal have the same rows before."""
        kept = [segment for segment in self.segments if segment.first_step < max(step, 1)]
        entries = tuple(e for e, *weights in zip(self.entries, *(s.weights for s in kept), strict=True) if any(weights))
        languages = {member for entry in entries for member in entry.members}
        return replace(
            self,
            shards=tuple(shards for shards in self.shards if shards.language in languages),
            entries=entries,
            segments=tuple(_moved(segment, self.entries, entries) for segment in kept),
        )

    def segment_at(self, step: int) -> Segment:
        """The segment of a step."""
        return next(segment for segment in reversed(self.segments) if segment.first_step <= step)

    def mix_at(self, step: int) -> dict[Entry, float]:
        """The weight of each entry of the mix that holds at a step."""
        weights = zip(self.entries, self.segment_at(step).weights, strict=True)
        return {entry: weight for entry, weight in weights if weight}

    def spans(self, steps: int) -> list[range]:
        """The steps of each segment among the first ``steps``, in order."""
        begins = [segment.first_step for segment in self.segments if segment.first_step < steps]
        return [range(begin, end) for begin, end in pairwise([*begins, steps])]

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
    def _timetable(self) -> Timetable:
        a_step, turns = self.batch_size // self.slot_rows, []
        for segment in self.segments:
            weights = np.array(segment.weights)
            there = np.flatnonzero(weights)
            counts = period_counts(weights[there], segment.period)
            schedule = Schedule(tuple(counts.tolist()), (self.seed, self.batching))
            turns.append(Turn(segment.first_step * a_step, tuple(there.tolist()), schedule))
        return Timetable(tuple(turns), len(self.entries))

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
        begin, end = (
            self._timetable.taken(step * a_step) * self.slot_rows for step in (first_step, first_step + steps)
        )
        return [Stretch(int(i), int(begin[i]), int(end[i] - begin[i])) for i in np.flatnonzero(end > begin)]

    def rows_taken(self, steps: int) -> dict[str, int]:
        """How many rows of each language the first ``steps`` steps take."""
        taken = dict.fromkeys(self.languages, 0)
        for stretch in self.stretches(0, steps):
            members = self.entries[stretch.entry].members
            for member, rows in zip(members, self.passes[stretch.entry].taken(stretch.count).tolist(), strict=True):
                taken[member] += rows  # of one mix it may be an entry, and of another in a group
        return taken

    def _batches(self, first_step: int, steps: int) -> tuple[Ints, Ints]:
        """Language and row of all rows of some steps, in order. Both of shape (steps × batch size,)."""
        a_step = self.batch_size // self.slot_rows
        slots = self._timetable.slots(first_step * a_step, steps * a_step)
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


def _moved(segment: Segment, entries: Sequence[Entry], to: Sequence[Entry]) -> Segment:
    """A segment with its weights in the places of other entries, among which its own are."""
    weights = dict(zip(entries, segment.weights, strict=True))
    return replace(segment, weights=tuple(weights.get(entry, 0.0) for entry in to))


def _check_sizes(plan: Plan) -> None:
    """Of a plan with one mix."""
    (segment,) = plan.segments
    period = max(segment.period, PERIOD)  # in a shorter one, that of one run, an entry may well have no slot
    counts, total = period_counts(np.array(segment.weights), period), float(sum(segment.weights))
    grouped = any(entry.is_group for entry in plan.entries)
    lacking = []
    for passes, entry, weight, count in zip(plan.passes, plan.entries, segment.weights, counts.tolist(), strict=True):
        if not count:
            slot = "batch" if plan.batching == "homogeneous" else "row"
            raise ValueError(f"{entry.name}: weight {weight:g} is less than one {slot} in {period:,}: leave it out")
        need = rows_needed(weight / total, plan.batch_size, plan.batching)
        if passes.rows < need:
            of = f" ({', '.join(entry.members)})" if entry.is_group else ""
            lacking.append(f"{entry.name}{of} has {passes.rows} rows and needs {need}")
    if lacking:
        share = "" if grouped else ", let small languages share batches (group_small: NAME),"
        raise ValueError(
            f"a batch of {plan.batch_size} could hold a row twice: {'; '.join(lacking)}: exclude what is small{share} "
            "or lower batch_size"
        )
