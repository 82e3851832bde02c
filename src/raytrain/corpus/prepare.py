"""prepare: raw pairs to a shuffled corpus, as Ray Data jobs over parts, every row accounted for.

1. known: the texts of the benchmarks that no training pair may hold
2. screen: raw rows are checked, cleaned, identified and searched; what may stay is written as runs
3. equal, suspects, near: which rows go because an earlier one is the same in some way
4. settle, shards: what stays, in its shuffled order, as the corpus

A phase takes what the phase before it left under ``work/`` and leaves a file a part. A part that is there is
finished, so a run that was killed goes on; and no phase depends on who did which part, or when.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from raytrain.artifact import File, RowAccount
from raytrain.corpus.config import Corpus
from raytrain.corpus.decontaminate import HeldOutTexts, relevant_texts, write_passage_keys
from raytrain.corpus.duplicates import fetch_suspects, find_equal, find_near
from raytrain.corpus.exchange import partitions_in
from raytrain.corpus.layout import LabelRows, ShardTask, count_kept, settle, shard_tasks, write_shards
from raytrain.corpus.parts import Part, each
from raytrain.corpus.raw.sources import Unit
from raytrain.corpus.screen import screen
from raytrain.corpus.work import Runs, Screened, Slice, Work, partition_counts, read_record, slices_of
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.parquet import write_parquet
from raytrain.storage import Location

READERS = 16

OTHER = "other_passage"  # beside the kinds that screening finds

Result = TypeVar("Result")
Shards = Mapping[str, list[tuple[File, int]]]  # by task


@dataclass(frozen=True)
class PreparedLabel:
    """The files of one label, in order, with the rows of each; and where its rows went."""

    label: str
    shards: tuple[tuple[File, int], ...]
    row_bytes: int  # of text, on the mean
    account: RowAccount


@dataclass(frozen=True)
class Prepared:
    """The corpus. ``matches``: benchmark → label → kind → rows found in it."""

    labels: tuple[PreparedLabel, ...]
    quarantine: tuple[File, ...]
    matches: dict[str, dict[str, dict[str, int]]]
    training_rows: bool


def prepare(units: Sequence[Unit], folder: Location, config: Corpus, held_out: Sequence[HeldOut]) -> Prepared:
    """Reads all units and writes the corpus under ``folder``; goes on from the parts that are there.

    Raises UserError for a broken source, or where more rows than ``config.max_bad_fraction`` can't be used.
    """
    held_out = held_out if config.decontaminate else ()
    work = Work(folder, config, partition_counts(units), tuple(held_out))
    known = [Part(_name(part), part.passages, part) for part in held_out]
    _each("known", _known, known, work, "passages")
    screened = _screen(units, work)
    runs = Runs(tuple(screened))
    if work.compares:
        _compare(work, runs)
    rows = _count(work, runs)
    tasks = [task for label in rows for task in shard_tasks(label)]
    parts = [Part(task.name, task.row_count, task) for task in tasks]
    _each("shards", partial(_shards, runs=runs), parts, work, "pairs")
    written = _read_all(work, "shards", [task.name for task in tasks], _read_shards)
    return _prepared(screened, rows, dict(zip([task.name for task in tasks], written, strict=True)), work)


def _each(phase: str, do: Callable[[Part, Work], None], parts: Sequence[Part], work: Work, unit: str) -> None:
    for _ in each(f"prepare: {phase}", do, parts, work, work.phase(phase), unit):
        pass


def _name(part: HeldOut) -> str:
    return f"{part.benchmark}.{part.language}"


def _known(part: Part, work: Work) -> None:
    held_out: HeldOut = part.of
    for kind, texts in relevant_texts(held_out).items():
        write_parquet(texts, work.place("texts", part.name), f"{kind}.parquet")
    if work.config.decontaminate and work.config.decontaminate.all_passages:
        write_passage_keys(held_out, work.place("passages", part.name))
    work.place("known", part.name).write_bytes(b"{}")


def _held_out_texts(work: Work) -> HeldOutTexts | None:
    files = {
        (part.benchmark, part.language, kind): work.place("texts", _name(part)) / f"{kind}.parquet"
        for part in work.held_out
        for kind in ("question", "passage")
    }
    return HeldOutTexts(files) if files else None


def _screen(units: Sequence[Unit], work: Work) -> list[Screened]:
    """Screens all slices. Stops where more rows than allowed can't be used: a wrong file rather than wrong rows."""
    slices = slices_of(units)
    parts = [Part(part.name, part.rows, part) for part in slices]
    # Only of Parquet is it known before how many rows there will be; a row of a bitext is two.
    counted = all(part.unit.kind == "parquet" for part in slices)
    expected = sum(part.rows * (2 if part.unit.shape == "bitext" else 1) for part in slices) if counted else None
    there = [part.name for part in parts if part.name in work.finished("screened")]
    screened = dict(zip(there, _read_all(work, "screened", there, read_record), strict=True))
    tally = BadRows(work, expected)
    for record in screened.values():
        tally.add(record)
    for name in each("prepare: screened", _screen_one, parts, work, work.phase("screened"), "pairs"):
        screened[name] = read_record(work.place("screened", name))
        tally.add(screened[name])
    tally.check(tally.taken)
    return [screened[part.name] for part in slices]


