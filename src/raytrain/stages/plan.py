"""plan: which rows make up each step."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from raytrain.artifact import Artifact, write_file
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.corpus.raw.sources import Unit, count_rows
from raytrain.errors import UserError
from raytrain.languages import languages_of
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.plan import Plan, Shards, capped_plan, mix_weights, with_group
from raytrain.plan.config import Mix
from raytrain.stages.prepare import source_units
from raytrain.storage import Location

FILE, PLOT = "plan.json", "mix.svg"
_FORMAT = 2  # of the order of rows
_OF_TRAIN = {"mix", "batching", "batch_size", "lanes", "seed", "max_steps"}


def _identity(job: Job) -> Mapping[str, Any]:
    return {"format": _FORMAT, **job.train.model_dump(mode="json", include=_OF_TRAIN)}


def make_plan(job: Job, corpus: Mapping[str, Shards]) -> Plan:
    """The plan of a job over a corpus. Raises UserError where the mix can't be had."""
    train, mix = job.train, job.train.mix
    rows = {name: shards.rows for name, shards in corpus.items() if shards.rows}
    missing = sorted(set(mix.asked) - rows.keys())
    if missing:
        raise UserError(f"train.mix: the corpus has no rows for {', '.join(missing)}; it has {', '.join(sorted(rows))}")
    _check_excluded(mix, corpus)
    chosen = {name: n for name, n in rows.items() if name in (mix.include or rows) and not mix.leaves_out(name)}
    batches: dict[str, Any] = {"batch_size": train.batch_size, "batching": train.batching}
    try:
        weights = mix_weights(chosen, weights=mix.weights, temperature=mix.temperature)
        options = {**batches, "lanes": train.lanes, "seed": train.seed}
        if mix.group_small is not None:
            weights, options["groups"] = with_group(weights, rows, mix.group_small, **batches)
        if mix.max_passes is None:
            return Plan.of(corpus, weights, **options)
        return capped_plan(corpus, weights, max_passes=mix.max_passes, steps=train.max_steps, **options)
    except ValueError as error:
        raise UserError(f"train.mix: {error}") from error


def _check_excluded(mix: Mix, labels: Iterable[str]) -> None:
    """Refuses to exclude what is not there: a misspelt name would leave a language in the mix."""
    known = {name for label in labels for name in (label, *languages_of(label))}
    unknown = sorted(set(mix.exclude or ()) - known)
    if unknown:
        raise UserError(
            f"train.mix.exclude: the corpus has nothing of {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        )


def open_plan(artifact: Artifact, corpus: Corpus) -> Plan:
    """The plan of a finished plan artifact."""
    data = json.loads((artifact.location / FILE).read_text())
    mix = data.pop("mix")
    return Plan.of(corpus.shards, mix, **data)


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.report.mix import mix_svg

    plan = make_plan(job, Corpus.of(inputs["prepare"]).shards)
    definition = {
        "batch_size": plan.batch_size,
        "lanes": plan.lanes,
        "seed": plan.seed,
        "batching": plan.batching,
        "mix": plan.mix,
        "groups": plan.groups,
        "period": plan.period,
    }
    languages = _summary(plan, job.train.max_steps)
    files = [
        write_file(json.dumps(definition, indent=1).encode(), folder, FILE),
        write_file(mix_svg(languages), folder, PLOT),
    ]
    pairs = job.train.max_steps * plan.batch_size
    say(f"plan: {job.train.max_steps:,} steps of {plan.batch_size}, {pairs:,} pairs, {len(languages)} languages")
    return Outcome(files, [FILE], {"languages": languages})


def _summary(plan: Plan, steps: int) -> dict[str, dict[str, Any]]:
    """What the first ``steps`` steps take of each language. A group's share is its members' in proportion to rows."""
    taken = plan.rows_taken(steps)
    total = sum(plan.mix.values())
    languages = {}
    for entry, passes in zip(plan.entries, plan.passes, strict=True):
        for shards in passes.members:
            pairs = taken[shards.language]
            languages[shards.language] = {
                "group": entry.name if entry.name in plan.groups else None,
                "weight": entry.weight / total * shards.rows / passes.rows,
                "rows": shards.rows,
                "pairs": pairs,
                "passes": round(pairs / shards.rows, 4),
            }
    return dict(sorted(languages.items()))


def shares_of_plan(plan: Plan, steps: int) -> dict[str, float]:
    """The share of each language of a plan; of a group's, its members' in proportion to rows."""
    return {language: entry["weight"] for language, entry in _summary(plan, steps).items()}


def _check(job: Job) -> None:
    """Refuses what the raw pairs can't give: what is left of them is known only when they are prepared."""
    units = source_units(job)
    if not all(unit.labels for unit in units):
        return  # only the rows say what they are
    asked, found = set(job.train.mix.asked), {label for unit in units for label in _labels(unit)}
    if asked - found:
        raise UserError(
            f"train.mix: {', '.join(job.corpus.source)} has nothing for {', '.join(sorted(asked - found))}; "
            f"it has {', '.join(sorted(found))}"
        )
    _check_excluded(job.train.mix, found)
    # With fewer rows other languages might join a group or, in mixed batches, have smaller shares.
    monotone = job.train.batching == "homogeneous" and job.train.mix.group_small is None
    if monotone and all(unit.kind == "parquet" for unit in units):
        rows: Counter[str] = Counter()
        for unit in count_rows(units):
            rows.update(dict.fromkeys(_labels(unit), unit.rows))
        make_plan(job, {name: Shards(name, (n,), job.corpus.row_group_rows) for name, n in rows.items()})


def _labels(unit: Unit) -> tuple[str, ...]:
    return unit.wanted or unit.labels


PLAN = Stage("plan", ("prepare",), _identity, _run, _check)
