"""study: the scores of all arms and seeds, compared."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from raytrain.artifact import Artifact, check_file, write_file
from raytrain.config import Job, Study
from raytrain.errors import UserError
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.stages.other_model import SCORE, name_of
from raytrain.storage import Location
from raytrain.study.compare import Draws
from raytrain.study.gather import Evaluated, results_of
from raytrain.study.results import Results
from raytrain.study.statistics import ALPHA

FILE = "results.json"


def _study_of(job: Job) -> Study:
    assert job.study is not None
    return job.study


def _identity(job: Job) -> Mapping[str, Any]:
    study = _study_of(job)
    return {
        "baseline": study.compared_with,
        "arms": {name: study.seeds_of(name) for name in study.arms},
        "draws": asdict(Draws()),
        "alpha": ALPHA,
    }


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    study = _study_of(job)
    seeds = list(dict.fromkeys(seed for arm in study.arms for seed in study.seeds_of(arm)))
    systems = [
        Evaluated("BM25", "baseline", (), [inputs["bm25"]], {}),
        _untrained({seed: inputs[f"seed:{seed}/untrained"] for seed in seeds}),
        *others_of(job, inputs),
    ]
    for arm in study.arms:
        names = [f"{arm}:{seed}" for seed in study.seeds_of(arm)]
        evaluations = [inputs[f"{name}/evaluate"] for name in names]
        pairs = all_pairs([pairs_of(inputs[f"{name}/plan"]) for name in names])
        systems.append(Evaluated(arm, "trained", tuple(study.seeds_of(arm)), evaluations, pairs))
    for arm in study.arms:
        fused = [inputs[f"{arm}:{seed}/fused"] for seed in study.seeds_of(arm)]
        systems.append(fused_of(arm, tuple(study.seeds_of(arm)), fused))
    check_apart(systems)
    results = results_of(inputs["benchmark"], systems, study.compared_with)
    file = write_file(results.model_dump_json(indent=1).encode(), folder, FILE)
    verdicts = {found.name: found.verdicts for found in results.benchmarks}
    return Outcome([file], [FILE], {"verdicts": verdicts})


def _untrained(by_seed: dict[int, Artifact]) -> Evaluated:
    """The encoder before training, with every seed that gave it other weights: a named model has one set of them."""
    distinct = {evaluation.manifest.hash: seed for seed, evaluation in reversed(by_seed.items())}
    seeds = tuple(seed for seed in by_seed if seed in distinct.values())
    return Evaluated("untrained", "baseline", seeds, [by_seed[seed] for seed in seeds], {})


def others_of(job: Job, inputs: Inputs) -> list[Evaluated]:
    """The models of others, which have no seeds and no training pairs of this job."""
    models = job.evaluate.models
    return [Evaluated(model.called, "baseline", (), [inputs[name_of(model, SCORE)]], {}) for model in models]


def fused_of(arm: str, seeds: tuple[int, ...], evaluations: Sequence[Artifact]) -> Evaluated:
    """A trained model's hits fused with those of BM25, one evaluation a seed."""
    return Evaluated(f"BM25 + {arm}", "fused", seeds, evaluations, {})


def check_apart(systems: list[Evaluated]) -> None:
    """Raises UserError if two arms turn out to be one: equal runs would be counted as draws of their own."""
    owners: dict[str, str] = {}
    for system in systems:
        for evaluation in system.evaluations if system.kind == "trained" else ():
            other = owners.setdefault(evaluation.manifest.hash, system.name)
            if other != system.name:
                raise UserError(
                    f"study.arms: {other} and {system.name} have the same rows in every step, so they are the same "
                    "runs: give one of them another mix or other seeds"
                )


def all_pairs(by_seed: list[dict[str, int]]) -> dict[str, int]:
    """Pairs by language over all seeds: a rare language may be in the plan of one seed and not in another's."""
    languages = sorted({language for pairs in by_seed for language in pairs})
    return {language: sum(pairs.get(language, 0) for pairs in by_seed) for language in languages}


def pairs_of(plan: Artifact) -> dict[str, int]:
    """Training pairs by language of a plan."""
    return {language: entry["pairs"] for language, entry in plan.manifest.summary["languages"].items()}


def read_results(artifact: Artifact) -> Results:
    """The results of a finished study. Raises UserError if they were damaged."""
    check_file(artifact, FILE)
    return Results.model_validate_json((artifact.location / FILE).read_text())


STUDY = Stage("study", (), _identity, _run)