def _screen_one(part: Part, work: Work) -> None:
    slice_: Slice = part.of
    record = screen(slice_, work, _held_out_texts(work))
    work.place("screened", part.name).write_bytes(record.model_dump_json().encode())


class BadRows:
    """Counts rows that can't be used, and stops the run when there are more than allowed."""

    def __init__(self, work: Work, expected: int | None) -> None:
        self._work = work
        self._expected = expected
        self._reasons: Counter[str] = Counter()
        self.taken = 0

    def add(self, record: Screened) -> None:
        """Counts those of a slice. Raises UserError where it is certain by now that there are too many."""
        self.taken += sum(account.taken for account in record.labels.values())
        self._reasons.update(record.bad)
        if self._expected is not None:
            self.check(self._expected)

    def check(self, rows: int) -> None:
        """Raises UserError if of that many rows too many are bad."""
        bad, allowed = self._reasons.total(), self._work.config.max_bad_fraction
        if bad > allowed * rows:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in self._reasons.most_common(5))
            raise UserError(
                f"corpus: {bad:,} of {self.taken:,} rows read can't be used ({reasons}), and corpus.max_bad_fraction "
                f"allows {allowed:g}: see {(self._work.folder / 'quarantine').uri} for file, row and reason, mend the "
                "source, or allow more and run again"
            )


def _compare(work: Work, runs: Runs) -> None:
    """Finds the rows that go because others are the same."""
    partitions = [p for label in runs.by_label for p in work.partitions_of(label)]
    rows: Counter[str] = Counter()
    for of_run in runs.rows.values():
        rows.update(of_run)
    stretches = [Part(p.name, rows[p.name], p) for p in partitions]
    _each("members", partial(_equal, runs=runs), stretches, work, "pairs")
    if work.config.deduplicate and work.config.deduplicate.near:
        of_runs = [Part(name, sum(parts.values()), name) for name, parts in runs.rows.items()]
        _each("suspects", partial(_suspects, runs=runs), of_runs, work, "pairs")
        _each("near", partial(_near, runs=runs), stretches, work, "pairs")
    _each("settled", _settle, stretches, work, "pairs")


def _equal(part: Part, work: Work, runs: Runs) -> None:
    find_equal(part.of, work, runs)


def _suspects(part: Part, work: Work, runs: Runs) -> None:
    fetch_suspects(part.of, work, runs)


def _near(part: Part, work: Work, runs: Runs) -> None:
    find_near(part.of, work, runs)


def _settle(part: Part, work: Work) -> None:
    settle(part.of, work)


def _count(work: Work, runs: Runs) -> list[LabelRows]:
    """What stays of each label."""
    names = [p.name for label in runs.by_label for p in work.partitions_of(label)] if work.compares else []
    dropped = dict(zip(names, _read_all(work, "settled", names, partitions_in), strict=True))
    return [count_kept(label, work, runs, dropped) for label in runs.by_label]


def _shards(part: Part, work: Work, runs: Runs) -> None:
    task: ShardTask = part.of
    written = [[file.model_dump(), rows] for file, rows in write_shards(task, work, runs)]
    work.place("shards", part.name).write_bytes(json.dumps(written).encode())


def _read_shards(place: Location) -> list[tuple[File, int]]:
    return [(File.model_validate(file), rows) for file, rows in json.loads(place.read_text())]


def _read_all(work: Work, phase: str, names: Sequence[str], read: Callable[[Location], Result]) -> list[Result]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda name: read(work.place(phase, name)), names))


def _prepared(screened: Sequence[Screened], rows: Sequence[LabelRows], shards: Shards, work: Work) -> Prepared:
    """The account of all: what was taken is what was kept and what was dropped, label by label."""
    taken: Counter[str] = Counter()
    dropped: dict[str, Counter[str]] = {}
    matches: dict[str, dict[str, Counter[str]]] = {}
    for part in screened:
        for label, account in part.labels.items():
            taken[label] += account.taken
            dropped.setdefault(label, Counter()).update(account.dropped)
        for benchmark, labels in part.matches.items():
            for label, kinds in labels.items():
                matches.setdefault(benchmark, {}).setdefault(label, Counter()).update(kinds)
    partitions = [p for label in rows for p in work.partitions_of(label.label)] if work.compares else []
    others = _read_all(work, "others", [p.name for p in partitions], lambda place: json.loads(place.read_text()))
    for partition, found in zip(partitions, others, strict=True):
        for benchmark, n in found.items():
            matches.setdefault(benchmark, {}).setdefault(partition.label, Counter())[OTHER] += n
    kept = {label.label: label for label in rows}
    prepared = []
    for label in sorted(taken):
        if label in kept:
            dropped[label].update(kept[label].dropped)
        files = tuple(entry for task, written in shards.items() if task.startswith(f"{label}/") for entry in written)
        rest = dict(sorted(dropped[label].items()))
        whole = RowAccount(taken=taken[label], kept=sum(n for _, n in files), dropped=rest)
        prepared.append(PreparedLabel(label, files, kept[label].row_bytes if label in kept else 0, whole))
    return Prepared(
        tuple(prepared),
        tuple(file for part in screened for file in part.quarantine),
        {name: {label: dict(n) for label, n in sorted(of.items())} for name, of in sorted(matches.items())},
        any(part.training_rows for part in screened),
    )
