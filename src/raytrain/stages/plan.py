"""plan: which rows make up each step."""

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raytrain.artifact import Artifact, upload_file
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.corpus.sources import count_rows
from raytrain.errors import UserError
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.plan import Plan, Shards, mix_weights
from raytrain.stages.prepare import source_units
from raytrain.storage import Location

FILE = "plan.json"
_OF_TRAIN = {"mix", "batching", "batch_size", "lanes", "seed", "max_steps"}


def _identity(job: Job) -> Mapping[str, Any]:
    return job.train.model_dump(mode="json", include=_OF_TRAIN)


def make_plan(job: Job, corpus: Mapping[str, Shards]) -> Plan:
    """The plan of a job over a corpus. Raises UserError where the mix can't be had."""
    train = job.train
    rows = {name: shards.rows for name, shards in corpus.items()}
    if train.mix.languages is not None:
        missing = sorted(set(train.mix.languages) - rows.keys())
        if missing:
            raise UserError(f"train.mix.languages: the corpus has no rows for {', '.join(missing)}")
        rows = {name: rows[name] for name in train.mix.languages}
    try:
        mix = mix_weights(rows, weights=train.mix.weights, temperature=train.mix.temperature)
        return Plan.of(
            corpus,
            mix,
            batch_size=train.batch_size,
            lanes=train.lanes,
            seed=train.seed,
            batching=train.batching,
        )
    except ValueError as error:
        raise UserError(f"train.mix: {error}") from error


def open_plan(artifact: Artifact, corpus: Corpus) -> Plan:
    """The plan of a finished plan artifact."""
    data = json.loads((artifact.location / FILE).read_text())
    weights = data.pop("weights")
    return Plan.of(corpus.shards, weights, **data)


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    plan = make_plan(job, Corpus.of(inputs["prepare"]).shards)
    weights = dict(zip(plan.languages, plan.weights, strict=True))
    definition = {
        "batch_size": plan.batch_size,
        "lanes": plan.lanes,
        "seed": plan.seed,
        "batching": plan.batching,
        "weights": weights,
    }
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / FILE
        local.write_text(json.dumps(definition, indent=1))
        file = upload_file(local, folder, FILE)
    taken = plan.rows_taken(job.train.max_steps)
    languages = {
        shards.language: {
            "weight": weights[shards.language],
            "rows": shards.rows,
            "pairs": taken[shards.language],
            "passes": round(taken[shards.language] / shards.rows, 4),
        }
        for shards in plan.shards
    }
    say(f"plan: {job.train.max_steps:,} steps of {plan.batch_size} pairs, {plan.batching} batches")
    for name, entry in languages.items():
        say(f"plan:   {name} {entry['weight']:6.1%} {entry['pairs']:>9,} pairs {entry['passes']:>8.2f} passes")
    return Outcome([file], [FILE], {"languages": languages})


def _check(job: Job) -> None:
    asked = set(job.train.mix.languages or [k for k, v in (job.train.mix.weights or {}).items() if v])
    units = source_units(job)
    found = {unit.language for unit in units}
    if asked - found:
        raise UserError(
            f"train.mix: {job.corpus.source} has nothing for {', '.join(sorted(asked - found))}; "
            f"it has {', '.join(sorted(found))}"
        )
    if all(unit.kind == "parquet" for unit in units):  # rows are known before any work, bad ones included
        rows: Counter[str] = Counter()
        for unit in count_rows(units):
            rows[unit.language] += unit.rows
        make_plan(job, {name: Shards(name, (n,), job.corpus.row_group_rows) for name, n in rows.items()})


PLAN = Stage("plan", ("prepare",), _identity, _run, _check)
