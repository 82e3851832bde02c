"""Reading a prepared corpus: what it holds, and given rows of it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raytrain.artifact import Artifact
from raytrain.errors import DamagedError, FileMissingError, UserError
from raytrain.parquet import read_row_groups
from raytrain.plan import Shards
from raytrain.storage import Location

Ints = npt.NDArray[np.int64]

READERS = 16  # files of an object store read at once, for each answers late


@dataclass(frozen=True)
class ShardPart:
    """Row groups of one shard, to be read at once, and the rows they are to have."""

    path: str
    groups: tuple[int, ...]
    rows: int


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus: its folder and the shards of each language. Small, and travels to tasks."""

    folder: Location
    shards: Mapping[str, Shards]
    paths: Mapping[str, tuple[str, ...]]  # of each shard, relative to the folder
    training_rows: bool = False  # whether rows have further positives, negatives or scores
    row_bytes: int = 0  # of text, on the mean, of the language with the longest rows; 0: not known

    @classmethod
    def of(cls, artifact: Artifact) -> "Corpus":
        """The corpus of a finished prepare artifact."""
        summary = artifact.manifest.summary
        group = int(summary["row_group_rows"])
        shards = {
            language: Shards(language, tuple(entry["shards"].values()), group)
            for language, entry in sorted(summary["languages"].items())
        }
        paths = {language: tuple(entry["shards"]) for language, entry in summary["languages"].items()}
        row_bytes = max((entry["row_bytes"] for entry in summary["languages"].values()), default=0)
        return cls(artifact.location, shards, paths, bool(summary["training_rows"]), row_bytes)

    def read(self, language: str, rows: Ints, columns: Sequence[str]) -> pa.Table:
        """Rows of a language by number: ``read_mixed`` for one language."""
        return self.read_mixed((language,), np.zeros(len(rows), np.int64), rows, columns)

    def read_mixed(self, languages: Sequence[str], which: Ints, rows: Ints, columns: Sequence[str]) -> pa.Table:
        """Rows by language and number, in the order asked for; each row group is read once.

        ``which`` gives the language of each row as an index into ``languages``, ``rows`` its number in that
        language; both have shape (n,), and the table has n rows. Raises UserError that names a missing or broken
        shard. What is in memory are the row groups, and a copy of the rows.
        """
        parts, places = self.locate(languages, which, rows)
        tables = self._read_parts(parts, columns)
        return pa.concat_tables(tables).take(pa.array(places))

    def locate(self, languages: Sequence[str], which: Ints, rows: Ints) -> tuple[list[ShardPart], Ints]:
        """What to read for some rows, and where each of them, shape (n,), is in all that one after the other."""
        parts: list[ShardPart] = []
        places = np.empty(len(rows), np.int64)
        base = 0
        for index in np.unique(which):
            here = np.flatnonzero(which == index)
            shards, paths = self.shards[languages[index]], self.paths[languages[index]]
            groups = np.searchsorted(shards.group_starts, rows[here], side="right") - 1
            needed = np.unique(groups)
            sizes = shards.group_rows[needed]
            ends = base + np.cumsum(sizes)
            inside = rows[here] - shards.group_starts[groups]
            places[here] = (ends - sizes)[np.searchsorted(needed, groups)] + inside
            base = int(ends[-1])
            shard = shards.shard_of_group[needed]
            for number in np.unique(shard):
                own = shard == number
                inner = needed[own] - shards.first_group_of_shard[number]
                parts.append(ShardPart(paths[number], tuple(inner.tolist()), int(sizes[own].sum())))
        return parts, places

    def first_rows(self, language: str, rows: int, columns: Sequence[str]) -> pa.Table:
        """The first rows of a language (a random sample: the corpus is shuffled), at most ``rows``."""
        return self.read(language, np.arange(min(rows, self.shards[language].rows)), columns)

    def _read_parts(self, parts: Sequence[ShardPart], columns: Sequence[str]) -> list[pa.Table]:
        def read(part: ShardPart) -> pa.Table:
            return _read_part(self.folder / part.path, part, columns)

        if self.folder.is_local:
            return [read(part) for part in parts]
        with ThreadPoolExecutor(min(READERS, len(parts))) as pool:
            return list(pool.map(read, parts))


def _read_part(location: Location, part: ShardPart, columns: Sequence[str]) -> pa.Table:
    try:
        table = read_row_groups(location, part.groups, columns)
    except (FileMissingError, DamagedError) as error:
        raise UserError(f"{error}: put this shard of the prepared corpus back, or run prepare again") from error
    if table.num_rows != part.rows:
        raise UserError(
            f"{location.uri}: has {table.num_rows} rows where the corpus's manifest says {part.rows}: "
            "put the shard back as it was, or run prepare again"
        )
    return table
