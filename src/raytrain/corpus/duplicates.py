"""The second phase: which rows go because an earlier one has their id, their question, or is near to them.

Earlier is by (shuffle key, content), so which of the same rows stays depends on neither files nor parallelism. A row
goes if *any* earlier one is the same in some way, whether or not that one stays: so it can be said of each row apart,
and of every chain of like rows the first stays (unless it goes for another reason that is found at the same time: an
answer that is a passage of a benchmark).

Equal hashes meet in the partition of their first bits. Rows near each other share a band of their MinHash signatures
with near certainty; those that do are fetched from their runs, and their shingle sets compared exactly.
"""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from raytrain.corpus.decontaminate import read_passage_keys
from raytrain.corpus.exchange import Partition, gather, read_partitions, top_bits, write_partitioned
from raytrain.corpus.likeness.near_duplicates import has_earlier_duplicate
from raytrain.corpus.likeness.normal_form import words
from raytrain.corpus.likeness.shingles import Sets, pair_shingles
from raytrain.corpus.runs import BANDS, EXACT, NEAR, OTHER_PASSAGE
from raytrain.corpus.work import Runs, Work, first_row_id, label_in
from raytrain.languages import languages_of, macro_language

Ints = npt.NDArray[np.int64]

DROPS = pa.schema([("key", pa.uint64()), ("row", pa.int64()), ("relation", pa.uint8())])
MEMBERS = pa.schema([("group", pa.uint64()), ("row", pa.int64())])
SUSPECTS = pa.schema(
    [("row", pa.int64()), ("key", pa.uint64()), ("content", pa.uint64()), ("shingles", pa.list_(pa.uint64()))]
)
MEMBERS_AT_ONCE = 200_000


def find_equal(partition: Partition, work: Work, runs: Runs) -> None:
    """Writes the rows of a partition of hashes that go for an equal id or question (``equal/``), and the rows that
    share a band (``members/``, by run)."""
    names = runs.by_label[partition.label]
    members = np.empty(0, np.int64)
    table = MEMBERS.empty_table()
    if work.config.deduplicate and work.config.deduplicate.near:
        table = _sharing(gather([work.place("bands", run) for run in names], partition.name, BANDS.names, BANDS))
        starts = np.array([first_row_id(run) for run in names])
        members = np.searchsorted(starts, table.column("row").to_numpy(), side="right") - 1
    exact = gather([work.place("exact", run) for run in names], partition.name, EXACT.names, EXACT)
    others, matches = _other_passages(exact, partition, work)
    work.place("others", partition.name).write_bytes(json.dumps(matches).encode())
    drops = pa.concat_tables([_later_equals(exact), others])
    _write_drops(drops, partition, work, "equal")
    write_partitioned(table, names, members, work.place("members", partition.name))  # the last: it says finished


def _later_equals(exact: pa.Table) -> pa.Table:
    """The rows that have an earlier equal."""
    columns = [exact.column(name).to_numpy() for name in ("row", "content", "key", "hash", "relation")]
    order = np.lexsort(columns)  # by relation, hash, then the order of rows
    hashes, relations = (exact.column(name).to_numpy()[order] for name in ("hash", "relation"))
    same = (hashes[1:] == hashes[:-1]) & (relations[1:] == relations[:-1]) & (relations[1:] != OTHER_PASSAGE)
    return exact.take(pa.array(order[1:][same])).select(DROPS.names)


def _other_passages(exact: pa.Table, partition: Partition, work: Work) -> tuple[pa.Table, dict[str, int]]:
    """The rows whose answer is a passage of a benchmark, relevant or not; and how many are in which benchmark."""
    answers = exact.filter(pc.equal(exact.column("relation"), OTHER_PASSAGE))
    gone = np.zeros(answers.num_rows, bool)
    matches: Counter[str] = Counter()
    language = languages_of(partition.label)[1]
    for part in work.held_out if answers.num_rows else ():
        if macro_language(languages_of(part.language)[1]) == macro_language(language):
            place = work.place("passages", f"{part.benchmark}.{part.language}")
            known = read_passage_keys(place, partition.number, work.partition_count(partition.label))
            found = np.isin(answers.column("hash").to_numpy(), known)
            matches[part.benchmark] += int(found.sum())
            gone |= found
    return answers.filter(pa.array(gone)).select(DROPS.names), dict(+matches)


def _sharing(bands: pa.Table) -> pa.Table:
    """The memberships of bands that several rows share; bands with the same rows are one."""
    hashes, rows = bands.column("hash").to_numpy(), bands.column("row").to_numpy()
    order = np.lexsort((rows, hashes))
    hashes, rows = hashes[order], rows[order]
    starts = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]]) if len(hashes) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(hashes)])
    shared = np.repeat(sizes > 1, sizes)
    rows, sizes = rows[shared], sizes[sizes > 1]
    if not len(rows):
        return MEMBERS.empty_table()
    starts = np.cumsum(np.r_[0, sizes[:-1]])
    groups = np.add.reduceat(_mixed(rows), starts)  # one and the same for the same rows
    _, first = np.unique(groups, return_index=True)
    kept = np.zeros(len(sizes), bool)
    kept[first] = True
    keep = np.repeat(kept, sizes)
    return pa.table({"group": np.repeat(groups, sizes)[keep], "row": rows[keep]}, MEMBERS)


