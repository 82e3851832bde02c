"""Small plans, their batches, and the work they take."""

import sys
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from raytrain.plan import Plan, Rows, Shards, mix_weights
from raytrain.plan.batches import rows_needed

SIZES = st.lists(st.integers(1, 300), min_size=1, max_size=4)


def pairs_of(rows: Rows) -> list[tuple[int, int]]:
    """(language, row) of all rows, in order."""
    return list(zip(rows.language.tolist(), rows.row.tolist(), strict=True))


def steps_of(rows: Rows) -> dict[int, list[tuple[int, int]]]:
    """(language, row) of the rows of each step, in order."""
    found: dict[int, list[tuple[int, int]]] = {}
    for step, pair in zip(rows.step.tolist(), pairs_of(rows), strict=True):
        found.setdefault(step, []).append(pair)
    return found


def taken_of(plan: Plan, steps: int) -> dict[str, int]:
    """Rows of each entry of the mix in the first steps."""
    taken = plan.rows_taken(steps)
    return {entry.name: sum(taken[member] for member in entry.members) for entry in plan.entries}


def weights_of(plan: Plan, step: int = 0) -> dict[str, float]:
    """The weight of each entry of the mix at a step, by name."""
    return {entry.name: weight for entry, weight in plan.mix_at(step).items()}


def shards(name: str, *rows: int, group: int = 64) -> Shards:
    return Shards(name, rows, group)


def work(action: Callable[[], Any]) -> tuple[int, int]:
    """Calls that an action makes, and the most memory it holds, in bytes."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    action()
    tracemalloc.start()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return calls, peak


def _cut(draw: st.DrawFn, rows: int) -> tuple[int, ...]:
    """Rows in ragged files."""
    ends = sorted({*draw(st.lists(st.integers(1, rows), max_size=3)), rows})
    return tuple(int(n) for n in np.diff([0, *ends]))


@st.composite
def plans(draw: st.DrawFn, batching: str | None = None, grouped: bool | None = None) -> Plan:
    """Several languages, a group of up to three or none, ragged files, and often just enough rows."""
    lanes = draw(st.integers(1, 4))
    batch_size = lanes * draw(st.integers(1, 20))
    batching = batching or draw(st.sampled_from(["homogeneous", "mixed"]))
    mix = mix_weights({}, weights={f"l{i}": draw(st.floats(0.02, 1.0)) for i in range(draw(st.integers(1, 4)))})
    groups: dict[str, Sequence[str]] = {}
    if grouped or (grouped is None and draw(st.booleans())):
        groups["small"] = [f"s{i}" for i in range(draw(st.integers(1, 3)))]
        mix = mix_weights({}, weights={**mix, "small": draw(st.floats(0.02, 1.0))})
    row_group = draw(st.integers(1, 64))
    corpus = {}
    for name, share in mix.items():
        members = groups.get(name, [name])
        need = rows_needed(share, batch_size, batching)  # type: ignore[arg-type]
        extra = draw(st.integers(0, 200)) if draw(st.booleans()) else 0
        for i, member in enumerate(members):
            own = max(1, need // len(members)) if i else max(1, need - (len(members) - 1) * (need // len(members)))
            corpus[member] = Shards(member, _cut(draw, own + extra), row_group)
    return Plan.of(
        corpus,
        mix,
        batch_size=batch_size,
        lanes=lanes,
        seed=draw(st.integers(0, 2**63 - 1)),
        batching=batching,  # type: ignore[arg-type]
        groups=groups,
    )
