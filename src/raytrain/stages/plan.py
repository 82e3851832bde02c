"""plan: which rows make up each step."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from raytrain.artifact import Artifact, write_file
from raytrain.config import Job, Train
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
_YOUNGER = {"groups", "multipliers"}  # than the first plans


def _identity(job: Job) -> Mapping[str, Any]:
    train = job.train.model_dump(mode="json", include=_OF_TRAIN)
    first, *changed = [{"at": step, "mix": _told(mix)} for _, step, mix in job.train.mixes]
    return {"format": _FORMAT, **train, "mix": first["mix"], **({"changes": changed} if changed else {})}


def _told(mix: Mix) -> dict[str, Any]:
    """A mix as identities have it: without younger keys that say nothing, so that plans keep their hashes."""
    return {k: v for k, v in mix.model_dump(mode="json").items() if v is not None or k not in _YOUNGER}


def make_plan(job: Job, corpus: Mapping[str, Shards]) -> Plan:
    """The plan of a job over a corpus. Raises UserError where a mix can't be had."""
    (_, _, plan), *changes = [(key, at, _plan_of(job.train, key, mix, corpus)) for key, at, mix in job.train.mixes]
    for _, step, changed in changes:
        plan = plan.then(step, changed)
    return plan


def _plan_of(train: Train, key: str, mix: Mix, corpus: Mapping[str, Shards]) -> Plan:
    """The plan with one mix, from the first step on; ``key`` is where the job has it."""
    rows = {name: shards.rows for name, shards in corpus.items() if shards.rows}
    missing = sorted(set(mix.asked) - rows.keys())
    if missing:
        raise UserError(f"{key}: the corpus has no rows for {', '.join(missing)}; it has {', '.join(sorted(rows))}")
    _check_names(key, mix, corpus)
    chosen = {name: n for name, n in rows.items() if name in (mix.include or rows) and not mix.leaves_out(name)}
    batches: dict[str, Any] = {"batch_size": train.batch_size, "batching": train.batching}
    try:
        weights = mix_weights(chosen, weights=mix.weights, temperature=mix.temperature, factors=mix.factors)
        options = {**batches, "lanes": train.lanes, "seed": train.seed}
        if mix.group_small is not None:
            weights, options["groups"] = with_group(weights, rows, mix.group_small, **batches)
        if mix.max_passes is None:
            return Plan.of(corpus, weights, **options)
        return capped_plan(corpus, weights, max_passes=mix.max_passes, steps=train.max_steps, **options)
    except ValueError as error:
        raise UserError(f"{key}: {error}") from error


