"""Work in parts, as a Ray Data job: parts that are finished are not done again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import ray.data
from ray.exceptions import RayError

from raytrain.errors import user_error_in
from raytrain.progress import counting
from raytrain.storage import Location

ROWS_A_TASK = 65_536  # small parts are done several a task: a task costs some 10 ms of its own

Do = Callable[["Part", Any], None]


@dataclass(frozen=True)
class Part:
    """A piece of work: the name that its file has when it is finished, about how many rows, and what it is."""

    name: str
    rows: int
    of: Any


def each(title: str, do: Do, parts: Sequence[Part], context: Any, finished: Location, unit: str) -> Iterator[str]:
    """Does the parts that have no file of their name in the folder ``finished``; yields the name of each that is done.

    ``do(part, context)`` runs in a task, and writes that file as the last thing it does. Raises UserError where a
    part does.
    """
    there = {info.path for info in finished.list()}
    todo = [part for part in parts if part.name not in there]
    total = sum(part.rows for part in parts)
    packs = _packs(todo)
    with counting(title, unit, total, total - sum(part.rows for part in todo)) as advance:
        if not packs:
            return
        numbers = ray.data.from_items([{"pack": i} for i in range(len(packs))], override_num_blocks=len(packs))
        numbers.context.raise_original_map_exception = True  # what Ray Data wraps it in loses a UserError
        done = numbers.map_batches(_do, fn_args=(do, packs, context), batch_size=1, batch_format="pyarrow")
        try:
            for row in done.iter_rows():
                advance(row["rows"], "")
                yield row["name"]
        except RayError as error:
            raise user_error_in(error) or error from error


def _do(batch: pa.Table, do: Do, packs: list[list[Part]], context: Any) -> pa.Table:
    done: dict[str, list[Any]] = {"name": [], "rows": []}
    for number in batch.column("pack").to_pylist():
        for part in packs[number]:
            do(part, context)
            done["name"].append(part.name)
            done["rows"].append(part.rows)
    return pa.table(done)


def _packs(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts in packs of about ROWS_A_TASK rows, the large ones first, so that the end is not one long task."""
    packs: list[list[Part]] = []
    rows = ROWS_A_TASK
    for part in sorted(parts, key=lambda part: -part.rows):
        if rows + part.rows > ROWS_A_TASK:
            packs.append([])
            rows = 0
        packs[-1].append(part)
        rows += max(part.rows, 1)
    return packs
