"""How often a study of two equal arms finds a difference that is not there, and how often one that is.

    .venv/bin/python benchmarks/false_verdicts.py [STUDIES]

Scores are made up: every question has a difficulty, every arm changes every question a little, every seed moves an arm
in all languages and in each alone, and the rest is chance. What is counted is what `raytrain.study` says of them.
"""

import sys

import numpy as np

from raytrain.study.compare import Draws, Scored, benchmark_result
from raytrain.study.results import PRIMARY, BenchmarkResult, LanguageCount
from raytrain.study.verdict import ASKED

LANGUAGES = ["eng", "fin", "tel", "tha"]
DRAWS = Draws(resamples=1_000, permutations=500)


def study(key: int, *, effect: float, seed_noise: float, seeds: int, questions: int) -> BenchmarkResult:
    """One made-up study of a mixed arm against an English one; questions are parallel in all languages."""
    rng = np.random.default_rng(key)
    ids = {language: [f"q{i}" for i in range(questions)] for language in LANGUAGES}
    difficulty = 0.5 + 0.2 * rng.normal(size=questions)
    arms = []
    for name, gained, trained in (("english", 0.0, ["eng"]), ("mixed", effect, ["eng", "fin"])):
        own = difficulty + gained + 0.1 * rng.normal(size=questions)
        moved = own + seed_noise * rng.normal(size=(seeds, 1))
        scores = {
            language: moved + seed_noise / 2 * rng.normal(size=(seeds, 1)) + 0.1 * rng.normal(size=(seeds, questions))
            for language in LANGUAGES
        }
        arms.append(Scored(name, "trained", tuple(range(seeds)), dict.fromkeys(trained, 1), {PRIMARY: scores}))
    counts = {
        language: LanguageCount(questions=questions, passages=questions, left_out=0, trained=language in ("eng", "fin"))
        for language in LANGUAGES
    }
    return benchmark_result("made-up", counts, ids, arms, "english", key, draws=DRAWS)


def main(studies: int) -> None:
    """Prints a line a setting."""
    print(f"{studies} studies each, 2 arms, 4 languages of 150 parallel questions; shares of studies:")
    for effect in (0.0, 0.04, 0.08):
        for seeds in (2, 3):
            for seed_noise in (0.0, 0.01, 0.05):
                results = [
                    study(key, effect=effect, seed_noise=seed_noise, seeds=seeds, questions=150)
                    for key in range(studies)
                ]
                groups = [[c for c in result.comparisons if c.name in ASKED] for result in results]
                found = np.mean([any(c.finding != "no verdict" for c in rows) for rows in groups])
                naive = np.mean([any(c.p_questions < 0.05 for c in rows) for rows in groups])
                print(
                    f"effect {effect:.2f}, {seeds} seeds, seed spread {seed_noise:.2f}: verdict {found:6.1%}, "
                    f"questions alone, uncorrected {naive:6.1%}",
                    flush=True,
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
