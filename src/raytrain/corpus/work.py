"""The work of prepare, cut into parts: what is read at once, into how many partitions rows go, and where parts lie.

Everything between the sources and the corpus lies under ``work/`` of the artifact's folder until the artifact is
finished. A part that is there is whole, so a run that was killed goes on with the parts that are missing.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from raytrain.artifact import File, Record
from raytrain.corpus.config import Corpus
from raytrain.corpus.exchange import Partition
from raytrain.corpus.raw.sources import Unit
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.storage import Location

RUN_ROWS = 131_072  # rows that a task holds at once
PARTITION_ROWS = 131_072
TRAINING_ROW = 32  # pairs that a row with some hundred negatives counts for
UNKNOWN_PARTITIONS = 4  # of a label that no file's name announces
FOLDER = "work"


@dataclass(frozen=True)
class Slice:
    """Some row groups of a Parquet file, or a whole file of another kind."""

    number: int
    unit: Unit
    row_groups: range | None
    rows: int  # about, where the unit's rows are an estimate

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.number:06d}"


class LabelAccount(Record):
    """Rows of a label that were read, and those dropped by reason."""

    taken: int
    dropped: dict[str, int]


class Screened(Record):
    """What became of a slice. ``runs``: run → partition → rows; ``bad``: reason → rows in quarantine;
    ``matches``: benchmark → label → kind → rows; ``text_bytes``: of the rows in the runs, by label."""

    slice: str
    runs: dict[str, dict[str, int]]
    labels: dict[str, LabelAccount]
    bad: dict[str, int]
    matches: dict[str, dict[str, dict[str, int]]]
    quarantine: list[File]
    text_bytes: dict[str, int]
    training_rows: bool


@dataclass(frozen=True)
class Work:
    """All that a task of any phase needs to know. Small, and travels to tasks."""

    folder: Location  # of the artifact
    config: Corpus
    partitions: Mapping[str, int]
    held_out: tuple[HeldOut, ...] = ()

    def place(self, phase: str, name: str) -> Location:
        """The file of a part."""
        return self.phase(phase) / name

    def phase(self, phase: str) -> Location:
        """The folder of a phase's parts."""
        return self.folder / FOLDER / phase

    def partition_count(self, label: str) -> int:
        """Into how many partitions the rows of a label go: a power of two."""
        return self.partitions.get(label, UNKNOWN_PARTITIONS)

    def partitions_of(self, label: str) -> list[Partition]:
        """The partitions of a label."""
        return [Partition(label, number) for number in range(self.partition_count(label))]

    @property
    def compares(self) -> bool:
        """Whether rows are compared with each other, or with all passages of the benchmarks."""
        same, known = self.config.deduplicate, self.config.decontaminate
        return bool(same and (same.ids or same.questions or same.near)) or bool(known and known.all_passages)

    def finished(self, phase: str) -> set[str]:
        """The names of the parts of a phase that are there."""
        return {info.path for info in self.phase(phase).list()}


def slices_of(units: Sequence[Unit]) -> list[Slice]:
    """The units, large Parquet files cut between row groups."""
    found: list[Slice] = []
    for unit in units:
        cuts: list[tuple[range | None, int]] = [*_cuts(unit.row_groups)] or [(None, unit.rows)]
        found += [Slice(len(found) + i, unit, groups, rows) for i, (groups, rows) in enumerate(cuts)]
    return found


def _cuts(row_groups: Sequence[int]) -> list[tuple[range, int]]:
    cuts, first, rows = [], 0, 0
    for number, more in enumerate(row_groups):
        if rows and rows + more > RUN_ROWS:
            cuts.append((range(first, number), rows))
            first, rows = number, 0
        rows += more
    return [*cuts, (range(first, len(row_groups)), rows)] if row_groups else []


def partition_counts(units: Iterable[Unit]) -> dict[str, int]:
    """Partitions of each label that the units announce, from their rows: what is estimated only costs or saves memory,
    for the corpus does not depend on it."""
    rows: Counter[str] = Counter()
    for unit in units:
        for label in unit.labels:
            # Of JSONL the rows are an estimate from bytes, which knows of long rows already.
            long = unit.shape == "training" and unit.kind == "parquet"
            rows[label] += unit.rows * (TRAINING_ROW if long else 1)
    return {label: 1 << max(0, (n - 1) // PARTITION_ROWS).bit_length() for label, n in rows.items()}


@dataclass(frozen=True)
class Runs:
    """The files that the slices were screened into, by label."""

    screened: tuple[Screened, ...]

    @cached_property
    def rows(self) -> dict[str, dict[str, int]]:
        """Run → partition → rows."""
        return {name: rows for part in self.screened for name, rows in part.runs.items()}

    @cached_property
    def by_label(self) -> dict[str, list[str]]:
        """Label → its runs, both in order."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.rows):
            for label in dict.fromkeys(label_in(partition) for partition in self.rows[name]):
                found.setdefault(label, []).append(name)
        return dict(sorted(found.items()))


def mean_bytes(screened: Sequence[Screened], label: str) -> int:
    """Bytes of the texts of a row of a label that was screened, on the mean; at least 1."""
    accounts = [part.labels[label] for part in screened if label in part.labels]
    rows = sum(account.taken - sum(account.dropped.values()) for account in accounts)
    return max(1, sum(part.text_bytes.get(label, 0) for part in screened) // max(rows, 1))


def label_in(partition: str) -> str:
    """The label in the name of a partition."""
    return partition.rpartition(".")[0]


def run_name(slice_: Slice, number: int) -> str:
    """The name of a slice's n-th run; ``run_number`` gives the same as a number."""
    return f"{slice_.number:06d}-{number:05d}"


def run_number(name: str) -> int:
    """A number that tells a run from all others: it begins the numbers of its rows."""
    slice_, number = name.split("-")
    return int(slice_) << 12 | int(number)


def first_row_id(name: str) -> int:
    """The number of a run's first row.

    The numbers of all rows differ and fit 63 bits, of up to 2^19 slices (some 10^10 rows), and of up to 4,096 runs
    (some 10^8 rows) of a file that can't be cut.
    """
    return run_number(name) << 32


def read_record(place: Location) -> Screened:
    """What became of a finished slice."""
    try:
        return Screened.model_validate(json.loads(place.read_text()))
    except ValueError as error:
        folder = place.uri.partition(f"/{FOLDER}/")[0]
        raise UserError(
            f"{place.uri}: not what this raytrain writes: delete {folder}/{FOLDER} and run again"
        ) from error
