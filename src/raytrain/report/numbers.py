"""All means in one small file, ``metrics.json``, with what it takes to get them again."""

from collections.abc import Mapping
from typing import Any

from raytrain.artifact import Artifact
from raytrain.evaluate.metrics import DEPTH
from raytrain.study.results import BenchmarkResult, Estimate, Report

MODEL = "model/"  # the folder of an artifact that holds one
RANKED = "hits.parquet"  # what an evaluation has


def numbers(report: Report, inputs: Mapping[str, Artifact]) -> dict[str, Any]:
    """Counts, groups and the mean of every metric, by benchmark and system; and how they came about.

    ``inputs`` are the artifacts that the report was made of. Intervals and comparisons are in report.json.
    """
    return {
        "name": report.name,
        "caveats": report.caveats,
        "primary": report.results.primary,
        "metrics": report.results.metrics,
        "benchmarks": {benchmark.name: _benchmark(benchmark) for benchmark in report.results.benchmarks},
        "how": _how(report.provenance, inputs),
    }


def _benchmark(benchmark: BenchmarkResult) -> dict[str, Any]:
    return {
        "languages": {language: count.model_dump() for language, count in benchmark.languages.items()},
        "groups": benchmark.groups,
        "systems": {
            system.name: {
                "kind": system.kind,
                "seeds": system.seeds,
                "languages": {language: _means(found) for language, found in system.languages.items()},
                "groups": {group: _means(found) for group, found in system.groups.items()},
            }
            for system in benchmark.systems
        },
    }


def _means(found: Mapping[str, Estimate]) -> dict[str, float]:
    return {metric: estimate.mean for metric, estimate in found.items()}


def _how(provenance: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> dict[str, Any]:
    """Revisions and hashes, what texts went through, how was searched, with which libraries and by which command."""
    manifests = {name: artifact.manifest for name, artifact in inputs.items()}
    evaluations = {n: m for n, m in manifests.items() if any(file.path.endswith(RANKED) for file in m.files)}
    job = provenance["job"]
    return {
        "corpus": {n: {"hash": m.hash, "content": m.content} for n, m in manifests.items() if m.stage == "prepare"},
        "models": {
            name: {
                "hash": m.hash,
                "made_from": m.identity,
                "sha256": {file.path: file.sha256 for file in m.files if file.path.startswith(MODEL)},
            }
            for name, m in manifests.items()
            if any(file.path in (f"{MODEL}config.json", f"{MODEL}modules.json") for file in m.files)
        },
        "texts": {key: value for key, value in job["model"].items() if key != "from_scratch"},
        "evaluations": {
            name: {
                "hash": m.hash,
                "rules": m.identity,
                "device": m.summary.get("device"),
                "selection": m.summary.get("selection"),  # F1 of TyDiQA-SelectP, by benchmark
                "versions": m.versions,
                "files": {file.path: file.sha256 for file in m.files},
            }
            for name, m in evaluations.items()
        },
        "computed_in": "bfloat16 on a GPU, float32 on a CPU",
        "vectors_kept_in": job["index"]["dtype"],
        "search": {
            "exact": True,
            "similarity": "of models trained here: inner product of unit vectors",
            "depth": DEPTH,
        },
        "benchmarks": provenance["benchmarks"],
        "versions": provenance["versions"],
        "python": provenance["python"],
        "platform": provenance["platform"],
        "command": provenance["command"],
    }