def _mixed(rows: Ints) -> npt.NDArray[np.uint64]:
    """Row numbers as bits that look random (the finaliser of splitmix64), so that their sum tells sets apart."""
    x = rows.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def fetch_suspects(run: str, work: Work, runs: Runs) -> None:
    """Writes the shingle sets of a run's rows that share a band with another, by the partitions they do so in."""
    partitions = [p for label in _labels_of(run, runs) for p in work.partitions_of(label)]
    rows, which = [], []
    for i, partition in enumerate(partitions):
        members = gather([work.place("members", partition.name)], run, ["row"], MEMBERS)
        rows.append(np.unique(members.column("row").to_numpy()))
        which.append(np.full(len(rows[-1]), i))
    wanted, of_wanted = np.unique(np.concatenate(rows), return_inverse=True)
    place = work.place("suspects", run)
    if not len(wanted):
        write_partitioned(SUSPECTS.empty_table(), [], np.empty(0, np.int64), place)
        return
    parts = read_partitions(work.place("runs", run), runs.rows[run], ["question", "answer", "key", "content"])
    texts = pa.concat_tables([part.table for part in parts]).take(pa.array(wanted - first_row_id(run)))
    sets = pair_shingles(words(texts.column("question")), words(texts.column("answer")))
    table = pa.table(
        {
            "row": wanted,
            "key": texts.column("key"),
            "content": texts.column("content"),
            "shingles": pa.ListArray.from_arrays(pa.array(sets.offsets, pa.int32()), pa.array(sets.values)),
        },
        SUSPECTS,
    )
    names = [partition.name for partition in partitions]
    write_partitioned(table.take(pa.array(of_wanted)), names, np.concatenate(which), place)


def _labels_of(run: str, runs: Runs) -> list[str]:
    return list(dict.fromkeys(label_in(partition) for partition in runs.rows[run]))


def find_near(partition: Partition, work: Work, runs: Runs) -> None:
    """Writes the rows that go because an earlier one that shares a band of this partition is near (``near/``)."""
    names = runs.by_label[partition.label]
    found = read_partitions(work.place("members", partition.name), names, MEMBERS.names)
    members = pa.concat_tables([MEMBERS.empty_table(), *(f.table.replace_schema_metadata() for f in found)])
    suspects = gather([work.place("suspects", run) for run in names], partition.name, SUSPECTS.names, SUSPECTS)
    suspects = suspects.sort_by([("key", "ascending"), ("content", "ascending"), ("row", "ascending")])
    rules = work.config.deduplicate
    if not rules or not rules.near or not members.num_rows:
        _write_drops(DROPS.empty_table(), partition, work, "near")
        return
    near = _near(members, suspects, rules.near)
    table = suspects.filter(pa.array(near)).select(["key", "row"])
    relation = pa.array(np.full(table.num_rows, NEAR), pa.uint8())
    _write_drops(table.append_column("relation", relation), partition, work, "near")


def _near(members: pa.Table, suspects: pa.Table, threshold: float) -> npt.NDArray[np.bool_]:
    """Which of the suspects, in their order, have an earlier one in some group that is near. Shape (suspects,)."""
    lists = suspects.column("shingles").combine_chunks()
    sets = Sets(lists.values.to_numpy(), lists.offsets.to_numpy().astype(np.int64))
    by_row = np.argsort(suspects.column("row").to_numpy())
    sorted_rows = suspects.column("row").to_numpy()[by_row]
    groups, rows = members.column("group").to_numpy(), members.column("row").to_numpy()
    order = np.argsort(groups, kind="stable")
    groups, place = groups[order], by_row[np.searchsorted(sorted_rows, rows[order])]
    near = np.zeros(suspects.num_rows, bool)
    for start, end in _stretches(groups):
        here = place[start:end]
        # A row is in several groups, and one of them is enough.
        near[here[has_earlier_duplicate(groups[start:end], here, sets.take(here), threshold)]] = True
    return near


def _stretches(groups: npt.NDArray[np.uint64]) -> Sequence[tuple[int, int]]:
    """Sorted groups in stretches of whole groups, of about MEMBERS_AT_ONCE or of one group."""
    ends = np.r_[np.flatnonzero(groups[1:] != groups[:-1]) + 1, len(groups)]
    stretches, start = [], 0
    while start < len(groups):
        end = int(ends[min(np.searchsorted(ends, start + MEMBERS_AT_ONCE), len(ends) - 1)])
        stretches.append((start, end))
        start = end
    return stretches


def _write_drops(drops: pa.Table, partition: Partition, work: Work, phase: str) -> None:
    """Writes rows that go by where they stand in the order."""
    names = [p.name for p in work.partitions_of(partition.label)]
    which = top_bits(drops.column("key").to_numpy(), len(names))
    write_partitioned(drops.cast(DROPS), names, which, work.place(phase, partition.name))
