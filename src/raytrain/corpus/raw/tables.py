"""Batches of raw rows checked: pairs of plain text a column at a time, everything else row by row."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from raytrain.corpus.pairs import LABELLED_PAIRS, LABELLED_QUARANTINE, PAIRS, Checked, extra_of, pair_id
from raytrain.corpus.raw.checking import PAIR_COLUMNS, Row, check_rows
from raytrain.corpus.raw.shapes import Shape

Columns = Mapping[str, pa.Array]  # of plain text, by name; what is not there is all null


def check_table(table: pa.Table, numbers: Sequence[int], *, file: str, shape: Shape, labels: Sequence[str]) -> Checked:
    """What `check_rows` makes of the rows of a table, which may hold text that is no UTF-8."""
    columns = _columns_of_table(table) if shape == "pairs" else None
    if columns is None:
        return check_rows(python_rows(table), numbers, file=file, shape=shape, labels=labels)
    usable = _usable(columns)
    others = [name for name in table.column_names if name not in PAIR_COLUMNS]
    extra = [extra_of(row, PAIR_COLUMNS) for row in python_rows(table.select(others).filter(usable))]
    bad = table.filter(pc.invert(usable))
    return Checked(_good(columns, usable, extra, labels[0]), _bad(python_rows(bad), usable, numbers, file, labels))


def check_dicts(
    rows: Sequence[Row], numbers: Sequence[int], *, file: str, shape: Shape, labels: Sequence[str]
) -> Checked:
    """What `check_rows` makes of the rows."""
    plain = [row for row in rows if isinstance(row, dict)]
    columns = _columns_of_dicts(plain) if shape == "pairs" and len(plain) == len(rows) else None
    if columns is None:
        return check_rows(rows, numbers, file=file, shape=shape, labels=labels)
    usable = _usable(columns)
    extra, bad = list[str | None](), list[Row]()
    for row, use in zip(plain, usable.to_pylist(), strict=True):
        if use:
            extra.append(extra_of(row, PAIR_COLUMNS))
        else:
            bad.append(row)
    return Checked(_good(columns, usable, extra, labels[0]), _bad(bad, usable, numbers, file, labels))


def _columns_of_table(table: pa.Table) -> Columns | None:
    """The columns of a pair as text; None if one is of a type, or holds bytes, that only Python can tell apart."""
    columns = {}
    for name in PAIR_COLUMNS.intersection(table.column_names):
        column = _without_categories(table.column(name)).combine_chunks()
        kind = column.type
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
        if not is_text and not (name == "id" and pa.types.is_integer(kind)):
            return None
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            return None
        columns[name] = column.cast(pa.string())
    return columns


def _columns_of_dicts(rows: list[dict[str, Any]]) -> Columns | None:
    try:
        return {name: pa.array([row.get(name) for row in rows], pa.string()) for name in PAIR_COLUMNS}
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return None


def _usable(columns: Columns) -> pa.Array:
    """Which rows have both texts."""
    filled = [pc.greater(pc.binary_length(_stripped(columns[name])), 0) for name in ("question", "answer")]
    return pc.fill_null(pc.and_(*filled), False)


def _stripped(column: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(column)  # of the same characters as str.strip


def _good(columns: Columns, usable: pa.Array, extra: list[str | None], label: str) -> pa.Table:
    rows = len(extra)
    kept = {name: _stripped(column.filter(usable)) for name, column in columns.items()}
    texts = {name: pc.fill_null(kept.get(name, pa.nulls(rows, pa.string())), "") for name in PAIR_COLUMNS}
    nameless = pc.equal(texts["id"], "")
    if pc.any(nameless).as_py():
        pairs = zip(*(texts[name].filter(nameless).to_pylist() for name in ("question", "answer")), strict=True)
        texts["id"] = pc.replace_with_mask(
            texts["id"], nameless, pa.array([pair_id(question, answer) for question, answer in pairs], pa.string())
        )
    texts["extra"] = pa.array(extra, pa.string())
    arrays = [texts.get(field.name, pa.nulls(rows, field.type)) for field in PAIRS]
    return pa.Table.from_arrays([*arrays, pa.repeat(label, rows)], schema=LABELLED_PAIRS)


def _bad(rows: Sequence[Row], usable: pa.Array, numbers: Sequence[int], file: str, labels: Sequence[str]) -> pa.Table:
    if not rows:
        return LABELLED_QUARANTINE.empty_table()
    where = [number for number, use in zip(numbers, usable.to_pylist(), strict=True) if not use]
    return check_rows(rows, where, file=file, shape="pairs", labels=labels).bad


def python_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table; text that is no UTF-8 comes as bytes, so that it can be told apart row by row."""
    columns = {}
    for name in table.column_names:
        column = _without_categories(table.column(name))
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            raw = pc.cast(column, pa.large_binary()).to_pylist()
            columns[name] = [_decoded(value) for value in raw]
        else:
            columns[name] = _python_values(column)
    if not columns:
        return [{} for _ in range(table.num_rows)]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _without_categories(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # text inside lists and structs: one bad row must not cost the others
        return [_python_value(scalar) for scalar in column]


def _python_value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return "(not UTF-8)"


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return value
