"""The phases of prepare one after the other in this process, without Ray."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from raytrain.corpus.config import Corpus
from raytrain.corpus.decontaminate import write_passage_keys
from raytrain.corpus.duplicates import fetch_suspects, find_equal, find_near
from raytrain.corpus.exchange import partitions_in
from raytrain.corpus.layout import count_kept, settle, shard_tasks, write_shards
from raytrain.corpus.raw.reading import BATCH
from raytrain.corpus.raw.sources import Unit, choose_languages, count_rows, list_units
from raytrain.corpus.screen import screen
from raytrain.corpus.work import Runs, Work, partition_counts, slices_of
from raytrain.evaluate.held_out import HeldOut
from raytrain.parquet import read_parquet
from raytrain.storage import Location

RUN_ROWS, BATCH_ROWS, TASK_ROWS = 60, 20, 40  # what small sizes are


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Limits at which some hundred rows come in many batches, runs, partitions and tasks."""
    for module in ("work", "runs"):
        patch.setattr(f"raytrain.corpus.{module}.RUN_ROWS", RUN_ROWS)
    patch.setattr("raytrain.corpus.work.PARTITION_ROWS", RUN_ROWS)
    patch.setattr("raytrain.corpus.layout.TASK_ROWS", TASK_ROWS)
    patch.setattr("raytrain.corpus.raw.reading.BATCH", dict.fromkeys(BATCH, BATCH_ROWS))


def units_of(rules: Corpus) -> list[Unit]:
    """What is read."""
    return count_rows(choose_languages(list_units(rules.source, Location.of), rules.languages, rules.source))


def rules_of(source: Path, **config: Any) -> Corpus:
    """Only what a test asks for, and comparisons."""
    return Corpus.model_validate({"source": str(source), "clean": False, "identify": False, **config})


def run_phases(
    source: Path, to: Path, partitions: int | None = None, held_out: Sequence[HeldOut] = (), **config: Any
) -> tuple[Work, Runs]:
    """All phases, but of benchmarks only the search for other passages; ``partitions`` of each label, whatever its
    rows."""
    rules = rules_of(source, **config)
    units = units_of(rules)
    counts = partition_counts(units)
    if partitions:
        counts = dict.fromkeys(counts, partitions)
    work = Work(Location.of(str(to)), rules, counts, tuple(held_out))
    for part in held_out:
        write_passage_keys(part, work.place("passages", f"{part.benchmark}.{part.language}"))
    runs = Runs(tuple(screen(part, work, None) for part in slices_of(units)))
    compare(work, runs)
    return work, runs


def compare(work: Work, runs: Runs) -> None:
    stretches = [p for label in runs.by_label for p in work.partitions_of(label)]
    for partition in stretches:
        find_equal(partition, work, runs)
    if work.config.deduplicate and work.config.deduplicate.near:
        for run in runs.rows:
            fetch_suspects(run, work, runs)
        for partition in stretches:
            find_near(partition, work, runs)
    for partition in stretches:
        settle(partition, work)


def kept_rows(work: Work, runs: Runs, label: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The rows of a label that stay, in their order as the shards have them; and the reasons of the others."""
    dropped = {p.name: partitions_in(work.place("settled", p.name)) for p in work.partitions_of(label)}
    counted = count_kept(label, work, runs, dropped)
    tables = []
    for task in shard_tasks(counted):
        for file, rows in write_shards(task, work, runs):
            tables.append(read_parquet(work.folder / file.path))
            assert tables[-1].num_rows == rows
    sizes = [table.num_rows for table in tables]
    assert all(size == work.config.shard_rows for size in sizes[:-1])
    return (pa.concat_tables(tables).to_pylist() if tables else []), dict(counted.dropped)
