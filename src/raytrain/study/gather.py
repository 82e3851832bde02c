"""From the scores that evaluations left behind to the numbers of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from raytrain.artifact import Artifact
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut, held_out_of, with_questions
from raytrain.evaluate.metrics import METRICS
from raytrain.evaluate.scored import Floats, read_scored
from raytrain.languages import is_trained
from raytrain.study.compare import Scored, benchmark_result, trained_on
from raytrain.study.results import PRIMARY, BenchmarkResult, LanguageCount, Results


@dataclass(frozen=True)
class Evaluated:
    """A system and its evaluations, one a seed; ``seeds`` is empty for what has none (BM25: one evaluation).

    ``pairs``: training pairs by language, over all seeds.
    """

    name: str
    kind: Literal["baseline", "trained", "fused"]
    seeds: tuple[int, ...]
    evaluations: Sequence[Artifact]
    pairs: Mapping[str, int]


def results_of(benchmark: Artifact, systems: Sequence[Evaluated], baseline: str | None) -> Results:
    """All systems on all benchmarks; the trained ones compared with the one named ``baseline``, if any."""
    parts = held_out_of(benchmark)
    labels = list(dict.fromkeys(part.benchmark for part in parts))
    found = [_one(label, [p for p in parts if p.benchmark == label], systems, baseline) for label in labels]
    return Results(primary=PRIMARY, metrics=list(METRICS), benchmarks=found)


def _one(label: str, parts: list[HeldOut], systems: Sequence[Evaluated], baseline: str | None) -> BenchmarkResult:
    trained = trained_on(system.pairs for system in systems)
    counts = {
        part.language: LanguageCount(
            questions=part.questions,
            passages=part.passages,
            left_out=part.left_out,
            trained=is_trained(part.language, trained),
        )
        for part in parts
    }
    asked = {part.language: read_scored(systems[0].evaluations[0], part)[0] for part in with_questions(parts)}
    read = [
        Scored(system.name, system.kind, system.seeds, system.pairs, _scores(system, with_questions(parts), asked))
        for system in systems
    ]
    return benchmark_result(label, counts, asked, read, baseline)


def _scores(system: Evaluated, parts: list[HeldOut], asked: Mapping[str, list[str]]) -> dict[str, dict[str, Floats]]:
    """Metric → language → (seeds, questions)."""
    scores: dict[str, dict[str, Floats]] = {metric: {} for metric in METRICS}
    for part in parts:
        columns = []
        for evaluation in system.evaluations:
            questions, by_metric = read_scored(evaluation, part)
            if questions != asked[part.language]:
                raise UserError(f"{evaluation.location.uri}: other questions than the benchmark has: delete it")
            columns.append(by_metric)
        for metric in METRICS:
            scores[metric][part.language] = np.stack([by_metric[metric] for by_metric in columns])
    return scores
