"""The plan of a corpus of 96 million pairs: time and memory to build it, µs a row, and rows read for one used.

    .venv/bin/python benchmarks/plan.py

75 languages as in WebFAQ: English 51 %, a Zipf tail down to some thousand pairs; row groups of 512 rows. Nothing is
read: what would have to be is computed from the plan, round by round as the stream reads.
"""

import pickle
import resource
import time
from collections.abc import Mapping
from typing import Any

from raytrain.plan import Plan, Shards, mix_weights, row_groups_read
from raytrain.train.rounds import Rounds

PAIRS, SHARD_ROWS, ROW_GROUP_ROWS, LANES = 96_000_000, 65_536, 512, 64
SHARES = {"eng": 0.512, "deu": 0.069, "spa": 0.060, "fra": 0.048, "rus": 0.038, "nld": 0.028, "ita": 0.027}
SHARES |= {"jpn": 0.026, "pol": 0.017, "por": 0.017, "tur": 0.015}
# arXiv 2502.20936, fine-tuning: pairs in thousands.
PAPER = dict.fromkeys(["deu", "fra", "ita", "jpn", "nld", "rus", "spa"], 192) | {"eng": 256}
PAPER |= dict.fromkeys(["fas", "pol", "por"], 128)
PAPER |= dict.fromkeys(["ara", "dan", "hin", "ind", "kor", "swe", "tur", "vie", "zho"], 64)


def webfaq() -> dict[str, int]:
    """Pairs of each of 75 languages; those that no paper counts are a Zipf tail."""
    named = list(SHARES) + [name for name in sorted(PAPER) if name not in SHARES]
    names = named + [f"x{i:02d}" for i in range(75 - len(named))]
    tail = {name: 1 / (i + 3) ** 2 for i, name in enumerate(names[len(SHARES) :])}
    rest = (1 - sum(SHARES.values())) / sum(tail.values())
    return {name: int(PAIRS * SHARES.get(name, tail.get(name, 0.0) * rest)) for name in names}


def shards_of(name: str, rows: int) -> Shards:
    """Whole files and a short one."""
    whole, short = divmod(rows, SHARD_ROWS)
    return Shards(name, (SHARD_ROWS,) * whole + ((short,) if short else ()), ROW_GROUP_ROWS)


def build(rows: Mapping[str, int], mix: Mapping[str, float], batch_size: int, batching: Any) -> Plan:
    """A plan from the numbers that a manifest holds."""
    corpus = {name: shards_of(name, n) for name, n in rows.items()}
    return Plan.of(corpus, mix, batch_size=batch_size, lanes=LANES, seed=42, batching=batching)


def overhead(plan: Plan, pairs: int, workers: int, rows_a_round: int) -> float:
    """Rows read for one used, over a run."""
    steps = pairs // plan.batch_size
    lane_rows = -(-plan.lanes // workers) * plan.lane_rows
    rounds = Rounds.of(0, steps, step_rows=lane_rows, world_size=workers, rows=rows_a_round)
    blocks = [rounds.steps(number) for number in range(len(rounds))]
    readings = [row_groups_read(plan, b[0].start, b[-1].stop - b[0].start) for b in blocks]
    wanted = sum(reading.rows_wanted for reading in readings)
    assert wanted == steps * plan.batch_size
    return sum(reading.rows_read for reading in readings) / wanted


def main() -> None:
    """Prints both tables."""
    rows = webfaq()
    by_temperature = mix_weights(rows, temperature=2)
    print(f"{sum(rows.values()):,} pairs, {len(rows)} languages, {min(rows.values()):,} in the smallest")
    print(f"{'mix':<24}{'batches':<14}{'size':>6}{'build s':>9}{'µs a row':>10}{'step 10':>10}{'step 1e7':>10}")
    for name, mix in (("paper, 20", mix_weights({}, weights=PAPER)), ("temperature 2, 75", by_temperature)):
        for batching in ("homogeneous", "mixed"):
            for size in (128, 1024):
                started = time.perf_counter()
                plan = build(rows, mix, size, batching)
                plan.rows_of(range(LANES), 0, 1)
                built, steps = time.perf_counter() - started, 65_536 // size
                plan.rows_of(range(LANES), 0, steps)  # every language has its order by now
                started = time.perf_counter()
                count = sum(len(plan.rows_of(range(LANES), 1000 + i * steps, steps).row) for i in range(10))
                took = time.perf_counter() - started
                ms = [timed(plan, step) for step in (10, 10_000_000)]
                told = f"{built:>9.3f}{took / count * 1e6:>10.3f}{ms[0]:>7.2f} ms{ms[1]:>7.2f} ms"
                print(f"{name:<24}{batching:<14}{size:>6}{told}", flush=True)
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB;", end=" ")
    print(f"a plan pickles to {len(pickle.dumps(plan)) / 1024:.0f} KiB\n")
    print(f"rows read ÷ rows used, {sum(PAPER.values()) * 1000:,} pairs, {LANES} lanes")
    print(
        f"{'mix':<24}{'batches':<14}{'size':>6}{'rows a round':>14}"
        + "".join(f"{f'{w} workers':>12}" for w in (1, 8, 64))
    )
    for name, mix in (("paper, 20", mix_weights({}, weights=PAPER)), ("temperature 2, 75", by_temperature)):
        for batching, size in (("homogeneous", 128), ("homogeneous", 1024), ("mixed", 128)):
            plan = build(rows, mix, size, batching)
            for rows_a_round in (16_384, 65_536, 262_144):
                found = [overhead(plan, sum(PAPER.values()) * 1000, w, rows_a_round) for w in (1, 8, 64)]
                print(
                    f"{name:<24}{batching:<14}{size:>6}{rows_a_round:>14,}" + "".join(f"{x:>12.3f}" for x in found),
                    flush=True,
                )


def timed(plan: Plan, step: int) -> float:
    """Milliseconds to find the rows of one step, all lanes: the best of five."""
    plan.rows_of(range(LANES), step, 1)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        plan.rows_of(range(LANES), step, 1)
        best = min(best, time.perf_counter() - started)
    return best * 1000


if __name__ == "__main__":
    main()
