"""Do the tests over questions reject at their level, and do the intervals cover at theirs? On made-up scores.

    .venv/bin/python benchmarks/significance.py [--simulations 4000] [--permutations 2000] [--together 50]

Eleven languages with as many questions as Mr. TyDi's test set has. Each question has a chance of its own, the same for
both systems, and the place of its passage is geometric with that chance; so nDCG@10 of a question is one of eleven
numbers, often 0 or 1, and the true means are known. System B may answer a share of its questions at once: the effect.
``--together`` simulations share their draws of signs and questions, which changes no level, and saves nearly all time.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
from scipy.special import beta

from raytrain.study.statistics import (
    ALPHA,
    Drawing,
    FloatArray,
    detectable,
    holm,
    interval,
    resample,
    sign_flip_p,
    strata_of,
    t_test_p,
)

QUESTIONS = {  # https://github.com/castorini/mr.tydi, v1.1, test
    "ara": 1081,
    "ben": 111,
    "eng": 744,
    "fin": 1254,
    "ind": 829,
    "jpn": 720,
    "kor": 421,
    "rus": 995,
    "swa": 670,
    "tel": 646,
    "tha": 1190,
}
A, B = 0.5, 1.0  # of the Beta distribution of chances
GAINS = 1 / np.log2(np.arange(2, 12))
MEAN = float((GAINS * beta(A + 1, B + np.arange(10)) / beta(A, B)).sum())


def simulate(n: int, together: int, share: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """nDCG@10 of two systems, (n, together) each; B answers ``share`` of its questions at once."""
    chance = np.maximum(rng.beta(A, B, size=(n, together)), 1e-9)
    scores = []
    for _ in range(2):
        place = rng.geometric(chance)
        scores.append(np.where(place <= 10, GAINS[np.minimum(place, 10) - 1], 0.0))
    return scores[0], np.where(rng.random((n, together)) < share, 1.0, scores[1])


@dataclass(frozen=True)
class Seen:
    """Of some simulations, by row (languages, then their macro average): what the tests and intervals said."""

    flips: FloatArray
    t: FloatArray
    family: FloatArray  # whether Holm left any finding among the languages, (simulations,), by flips and by t
    covers: FloatArray
    covers_mean: FloatArray


def judge(together: int, permutations: int, share: float, rng: np.random.Generator) -> Seen:
    """Some simulations at once."""
    ids = {language: [f"{language}{i}" for i in range(n)] for language, n in QUESTIONS.items()}
    pairs = {language: simulate(n, together, share, rng) for language, n in QUESTIONS.items()}
    differences = {language: b - a for language, (a, b) in pairs.items()}
    strata, targets = strata_of(ids), [[language] for language in ids] + [list(ids)]
    p = sign_flip_p(Drawing(strata, differences, targets), permutations, rng)
    p_t = np.stack([t_test_p(x) for x in differences.values()])
    both = {language: np.concatenate([differences[language], pairs[language][0]], axis=1) for language in ids}
    deviations = resample(Drawing(strata, both, targets), permutations, rng)
    observed = [np.mean([both[language].mean(axis=0) for language in target], axis=0) for target in targets]
    truth = [share * (1 - MEAN)] * together + [MEAN] * together
    covered = np.array(
        [
            [
                low <= truth[k] <= high
                for k in range(2 * together)
                for low, high in [interval(float(mean[k]), found[:, k])]
            ]
            for mean, found in zip(observed, deviations, strict=True)
        ],
        float,
    )
    family = [[min(holm(list(column))) < ALPHA for column in x.T] for x in (p[:-1], p_t)]
    return Seen(p < ALPHA, p_t < ALPHA, np.array(family, float), covered[:, :together], covered[:, together:])


def gather(simulations: int, together: int, permutations: int, share: float, seed: int) -> Seen:
    """All simulations of one effect."""
    rng = np.random.default_rng(seed)
    found = [judge(together, permutations, share, rng) for _ in range(simulations // together)]
    names = ("flips", "t", "family", "covers", "covers_mean")
    return Seen(*(np.concatenate([getattr(one, name) for one in found], axis=1) for name in names))


def spread() -> float:
    """The standard deviation of a question's difference where there is no effect."""
    a, b = simulate(10**6, 1, 0.0, np.random.default_rng(0))
    return float((b - a).std(ddof=1))


def main() -> None:
    """Prints a line a language, of no effect and of one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=4_000)
    parser.add_argument("--permutations", type=int, default=2_000)
    parser.add_argument("--together", type=int, default=50)
    parser.add_argument("--share", type=float, default=0.05)
    given = parser.parse_args()
    start = time.perf_counter()
    names = [*QUESTIONS, "macro"]
    sd = spread()
    print(f"{given.simulations} simulations, {given.permutations} permutations and resamples; true nDCG@10 {MEAN:.4f}")
    for share in (0.0, given.share):
        seen = gather(given.simulations, given.together, given.permutations, share, seed=0)
        print(f"\ntrue difference {share * (1 - MEAN):.4f}")
        print("          questions  flips p<.05  t p<.05  interval covers  of A's mean  detectable")
        for row, name in enumerate(names):
            n = QUESTIONS.get(name, sum(QUESTIONS.values()))
            of_t = f"{seen.t[row].mean():8.1%}" if row < len(QUESTIONS) else "       –"
            least = f"{detectable(n, sd):10.4f}" if row < len(QUESTIONS) else "         –"
            shares = f"{seen.covers[row].mean():15.1%}  {seen.covers_mean[row].mean():11.1%}"
            print(f"{name:8} {n:10,}  {seen.flips[row].mean():11.1%} {of_t}  {shares}  {least}")
        family = " and ".join(f"{x:.1%}" for x in seen.family.mean(axis=1))
        print(f"any language found after Holm, by flips and by t: {family}", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
