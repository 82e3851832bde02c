"""prepare: raw pairs to a shuffled corpus."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from raytrain.artifact import Artifact, RowAccount
from raytrain.config import Job
from raytrain.corpus.raw.sources import Unit, choose_languages, count_rows, identity_of, list_units
from raytrain.corpus.work import FOLDER
from raytrain.errors import UserError
from raytrain.evaluate.held_out import held_out_of
from raytrain.pipeline import Inputs, Outcome, Say, Stage, Task, options_of
from raytrain.storage import Location

FORMAT = 2  # of the corpus: rows, their order and what the steps do
NOT_WANTED = {"language_not_wanted"}  # the other half of a bitext


def source_units(job: Job) -> list[Unit]:
    """What the job's corpus is made of."""
    units = list_units(job.corpus.source, lambda uri: Location.of(uri, options_of(job)))
    return choose_languages(units, job.corpus.languages, job.corpus.source)


def _identity(job: Job) -> Mapping[str, Any]:
    # Not the source's address. A local file is told by size, time and inode, so of a copy the hash differs, but what
    # is prepared from it has the same content, and so does all that is built on it.
    config = job.corpus.content()
    if not _searched(job):
        del config["decontaminate"]  # there is nothing to search for
    return {"format": FORMAT, "corpus": config, "source": identity_of(source_units(job))}


def _check(job: Job) -> None:
    rows: Counter[str] = Counter()
    for unit in count_rows(source_units(job)):
        rows.update(dict.fromkeys(unit.labels, unit.rows))
    empty = sorted(label for label, n in rows.items() if n == 0)
    if empty:
        raise UserError(f"corpus: {', '.join(job.corpus.source)} has no rows for {', '.join(empty)}: leave it out")


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.cluster import running_ray
    from raytrain.corpus.prepare import prepare
    from raytrain.placing import place_reading

    units = count_rows(source_units(job))
    running_ray(job.cluster)
    place_reading("prepare", job.cluster, say)
    held_out = [part for role in _searched(job) for part in held_out_of(inputs[role])]
    prepared = prepare(units, folder, job.corpus, held_out)
    kept = [entry for entry in prepared.labels if entry.account.kept]
    lost = [entry for entry in prepared.labels if not entry.account.kept and set(entry.account.dropped) != NOT_WANTED]
    found = {entry.label for entry in prepared.labels}
    absent = [label for label in job.corpus.languages or () if label not in found]
    if absent:
        raise UserError(
            f"corpus.languages: no row of {', '.join(absent)} was found; there are {', '.join(sorted(found))}"
        )
    for entry in lost:
        where = f"{entry.account.taken:,} taken, {_told(entry.account.dropped)}"
        left = f"corpus: {entry.label} is left without rows: {where}"
        if job.corpus.languages and entry.label in job.corpus.languages:
            raise UserError(f"{left}: change corpus.clean, corpus.identify or corpus.deduplicate, or leave it out")
        say(left)
    if not kept:
        raise UserError("corpus: no row is left of any language")
    account = _total([entry.account for entry in prepared.labels])
    counted = f"{account.kept:,} of {account.taken:,} pairs kept, in {len(kept)} languages"
    say(f"prepare: {counted}; {_told(account.dropped)}")
    summary = {
        "row_group_rows": job.corpus.row_group_rows,
        "training_rows": prepared.training_rows,
        "languages": {
            entry.label: {
                "rows": entry.account.kept,
                "row_bytes": entry.row_bytes,
                "shards": {file.path: rows for file, rows in entry.shards},
                "taken": entry.account.taken,
                "dropped": entry.account.dropped,
            }
            for entry in kept
        },
        "without_rows": {entry.label: entry.account.model_dump() for entry in lost},
        "benchmark_matches": prepared.matches,
    }
    files = [*(file for entry in kept for file, _ in entry.shards), *prepared.quarantine]
    return Outcome(files, [f"{entry.label}/" for entry in kept], summary, account)


def _told(dropped: Mapping[str, int]) -> str:
    """Where rows went, in words."""
    return "dropped: " + (", ".join(f"{reason} {n:,}" for reason, n in dropped.items()) or "none")


def _total(accounts: Sequence[RowAccount]) -> RowAccount:
    dropped: Counter[str] = Counter()
    for account in accounts:
        dropped.update(account.dropped)
    taken, kept = (sum(getattr(account, name) for account in accounts) for name in ("taken", "kept"))
    return RowAccount(taken=taken, kept=kept, dropped=dict(sorted(dropped.items())))


def _tidy(artifact: Artifact) -> None:
    """Deletes the parts that the phases handed on."""
    (artifact.location / FOLDER).delete_tree()


PREPARE = Stage("prepare", (), _identity, _run, _check, _tidy)


def prepare_task(job: Job) -> Task:
    """The task of preparing the corpus: with the benchmarks before it where the pairs are searched for them."""
    return Task("prepare", PREPARE, job, {role: role for role in _searched(job)})


def _searched(job: Job) -> list[str]:
    """The benchmarks that pairs are searched for: those it is judged on, and the one that checkpoints are chosen by."""
    there = {"benchmark": bool(job.evaluate.benchmarks), "validation": job.train.validate_on is not None}
    return [role for role, given in there.items() if given and job.corpus.decontaminate]
