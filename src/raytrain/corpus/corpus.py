"""Reading a prepared corpus: what it holds, and given rows of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from raytrain.artifact import Artifact
from raytrain.errors import UserError, one_line
from raytrain.parquet import open_parquet
from raytrain.plan import Shards
from raytrain.storage import Location

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus: its folder and the shards of each language. Small, and travels to tasks."""

    folder: Location
    shards: Mapping[str, Shards]
    paths: Mapping[str, tuple[str, ...]]  # of each shard, relative to the folder

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
        return cls(artifact.location, shards, paths)

    def read(self, language: str, rows: Ints, columns: Sequence[str]) -> pa.Table:
        """Rows of a language by number, in the order asked for; each row group is read once.

        ``rows`` has shape (n,); the table has n rows. Raises UserError that names a missing or broken shard.
        """
        shards = self.shards[language]
        groups = np.searchsorted(shards.group_starts, rows, side="right") - 1
        needed = np.unique(groups)
        tables, starts, place = [], np.zeros(len(needed), np.int64), 0
        for i, group in enumerate(needed):
            shard = int(shards.shard_of_group[group])
            number = int(group - shards.first_group_of_shard[shard])
            table = _read_group(self.folder / self.paths[language][shard], number, tuple(columns))
            tables.append(table)
            starts[i] = place
            place += table.num_rows
        which = np.searchsorted(needed, groups)
        take = starts[which] + rows - shards.group_starts[groups]
        return pa.concat_tables(tables).take(pa.array(take))

    def first_rows(self, language: str, rows: int, columns: Sequence[str]) -> pa.Table:
        """The first rows of a language (a random sample: the corpus is shuffled), at most ``rows``."""
        return self.read(language, np.arange(min(rows, self.shards[language].rows)), columns)


def _read_group(location: Location, group: int, columns: tuple[str, ...]) -> pa.Table:
    try:
        return _opened(location).read_row_group(group, columns=list(columns))
    except (pa.ArrowException, OSError, IndexError) as error:
        _opened.cache_clear()
        raise UserError(
            f"{location.uri}: can't read row group {group} of the prepared corpus: {one_line(error)}"
        ) from error


@lru_cache(maxsize=64)
def _opened(location: Location) -> pq.ParquetFile:
    return open_parquet(location)
