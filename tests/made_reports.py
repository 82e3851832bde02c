"""Reports as a study would make them, of made-up numbers."""

from typing import Any, Literal

import numpy as np

from raytrain.evaluate.metrics import METRICS
from raytrain.study.results import (
    PRIMARY,
    BenchmarkResult,
    Comparison,
    Estimate,
    LanguageCount,
    Report,
    Results,
    System,
)

TYDI = ["ara", "ben", "eng", "fin", "ind", "jpn", "kor", "rus", "swa", "tel", "tha"]
DEMO = [*TYDI, "deu", "fra", "hin", "ita", "nld", "pol", "por", "spa", "swe", "tur", "vie", "zho"]
NEVER_TRAINED = ["ben", "fin", "swa", "tel", "tha"]


def result_of(
    arms: list[str],
    languages: list[str] = TYDI,
    seeds: tuple[int, ...] = (1, 2, 3),
    unscored: tuple[str, ...] = (),
    name: str = "tydiqa-goldp-dev",
) -> BenchmarkResult:
    """A benchmark with BM25, the untrained encoder and the arms, each but the first compared with the first."""
    rng = np.random.default_rng(7)
    counts = {
        language: LanguageCount(
            questions=0 if language in unscored else int(rng.integers(100, 2000)),
            passages=int(rng.integers(1000, 50_000)),
            left_out=int(rng.integers(1, 90)),
            trained=language not in NEVER_TRAINED,
        )
        for language in languages
    }
    scored = [language for language in languages if language not in unscored]
    parts = {
        "never trained": [language for language in scored if not counts[language].trained],
        "trained": [language for language in scored if counts[language].trained],
        "all": scored,
    }
    groups = {group: members for group, members in parts.items() if members}

    def estimate() -> Estimate:
        runs = np.clip(rng.uniform(0.1, 0.8) + rng.normal(0, 0.01, max(1, len(seeds))), 0, 1)
        mean, half = float(runs.mean()), float(rng.uniform(0.01, 0.05))
        return Estimate(mean=mean, low=mean - half, high=mean + half, by_seed=runs.tolist())

    def system(name: str, kind: Literal["baseline", "trained"], seeds: tuple[int, ...]) -> System:
        return System(
            name=name,
            kind=kind,
            seeds=list(seeds),
            pairs={x: int(rng.integers(1, 9000)) for x in parts["trained"]} if kind == "trained" else {},
            languages={x: {metric: estimate() for metric in METRICS} for x in scored},
            groups={x: {metric: estimate() for metric in METRICS} for x in groups},
        )

    systems = [system("BM25", "baseline", ()), system("untrained", "baseline", seeds)]
    systems += [system(arm, "trained", seeds) for arm in arms]
    base = {(over, name): e for over in ("language", "group") for name, e in _primary(systems[2], over).items()}
    comparisons = [
        _comparison(rng, arm, systems[2], over, name, e.mean - base[over, name].mean, len(seeds) > 1)
        for arm in systems[3:]
        for over in ("language", "group")
        for name, e in _primary(arm, over).items()
    ]
    verdicts = [
        f"{name}: {c.system} against {c.baseline}, {c.name}: {c.finding}." for c in comparisons if c.over == "group"
    ]
    return BenchmarkResult(
        name=name,
        languages=counts,
        groups=groups,
        systems=systems,
        comparisons=comparisons,
        verdicts=verdicts,
    )


def _primary(system: System, over: str) -> dict[str, Estimate]:
    found = system.languages if over == "language" else system.groups
    return {name: scores[PRIMARY] for name, scores in found.items()}


def _comparison(
    rng: np.random.Generator, arm: System, base: System, over: Any, name: str, difference: float, seeded: bool
) -> Comparison:
    half, p = float(rng.uniform(0.01, 0.05)), float(rng.choice([1e-5, 0.0004, 0.03, 0.6]))
    found = seeded and p < 0.01
    return Comparison(
        system=arm.name,
        baseline=base.name,
        metric=PRIMARY,
        over=over,
        name=name,
        difference=difference,
        low=difference - half,
        high=difference + half,
        p_questions=p / 2,
        p_t=p / 3 if over == "language" else None,
        detectable=half if over == "language" else None,
        p=p if seeded else None,
        p_holm=min(1.0, 4 * p) if seeded else None,
        finding=("better" if difference > 0 else "worse") if found else "no verdict",
    )


def report_of(*benchmarks: BenchmarkResult, **changes: Any) -> Report:
    """A report on the benchmarks, with all that a real one carries."""
    trained = [system for system in benchmarks[0].systems if system.kind == "trained"]
    fields: dict[str, Any] = {
        "format": 1,
        "name": "mixes",
        "caveats": ["An illustration, not evidence: the questions are generated."],
        "results": Results(primary=PRIMARY, metrics=list(METRICS), benchmarks=list(benchmarks)),
        "notes": {},
        "published": {},
        "curves": {
            f"{system.name}:{seed}": [(step, 4 / step**0.5 + 0.1 * seed) for step in range(1, 300)]
            for system in trained
            for seed in system.seeds
        },
        "provenance": {
            "job": {"name": "mixes", "train": {"max_steps": 400}},
            "artifacts": [
                {
                    "name": "english seed 1",
                    "stage": "train",
                    "hash": "1f3a9c00aa12b7e5",
                    "content": "77aa",
                    "uri": "https://bucket.example/train/1f3a9c00aa12b7e5",
                    "created": "2026-01-02T03:04:05Z",
                }
            ],
            "versions": {"torch": "2.11.0"},
            "platform": "Linux",
            "python": "3.11.2",
            "command": "raytrain study mixes.yaml",
            "benchmarks": {"tydi": {"source": "tydiqa-goldp:s3://b/dev.json", "files": {"dev.json": "9f" * 32}}},
        },
    }
    return Report(**(fields | changes))