def _check_names(key: str, mix: Mix, labels: Collection[str]) -> None:
    """Refuses to exclude or to multiply what is not there: a misspelt name would leave a language as it is."""
    groups = mix.groups or {}
    multiplied = {"multipliers": (mix.multipliers or {}).keys() - groups.keys()}
    for inner, names in (multiplied | {f"groups.{name}": set(of) for name, of in groups.items()}).items():
        unknown = sorted(names - set(labels))
        if unknown:
            raise UserError(
                f"{key}.{inner}: the corpus has nothing of {', '.join(unknown)}; it has {', '.join(sorted(labels))}"
            )
    known = {name for label in labels for name in (label, *languages_of(label))}
    unknown = sorted(set(mix.exclude or ()) - known)
    if unknown:
        raise UserError(
            f"{key}.exclude: the corpus has nothing of {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        )


def open_plan(artifact: Artifact, corpus: Corpus) -> Plan:
    """The plan of a finished plan artifact."""
    data = json.loads((artifact.location / FILE).read_text())
    changes = data.pop("changes", [])
    plan = Plan.of(corpus.shards, data.pop("mix"), **data)
    for change in changes:
        of_change = data | {name: change[name] for name in ("groups", "period")}
        plan = plan.then(change["at"], Plan.of(corpus.shards, change["mix"], **of_change))
    return plan


def _definition(plan: Plan) -> dict[str, Any]:
    """A plan as its file has it, what ``open_plan`` reads."""
    mixes = []
    for segment in plan.segments:
        mix = plan.mix_at(segment.first_step)
        weights = {entry.name: weight for entry, weight in mix.items()}
        groups = {entry.name: entry.members for entry in mix if entry.is_group}
        mixes.append({"at": segment.first_step, "mix": weights, "groups": groups, "period": segment.period})
    first, *changes = mixes
    del first["at"]
    common = {name: getattr(plan, name) for name in ("batch_size", "lanes", "seed", "batching")}
    return {**common, **first, **({"changes": changes} if changes else {})}


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.report.mix import mix_svg

    plan, steps = make_plan(job, Corpus.of(inputs["prepare"]).shards), job.train.max_steps
    languages, spans = _taken(plan, range(steps)), plan.spans(steps)
    files = [
        write_file(json.dumps(_definition(plan), indent=1).encode(), folder, FILE),
        write_file(mix_svg(languages), folder, PLOT),
    ]
    segments = [{"steps": [span.start, span.stop], "languages": _taken(plan, span)} for span in spans]
    changed = f", the mix changes {len(segments) - 1} times" if len(segments) > 1 else ""
    pairs = steps * plan.batch_size
    say(f"plan: {steps:,} steps of {plan.batch_size}, {pairs:,} pairs, {len(languages)} languages{changed}")
    return Outcome(files, [FILE], {"languages": languages, **({"segments": segments} if changed else {})})


def _taken(plan: Plan, steps: range) -> dict[str, dict[str, Any]]:
    """What some steps take of each language of their mixes. A group's share is its members' in proportion to rows.

    ``weight`` is the share, the mean over the steps; ``group`` names all groups that it is in.
    """
    before, after = plan.rows_taken(steps.start), plan.rows_taken(steps.stop)
    shares: dict[str, float] = {}
    groups: dict[str, set[str]] = {}
    for span in plan.spans(steps.stop):
        mix, part = plan.mix_at(span.start), len(range(max(span.start, steps.start), span.stop)) / len(steps)
        for entry, weight in mix.items() if part else ():
            passes = plan.passes[plan.entries.index(entry)]
            for shards in passes.members:
                share = weight / sum(mix.values()) * shards.rows / passes.rows * part
                shares[shards.language] = shares.get(shards.language, 0.0) + share
                groups.setdefault(shards.language, set()).update([entry.name] if entry.is_group else [])
    taken = {language: after[language] - before[language] for language in sorted(shares)}
    rows = {shards.language: shards.rows for shards in plan.shards}
    return {
        language: {
            "group": ", ".join(sorted(groups[language])) or None,
            "weight": shares[language],
            "rows": rows[language],
            "pairs": pairs,
            "passes": round(pairs / rows[language], 4),
        }
        for language, pairs in taken.items()
    }


def shares_of_plan(plan: Plan, steps: int) -> dict[str, float]:
    """The share of each language of a plan, the mean over its steps; a group's is dealt to its members by rows."""
    return {language: entry["weight"] for language, entry in _taken(plan, range(steps)).items()}


def _check(job: Job) -> None:
    """Refuses what the raw pairs can't give: what is left of them is known only when they are prepared."""
    units = source_units(job)
    if not all(unit.labels for unit in units):
        return  # only the rows say what they are
    found = {label for unit in units for label in _labels(unit)}
    for key, _, mix in job.train.mixes:
        lacking = sorted(set(mix.asked) - found)
        if lacking:
            raise UserError(
                f"{key}: {', '.join(job.corpus.source)} has nothing for {', '.join(lacking)}; "
                f"it has {', '.join(sorted(found))}"
            )
        _check_names(key, mix, found)
    # With fewer rows other languages might join a group or, in mixed batches, have smaller shares.
    monotone = job.train.batching == "homogeneous" and all(mix.group_small is None for _, _, mix in job.train.mixes)
    if monotone and all(unit.kind == "parquet" for unit in units):
        rows: Counter[str] = Counter()
        for unit in count_rows(units):
            rows.update(dict.fromkeys(_labels(unit), unit.rows))
        make_plan(job, {name: Shards(name, (n,), job.corpus.row_group_rows) for name, n in rows.items()})


def _labels(unit: Unit) -> tuple[str, ...]:
    return unit.wanted or unit.labels


PLAN = Stage("plan", ("prepare",), _identity, _run, _check)
