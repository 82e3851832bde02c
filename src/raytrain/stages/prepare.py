"""prepare: raw pairs to a shuffled corpus."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from raytrain.artifact import File, RowAccount
from raytrain.config import Job
from raytrain.corpus.sources import Unit, choose_languages, count_rows, identity_of, list_units
from raytrain.errors import UserError
from raytrain.pipeline import Inputs, Outcome, Say, Stage, options_of
from raytrain.storage import Location


def source_units(job: Job) -> list[Unit]:
    """What the job's corpus is made of."""
    units = list_units(job.corpus.source, lambda uri: Location.of(uri, options_of(job)))
    return choose_languages(units, job.corpus.languages, job.corpus.source)


def _identity(job: Job) -> Mapping[str, Any]:
    # Not the source's address: the same files are the same corpus wherever they lie.
    config = job.corpus.model_dump(mode="json", exclude={"source", "languages"})
    return {"corpus": config, "source": identity_of(source_units(job))}


def _check(job: Job) -> None:
    rows: Counter[str] = Counter()
    for unit in count_rows(source_units(job)):
        rows[unit.language] += unit.rows
    empty = sorted(language for language, n in rows.items() if n == 0)
    if empty:
        raise UserError(f"corpus: {job.corpus.source} has no rows for {', '.join(empty)}: leave it out")


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.cluster import running_ray
    from raytrain.corpus.prepare import prepare
    from raytrain.progress import counting

    units = count_rows(source_units(job))
    running_ray(job.cluster)
    with counting("prepare", "pairs", sum(unit.rows for unit in units)) as progress:
        languages = prepare(
            units,
            folder,
            row_group_rows=job.corpus.row_group_rows,
            shard_rows=job.corpus.shard_rows,
            seed=job.corpus.seed,
            progress=lambda language, rows: progress(rows, language),
        )
    files: list[File] = []
    dropped: Counter[str] = Counter()
    for entry in languages:
        files += [file for file, _ in entry.shards] + ([entry.quarantine] if entry.quarantine else [])
        dropped.update(entry.account.dropped)
    taken, kept = (sum(getattr(e.account, name) for e in languages) for name in ("taken", "kept"))
    say(f"prepare: {kept:,} pairs in {len(languages)} languages; {taken - kept:,} rows dropped {dict(dropped) or ''}")
    summary = {
        "row_group_rows": job.corpus.row_group_rows,
        "languages": {
            entry.language: {
                "rows": entry.account.kept,
                "shards": {file.path: rows for file, rows in entry.shards},
                "taken": entry.account.taken,
                "dropped": entry.account.dropped,
            }
            for entry in languages
        },
    }
    content = [f"{entry.language}/" for entry in languages]
    return Outcome(files, content, summary, RowAccount(taken=taken, kept=kept, dropped=dict(dropped)))


PREPARE = Stage("prepare", (), _identity, _run, _check)
