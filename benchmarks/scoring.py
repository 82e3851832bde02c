"""How long scoring takes, with all statistics: 12,000 questions × 1,000 hits over eleven languages, by two systems.

    .venv/bin/python benchmarks/scoring.py [--questions 12000] [--hits 1000]

Questions are spread over the languages as in Mr. TyDi's test set; one relevant passage a question, hits at random.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from significance import QUESTIONS

from raytrain.evaluate.metrics import METRICS, Hits, score
from raytrain.study.compare import Draws, Scored, benchmark_result
from raytrain.study.results import LanguageCount

PASSAGES = 5_000


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints how long something took, by the clock and in CPU time."""
    start, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{what}: {time.perf_counter() - start:.1f} s, CPU {time.process_time() - cpu:.1f} s", flush=True)


def ranking(language: str, questions: int, hits: int, rng: np.random.Generator) -> dict[str, Hits]:
    """Hits at random: a stretch of the passages in a random order."""
    passages = [f"{language}{n}#{n % 7}" for n in rng.permutation(PASSAGES)]
    scores = np.linspace(1, 0, hits).tolist()
    starts = rng.integers(PASSAGES - hits, size=questions).tolist()
    return {f"{language}-q{n}": list(zip(passages[at : at + hits], scores, strict=True)) for n, at in enumerate(starts)}


def main() -> None:
    """Prints the time of each part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=12_000)
    parser.add_argument("--hits", type=int, default=1_000)
    given = parser.parse_args()
    rng, total = np.random.default_rng(0), sum(QUESTIONS.values())
    counts = {language: round(n * given.questions / total) for language, n in QUESTIONS.items()}
    found: dict[str, dict[str, dict[str, np.ndarray]]] = {"A": {}, "B": {}}
    ids: dict[str, list[str]] = {}
    wall = cpu = 0.0
    for language, n in counts.items():
        numbers = rng.integers(PASSAGES, size=n).tolist()
        relevant = {f"{language}-q{i}": {f"{language}{number}#{number % 7}": 1} for i, number in enumerate(numbers)}
        ids[language] = list(relevant)
        for columns in found.values():
            ranked = ranking(language, n, given.hits, rng)
            start, before = time.perf_counter(), time.process_time()
            scores = score(relevant, ranked)
            wall, cpu = wall + time.perf_counter() - start, cpu + time.process_time() - before
            for metric in METRICS:
                values = np.array([[of[metric] for of in scores.values()]])
                columns.setdefault(metric, {})[language] = values
    print(
        f"{sum(counts.values()):,} questions × {given.hits:,} hits, 11 languages, two systems, {len(METRICS)} metrics"
    )
    print(f"scores of both: {wall:.1f} s, CPU {cpu:.1f} s")
    systems = [Scored(name, "trained", (1,), {"eng": 1}, columns) for name, columns in found.items()]
    languages = {x: LanguageCount(questions=n, passages=PASSAGES, left_out=0, trained=False) for x, n in counts.items()}
    draws = Draws()
    with timed(f"statistics, {draws.resamples:,} resamples and {draws.permutations:,} permutations"):
        result = benchmark_result("made-up", languages, ids, systems, "A")
    print(f"{len(result.comparisons)} comparisons")


if __name__ == "__main__":
    main()
