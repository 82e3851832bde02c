"""How many trials it takes to come within 2 % of the best mix of five languages: TPE against random search.

The objective is made up: 1 at the optimum, falling with the square of the distance. Medians over seeds, and quartiles.

    python benchmarks/tune_search.py [SEEDS]
"""

import statistics
import sys

import numpy as np

from raytrain.tune.config import Dimension, Search
from raytrain.tune.known import Known
from raytrain.tune.search import propose
from raytrain.tune.space import Space

MIX = "train.mix.weights"
LANGUAGES = ["ara", "deu", "eng", "fra", "spa"]
SPACE = Space({MIX: Dimension(dirichlet=dict.fromkeys(LANGUAGES, 1.0))})
OPTIMA = {"off-centre": (0.05, 0.5, 0.1, 0.3, 0.05), "corner": (0.9, 0.025, 0.025, 0.025, 0.025), "centre": (0.2,) * 5}
GOAL, MOST = 0.98, 400


def trials_until(kind: str, seed: int, optimum: tuple[float, ...]) -> int:
    """Trials until the goal; MOST if it is not reached."""
    search, known = Search(kind=kind, seed=seed), []
    for number in range(1, MOST + 1):
        params = propose(SPACE, search, 1, number, known)
        shares = np.array(list(SPACE.settings(params)[MIX].values()))
        value = 1 - 2 * float(np.sum((shares - np.array(optimum)) ** 2))
        if value >= GOAL:
            return number
        if kind == "tpe":
            known.append(Known(number, params, "finished", ((1, (value,)),), (value,)))
    return MOST


def main() -> None:
    """Prints a line for each optimum."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for name, optimum in OPTIMA.items():
        counts = {kind: [trials_until(kind, seed, optimum) for seed in range(seeds)] for kind in ("tpe", "random")}
        medians = {kind: statistics.median(found) for kind, found in counts.items()}
        spread = {kind: "{:.0f} to {:.0f}".format(*np.percentile(found, [25, 75])) for kind, found in counts.items()}
        ratio = medians["tpe"] / medians["random"]
        told = ", ".join(f"{kind} {medians[kind]:.0f} ({spread[kind]})" for kind in counts)
        print(f"{name}: {told}: ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
