"""study: the scores of all arms and seeds, compared."""

import hashlib
from collections.abc import Mapping
from typing import Any

from raytrain.artifact import Artifact, File
from raytrain.config import Job, Study
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.storage import Location
from raytrain.study.results import Results

FILE = "results.json"


def _study_of(job: Job) -> Study:
    assert job.study is not None
    return job.study


def _identity(job: Job) -> Mapping[str, Any]:
    study = _study_of(job)
    return {"baseline": study.compared_with, "arms": {name: study.seeds_of(name) for name in study.arms}}


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.study.gather import Evaluated, results_of

    study = _study_of(job)
    seeds = list(dict.fromkeys(seed for arm in study.arms for seed in study.seeds_of(arm)))
    systems = [
        Evaluated("BM25", "baseline", (), [inputs["bm25"]], {}),
        Evaluated("untrained", "baseline", tuple(seeds), [inputs[f"seed-{seed}/untrained"] for seed in seeds], {}),
    ]
    for arm in study.arms:
        runs = [f"{arm}-{seed}" for seed in study.seeds_of(arm)]
        evaluations = [inputs[f"{run}/evaluate"] for run in runs]
        pairs = pairs_of(inputs[f"{runs[0]}/plan"])
        systems.append(Evaluated(arm, "trained", tuple(study.seeds_of(arm)), evaluations, pairs))
    results = results_of(inputs["benchmark"], systems, study.compared_with)
    data = results.model_dump_json(indent=1).encode()
    (folder / FILE).write_bytes(data)
    file = File(path=FILE, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    verdicts = {found.name: found.verdicts for found in results.benchmarks}
    return Outcome([file], [FILE], {"verdicts": verdicts})


def pairs_of(plan: Artifact) -> dict[str, int]:
    """Training pairs by language of a plan."""
    return {language: entry["pairs"] for language, entry in plan.manifest.summary["languages"].items()}


def read_results(artifact: Artifact) -> Results:
    """The results of a finished study."""
    return Results.model_validate_json((artifact.location / FILE).read_text())


STUDY = Stage("study", (), _identity, _run)
