"""prepare: raw pairs to a shuffled corpus, as one Ray Data job, every row accounted for."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import ray.data
from ray.exceptions import RayError

from raytrain.artifact import File, RowAccount
from raytrain.corpus.layout import shard_count, shard_of, shuffle_key, write_shard
from raytrain.corpus.pairs import PAIRS, QUARANTINE
from raytrain.corpus.reading import read_unit
from raytrain.corpus.sources import Unit
from raytrain.errors import UserError, user_error_in
from raytrain.parquet import write_parquet
from raytrain.storage import Location

QUARANTINE_SHARD = -1
MOST_PARTITIONS = 200  # of the shuffle; for a small corpus fewer, as each costs a task

# What travels between the tasks: pairs, bad rows (shard -1, a reason) and one count a unit (shard -1, no reason).
_TRAVELLING = pa.schema(
    [
        ("language", pa.string()),
        ("shard", pa.int32()),
        ("key", pa.uint64()),
        ("taken", pa.int64()),
        *PAIRS,
        *QUARANTINE,
    ]
)


@dataclass(frozen=True)
class PreparedLanguage:
    """The files of one language, in order, with the rows of each; and where its rows went."""

    language: str
    shards: tuple[tuple[File, int], ...]
    quarantine: File | None
    account: RowAccount


@dataclass(frozen=True)
class Layout:
    """How the corpus is written."""

    folder: Location
    row_group_rows: int
    seed: int
    shards: dict[str, int]


def prepare(
    units: list[Unit],
    folder: Location,
    *,
    row_group_rows: int,
    shard_rows: int,
    seed: int,
    progress: Callable[[str, int], None],
) -> list[PreparedLanguage]:
    """Reads all units and writes the corpus under ``folder``; gives what there is, by language.

    ``progress`` hears of each finished shard: its language and rows. The order of rows depends on their ids and
    the seed, not on parallelism or on the order of files; into how many shards a language goes depends on
    ``Unit.rows``, which for JSONL is an estimate. Raises UserError for a broken source, or if a language is left
    without rows.
    """
    rows: Counter[str] = Counter()
    for unit in units:
        rows[unit.language] += unit.rows
    layout = Layout(folder, row_group_rows, seed, {lang: shard_count(n, shard_rows) for lang, n in rows.items()})
    groups = sum(layout.shards.values()) + len(layout.shards)
    written = (
        ray.data.from_items([{"unit": number} for number in range(len(units))], override_num_blocks=len(units))
        .map_batches(_read, fn_args=(units, layout), batch_size=1, batch_format="pyarrow", udf_modifying_row_count=True)
        .groupby(["language", "shard"], num_partitions=min(groups, MOST_PARTITIONS))
        .map_groups(_write, fn_args=(layout,), batch_format="pyarrow")
    )
    records = []
    try:
        for record in written.iter_rows():
            records.append(record)
            progress(record["language"], record["rows"])
    except RayError as error:
        raise user_error_in(error) or error from error
    return [_language(language, records) for language in sorted(layout.shards)]


def _read(batch: pa.Table, units: list[Unit], layout: Layout) -> Iterator[pa.Table]:
    for number in batch.column("unit").to_pylist():
        unit = units[number]
        taken = 0
        for checked in read_unit(unit):
            taken += checked.good.num_rows + checked.bad.num_rows
            keys = [shuffle_key(layout.seed, pair_id) for pair_id in checked.good.column("id").to_pylist()]
            shards = [shard_of(key, layout.shards[unit.language]) for key in keys]
            yield _travelling(checked.good, language=unit.language, key=keys, shard=shards)
            yield _travelling(checked.bad, language=unit.language, shard=QUARANTINE_SHARD)
        yield _travelling(pa.table({"taken": [taken]}), language=unit.language, shard=QUARANTINE_SHARD)


def _travelling(table: pa.Table, **columns: Any) -> pa.Table:
    n = table.num_rows
    for name, value in columns.items():
        values = value if isinstance(value, list) else [value] * n
        table = table.append_column(name, pa.array(values, _TRAVELLING.field(name).type))
    for field in _TRAVELLING:
        if field.name not in table.column_names:
            table = table.append_column(field.name, pa.nulls(n, field.type))
    return table.select(_TRAVELLING.names).cast(_TRAVELLING)


def _write(group: pa.Table, layout: Layout) -> pa.Table:
    language = group.column("language")[0].as_py()
    shard = group.column("shard")[0].as_py()
    record: dict[str, Any] = {"language": language, "shard": shard, "rows": 0, "taken": 0, "reasons": ""}
    record |= {"path": "", "size": 0, "sha256": ""}
    if shard == QUARANTINE_SHARD:
        record["taken"] = pc.sum(group.column("taken")).as_py() or 0
        bad = group.filter(pc.is_valid(group.column("reason"))).select(QUARANTINE.names)
        if bad.num_rows:
            bad = bad.sort_by([("file", "ascending"), ("row", "ascending")])
            file = write_parquet(bad, layout.folder, f"quarantine/{language}.parquet", layout.row_group_rows)
            record |= file.model_dump() | {"reasons": "\n".join(bad.column("reason").to_pylist())}
    else:
        file = write_shard(group, "key", layout.folder, language, shard, layout.row_group_rows)
        record |= file.model_dump() | {"rows": group.num_rows}
    return pa.Table.from_pylist([record])


def _language(language: str, records: list[dict[str, Any]]) -> PreparedLanguage:
    own = sorted((r for r in records if r["language"] == language), key=lambda r: r["shard"])
    shards = tuple((_file(r), r["rows"]) for r in own if r["shard"] != QUARANTINE_SHARD)
    rest = next(r for r in own if r["shard"] == QUARANTINE_SHARD)
    dropped = Counter(reason for reason in rest["reasons"].split("\n") if reason)
    kept = sum(rows for _, rows in shards)
    if not kept:
        raise UserError(f"corpus: {language} is left without rows: {rest['taken']} taken, dropped {dict(dropped)}")
    account = RowAccount(taken=rest["taken"], kept=kept, dropped=dict(sorted(dropped.items())))
    return PreparedLanguage(language, shards, _file(rest) if rest["path"] else None, account)


def _file(record: dict[str, Any]) -> File:
    return File(path=record["path"], size=record["size"], sha256=record["sha256"])
