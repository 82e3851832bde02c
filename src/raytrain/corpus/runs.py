"""The rows that may stay, as runs: their texts, and beside them what they are compared by."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from raytrain.corpus.exchange import top_bits, write_partitioned
from raytrain.corpus.likeness.near_duplicates import NO_KEY
from raytrain.corpus.likeness.normal_form import NO_WORDS
from raytrain.corpus.pairs import PAIRS
from raytrain.corpus.work import RUN_ROWS, Slice, Work, first_row_id, run_name

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

RUN_BYTES = 256 << 20

RUN = pa.schema([*PAIRS, ("language", pa.string()), ("key", pa.uint64()), ("content", pa.uint64())])
EXACT = pa.schema(
    [
        ("relation", pa.uint8()),
        ("hash", pa.uint64()),
        ("key", pa.uint64()),
        ("content", pa.uint64()),
        ("row", pa.int64()),
    ]
)
BANDS = pa.schema([("hash", pa.uint64()), ("row", pa.int64())])

# What two rows can have in common, in the order in which it counts as the reason why one of them goes.
RELATIONS = ("duplicate_id", "duplicate_question", "near_duplicate", "benchmark_other_passage")
SAME_ID, SAME_QUESTION, NEAR, OTHER_PASSAGE = range(4)


@dataclass(frozen=True)
class Partitioning:
    """The partitions of some labels, one label after the other."""

    names: Sequence[str]
    counts: Sequence[int]  # of each label

    @classmethod
    def of(cls, labels: Sequence[str], work: Work) -> "Partitioning":
        """Those of ``labels``, in order."""
        names = [partition.name for label in labels for partition in work.partitions_of(label)]
        return cls(names, [work.partition_count(label) for label in labels])

    def index(self, of_label: Ints, keys: Keys) -> Ints:
        """The partition of each of n rows, by the number of its label and by the first bits of ``keys``. Shape (n,)."""
        which = np.empty(len(keys), np.int64)
        start = 0
        for label, count in enumerate(self.counts):
            here = of_label == label
            which[here] = start + top_bits(keys[here], count)
            start += count
        return which


class RunWriter:
    """Collects screened rows and writes them as runs."""

    def __init__(self, part: Slice, work: Work) -> None:
        self._part = part
        self._work = work
        self._rows: list[pa.Table] = []
        self.written: dict[str, dict[str, int]] = {}  # run → partition → rows
        self.text_bytes: Counter[str] = Counter()  # of the rows of each label
        self.training_rows = False

    def add(self, rows: pa.Table) -> None:
        """Takes rows; writes a run where there are enough of them."""
        if rows.num_rows:
            self._rows.append(rows)
        if sum(t.num_rows for t in self._rows) >= RUN_ROWS or sum(t.nbytes for t in self._rows) >= RUN_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what there is."""
        if self._rows:
            rows = pa.concat_tables(self._rows).combine_chunks()
            self._rows = []
            name = run_name(self._part, len(self.written))
            self.written[name] = write_run(name, rows, self._work)
            self.text_bytes.update(text_bytes(rows))
            lists = [rows.column(field.name) for field in PAIRS if pa.types.is_list(field.type)]
            self.training_rows |= any(column.null_count < rows.num_rows for column in lists)


def text_bytes(rows: pa.Table) -> dict[str, int]:
    """The bytes of all texts of the rows of each label."""
    sizes = np.zeros(rows.num_rows, np.int64)
    for field in PAIRS:
        column = rows.column(field.name).combine_chunks()
        if pa.types.is_string(field.type):
            sizes += pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
        elif pa.types.is_string(field.type.value_type):
            lengths = pc.fill_null(pc.binary_length(pc.list_flatten(column)), 0).to_numpy(zero_copy_only=False)
            np.add.at(sizes, pc.list_parent_indices(column).to_numpy(), lengths)
    labels = rows.column("language").combine_chunks().dictionary_encode()
    sums = np.bincount(labels.indices.to_numpy(), sizes, len(labels.dictionary))
    return {label: int(n) for label, n in zip(labels.dictionary.to_pylist(), sums, strict=True)}


def write_run(name: str, rows: pa.Table, work: Work) -> dict[str, int]:
    """Writes one run: rows by key, and by their hashes what they are compared by; gives the rows by partition.

    ``rows`` has the columns of RUN, and ``id_key``, ``question_key``, ``answer_key`` and, where near duplicates are
    looked for, ``bands``.
    """
    labels = rows.column("language").combine_chunks().dictionary_encode()
    partitions = Partitioning.of(labels.dictionary.to_pylist(), work)
    of_label = labels.indices.to_numpy().astype(np.int64)
    by_key = partitions.index(of_label, rows.column("key").to_numpy())
    order = np.argsort(by_key, kind="stable")
    rows, of_label, by_key = rows.take(pa.array(order)), of_label[order], by_key[order]
    number = first_row_id(name) + np.arange(rows.num_rows)
    exact = _relations(rows, number, work)
    rows_of = exact.column("row").to_numpy() - first_row_id(name)
    which = partitions.index(of_label[rows_of], exact.column("hash").to_numpy())
    write_partitioned(exact, partitions.names, which, work.place("exact", name))
    if "bands" in rows.column_names:
        bands = _bands(rows.column("bands").combine_chunks(), number)
        rows_of = bands.column("row").to_numpy() - first_row_id(name)
        which = partitions.index(of_label[rows_of], bands.column("hash").to_numpy())
        write_partitioned(bands, partitions.names, which, work.place("bands", name))
    return write_partitioned(rows.select(RUN.names).cast(RUN), partitions.names, by_key, work.place("runs", name))


def _relations(rows: pa.Table, number: Ints, work: Work) -> pa.Table:
    """What rows may have in common with others, in the schema EXACT. Texts without words are like no other."""
    same, known = work.config.deduplicate, work.config.decontaminate
    wanted = {
        SAME_ID: ("id_key", same and same.ids),
        SAME_QUESTION: ("question_key", same and same.questions),
        OTHER_PASSAGE: ("answer_key", known and known.all_passages),
    }
    tables = [EXACT.empty_table()]
    for relation, (column, on) in wanted.items():
        if on:
            hashes = rows.column(column)
            columns = [
                pa.array(np.full(len(number), relation), pa.uint8()),
                hashes,
                rows.column("key"),
                rows.column("content"),
                pa.array(number),
            ]
            table = pa.table(columns, EXACT)
            tables.append(table if relation == SAME_ID else table.filter(pc.not_equal(hashes, pa.scalar(NO_WORDS))))
    return pa.concat_tables(tables)


def _bands(bands: pa.FixedSizeListArray, number: Ints) -> pa.Table:
    """The bands of each row, in the schema BANDS."""
    table = pa.table({"hash": bands.flatten(), "row": np.repeat(number, bands.type.list_size)}, BANDS)
    return table.filter(pc.not_equal(table.column("hash"), pa.scalar(NO_KEY)))
