"""passages: what is to be indexed besides benchmarks, read once and kept with its hash; Ray tasks, one a language."""

from collections.abc import Mapping
from typing import Any

from raytrain.artifact import Artifact, RowAccount
from raytrain.config import Job
from raytrain.errors import UserError, one_line, user_error_in
from raytrain.evaluate.benchmark import label_of as benchmark_label
from raytrain.index.passages import Source, SourceRecord, label_of, list_sources, write_source
from raytrain.pipeline import Inputs, Outcome, Say, Stage, options_of
from raytrain.progress import counting
from raytrain.records import delete_records, intact, read_records
from raytrain.storage import Location


def _folders(job: Job) -> dict[str, Location]:
    """The folders of the job by their labels. Raises UserError for two of one label."""
    given = job.index.passages or []
    found: dict[str, Location] = {}
    for name in [given] if isinstance(given, str) else given:
        label = label_of(name)
        if label in found or label in [benchmark_label(benchmark) for benchmark in job.evaluate.benchmarks]:
            raise UserError(f"index.passages: two sources would both be called {label}: rename a folder")
        found[label] = Location.of(name, options_of(job))
    return found


def _identity(job: Job) -> Mapping[str, Any]:
    return {"files": list_sources(_folders(job), job.index.languages)[1]}


def _check(job: Job) -> None:
    list_sources(_folders(job), job.index.languages)


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    sources, _ = list_sources(_folders(job), job.index.languages)
    wanted = {source.path: source.record_path for source in sources}
    done = intact(folder, wanted, read_records(folder, wanted, SourceRecord))
    if done:
        say(f"passages: {len(done)} of {len(sources)} languages are there already")
    done |= _write(job, [source for source in sources if source.path not in done], folder, say)
    records = [done[source.path] for source in sources]
    kept, empty = sum(record.passages for record in records), sum(record.empty for record in records)
    if not kept:
        raise UserError("index.passages: all passages are empty, so there is nothing to find")
    say(
        f"passages: {kept:,} in {len({source.language for source in sources})} languages; {empty:,} empty ones left out"
    )
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for source, record in zip(sources, records, strict=True):
        parts = counts.setdefault(source.label, {})
        parts[source.language] = {"questions": 0, "passages": record.passages, "left_out": 0}
    account = RowAccount(taken=kept + empty, kept=kept, dropped={"empty_text": empty} if empty else {})
    return Outcome(
        [record.file for record in records], [f"{label}/" for label in counts], {"benchmarks": counts}, account
    )


def _write(job: Job, sources: list[Source], folder: Location, say: Say) -> dict[str, SourceRecord]:
    import ray
    from ray.exceptions import RayError

    from raytrain.cluster import labelled, running_ray
    from raytrain.placing import place_reading

    if not sources:
        return {}
    running_ray(job.cluster)
    place_reading("passages", job.cluster, say)
    labels = labelled(job.cluster).labels.data
    task = ray.remote(write_source).options(num_cpus=1, scheduling_strategy="SPREAD", label_selector=labels)
    running = {task.remote(source, folder): source for source in sources}
    done = {}
    try:
        with counting("passages", "languages", len(sources)) as progress:
            while running:
                ready, _ = ray.wait(list(running), num_returns=1)
                source = running.pop(ready[0])
                done[source.path] = ray.get(ready[0])
                progress(1, f"{source.language}: {done[source.path].passages:,} passages")
    except RayError as error:
        raise user_error_in(error) or UserError(f"passages: a task failed: {one_line(error, 10**6)[-600:]}") from error
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
    return done


def _tidy(artifact: Artifact) -> None:
    """Deletes the records, which the manifest has taken over."""
    delete_records(artifact.location)


PASSAGES = Stage("passages", (), _identity, _run, _check, _tidy)
