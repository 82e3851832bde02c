"""Reading raw pairs, a batch at a time: rows with the name of their file and their number in it."""

from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa

from raytrain.corpus.pairs import Checked
from raytrain.corpus.raw.hub import HubFile
from raytrain.corpus.raw.json_lines import json_batches, opened_lines
from raytrain.corpus.raw.sources import Unit
from raytrain.corpus.raw.tables import check_dicts, check_table
from raytrain.errors import UserError, one_line
from raytrain.parquet import open_parquet
from raytrain.storage import Location

# A batch is at most 8,192 pairs: a row of a bitext is two, and a training row may hold hundreds of passages.
BATCH = {"pairs": 8_192, "bitext": 4_096, "training": 512}


def read_unit(unit: Unit, row_groups: range | None = None) -> Iterator[Checked]:
    """The rows of a unit, checked, in batches; of Parquet only those of ``row_groups`` (with step 1), if given.

    Rows are numbered within the whole file. Rows of labels that are not wanted of the unit come too. Raises UserError
    that names the file if it is broken or truncated, and ValueError for row groups of what has none.
    """
    if row_groups is not None and unit.kind != "parquet":
        raise ValueError(f"{unit.name} is {unit.kind}, which has no row groups")
    if unit.kind == "cldr":
        yield from _cldr(unit)
    elif unit.kind == "jsonl":
        yield from _jsonl(unit)
    else:
        yield from _parquet(unit, row_groups)


def _location(unit: Unit) -> Location:
    assert unit.file is not None
    return unit.file.fetched() if isinstance(unit.file, HubFile) else unit.file


def _parquet(unit: Unit, row_groups: range | None) -> Iterator[Checked]:
    file = open_parquet(_location(unit))
    groups = range(file.metadata.num_row_groups) if row_groups is None else row_groups
    first = sum(file.metadata.row_group(before).num_rows for before in range(groups.start))
    try:
        for batch in file.iter_batches(BATCH[unit.shape], row_groups=list(groups), use_threads=False):
            numbers = range(first, first + batch.num_rows)
            table = pa.Table.from_batches([batch])
            yield check_table(table, numbers, file=unit.uri, shape=unit.shape, labels=unit.labels)
            first += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{unit.uri}: broken Parquet: {one_line(error)}") from error


def _jsonl(unit: Unit) -> Iterator[Checked]:
    with opened_lines(_location(unit).open_input(), unit.uri) as lines:
        for numbers, rows in json_batches(lines, BATCH[unit.shape]):
            yield check_dicts(rows, numbers, file=unit.uri, shape=unit.shape, labels=unit.labels)


def _cldr(unit: Unit) -> Iterator[Checked]:
    from raytrain.corpus import cldr

    rows = [asdict(pair) for pair in cldr.pairs(unit.labels[0])]
    yield check_dicts(rows, range(len(rows)), file=unit.uri, shape=unit.shape, labels=unit.labels)
