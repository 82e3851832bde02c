"""Schedules that follow each other: which entry has each slot of a run whose mix is changed on the way.

Slots are counted over the whole run, in each schedule too: from where it begins it goes on as if it had always been
in force. So a change to the same mix is none.
"""

import sys
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from raytrain.plan.permutation import Ints
from raytrain.plan.schedule import Schedule


@dataclass(frozen=True)
class Turn:
    """A schedule in force from ``first_slot`` on. It deals with the ``entries``, numbers among all of the timetable."""

    first_slot: int
    entries: tuple[int, ...]
    schedule: Schedule


@dataclass(frozen=True)
class Timetable:
    """An endless sequence of entries, by one schedule or by several, each up to where the next begins.

    ``turns`` are in order of ``first_slot``, the first of which is 0; ``entries`` counts them. The cost of a look does
    not depend on the slot, only on the number of turns.
    """

    turns: tuple[Turn, ...]
    entries: int

    @cached_property
    def _ends(self) -> list[int]:
        return [*(turn.first_slot for turn in self.turns[1:]), sys.maxsize]

    @cached_property
    def _offsets(self) -> list[Ints]:
        """For each turn what is to be added to what its schedule counts. Shape (entries,) each."""
        offsets = [np.zeros(self.entries, np.int64)]
        for before, turn in pairwise(self.turns):
            taken = offsets[-1] + self._counted(before, turn.first_slot)
            offsets.append(taken - self._counted(turn, turn.first_slot))
        return offsets

    def _counted(self, turn: Turn, slot: int) -> Ints:
        """How many of the slots before ``slot`` each entry would have, had the turn's schedule always been in force."""
        counted = np.zeros(self.entries, np.int64)
        counted[list(turn.entries)] = turn.schedule.taken(slot)
        return counted

    def slots(self, first: int, count: int) -> Ints:
        """The entries of slots first..first+count-1. Shape (count,)."""
        found = [np.zeros(0, np.int64)]
        for turn, end in zip(self.turns, self._ends, strict=True):
            begin, stop = max(first, turn.first_slot), min(first + count, end)
            if begin < stop:
                found.append(np.array(turn.entries)[turn.schedule.slots(begin, stop - begin)])
        return np.concatenate(found)

    def taken(self, first: int) -> Ints:
        """How many of the slots before ``first`` each entry has. Shape (entries,)."""
        number = next(i for i, end in enumerate(self._ends) if first <= end)
        return self._offsets[number] + self._counted(self.turns[number], first)
