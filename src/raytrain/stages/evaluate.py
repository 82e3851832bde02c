"""evaluate: MRR@100 on held-out questions, of the trained model and of the one it started from."""

import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from raytrain.artifact import Artifact, download_folder, upload_file
from raytrain.config import Job
from raytrain.evaluate.benchmark import Retrieval, identity_of, load_benchmark
from raytrain.pipeline import Inputs, Outcome, Say, Stage, options_of
from raytrain.progress import Advance, counting
from raytrain.stages.model import FOLDER
from raytrain.storage import Location

METRIC = "MRR@100"


def _open(job: Job, uri: str) -> Location:
    return Location.of(uri, options_of(job))


def _identity(job: Job) -> Mapping[str, Any]:
    names = job.evaluate.benchmarks
    return {
        "languages": job.evaluate.languages,
        "benchmarks": {name: identity_of(name, lambda uri: _open(job, uri)) for name in names},
        "model": job.model.rules(),
    }


def _check(job: Job) -> None:
    for name in job.evaluate.benchmarks:
        load_benchmark(name, job.evaluate.languages, lambda uri: _open(job, uri))


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for name in job.evaluate.benchmarks:
        parts = load_benchmark(name, job.evaluate.languages, lambda uri: _open(job, uri))
        trained = _score(job, inputs["export"], parts, f"evaluate {name}, trained")
        untrained = _score(job, inputs["model"], parts, f"evaluate {name}, untrained")
        scores[name] = {
            part.language: {
                "queries": len(part.queries),
                "passages": len(part.passages),
                "left_out": part.left_out,
                "untrained": _mean(untrained[part.language]),
                "trained": _mean(trained[part.language]),
            }
            for part in parts
        }
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / "scores.json"
        local.write_text(json.dumps({"metric": METRIC, "scores": scores}, indent=1))
        file = upload_file(local, folder, "scores.json")
    return Outcome([file], ["scores.json"], {"metric": METRIC, "scores": scores})


def _score(job: Job, model: Artifact, parts: list[Retrieval], title: str) -> dict[str, dict[str, float]]:
    """Reciprocal rank of every question, by language."""
    from raytrain.evaluate.ranking import rank, reciprocal_ranks
    from raytrain.model.embedder import Embedder

    total = sum(len(part.queries) + len(part.passages) for part in parts)
    scores = {}
    with tempfile.TemporaryDirectory() as temp, counting(title, "texts", total) as advance:
        embedder = Embedder(download_folder(model, FOLDER, Path(temp)), job.model, job.train.tokens_per_chunk)
        for part in parts:
            count = partial(_count, advance, part.language)
            passages = embedder.passages(list(part.passages.values()), count)
            queries = embedder.queries(list(part.queries.values()), count)
            hits = rank(queries, passages, list(part.passages))
            scores[part.language] = reciprocal_ranks(part.relevant, dict(zip(part.queries, hits, strict=True)))
    return scores


def _count(advance: Advance, language: str, n: int) -> None:
    advance(n, language)


def _mean(scores: dict[str, float]) -> float:
    return sum(scores.values()) / len(scores)


EVALUATE = Stage("evaluate", ("model", "export"), _identity, _run, _check)
