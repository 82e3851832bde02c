"""Peak memory of a step with a fixed budget of tokens a chunk and no graph kept: a + b · (pairs of the batch)?

    .venv/bin/python benchmarks/step_memory.py --pairs FOLDER [--batch-sizes 256 1024 8192] [--tokens-per-chunk 1024]

The encoder is a BERT of 4 layers × 64 with random weights: small, since the memory of the step is asked for, but deep
enough that the peak is on the way back, where a chunk's graph is held, in all three batches. (Were it in scoring for
the largest alone, two lines would be measured, one steeper than the other.)

Each batch has a process of its own, which takes small steps first, so that gradients, moments and thread pools are
there. Then its resident memory is read, and its peak during one step of the batch. The batch's token ids are made
before. glibc is told to give large blocks back at once (MALLOC_MMAP_THRESHOLD_), so that resident is what is held.
Given is the median of ``--repeats`` processes, with other rows each.

What is bounded must be at its bound in the smallest batch already, else the line is too steep and hides what grows
faster. So chunks are small, and so are the scores held at a time: SCORES_AT_ONCE is set to ``SCORES`` in the processes
that measure, where a block has the least number of rows from 256 pairs on.

The line through the two smallest batches is held against the largest: measured ÷ fitted is wanted within 0.95 and 1.05.
And what the largest adds is held against what must grow: a vector of each text, and its gradient.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from real_pairs import LENGTHS, Task, make_task, small_bert
from trainers import Raytrain
from turns import MIB, in_use, peak, reset_peak

from raytrain.train.scoring import SCORES_AT_ONCE
from raytrain.train.step import take_step

# glibc's, read when a process starts; and Arrow's pools, which hold on to what they had.
ALLOCATION = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
HIDDEN = 64
SCORES = 256 * HIDDEN  # a block has at least as many rows as vectors are wide: from 256 passages on no more
WARM = 64  # pairs of a first step


def step_peak(task: Task, size: int, tokens_per_chunk: int, repeat: int, threads: int) -> float:
    """MiB that a step of ``size`` pairs needs beyond what the process had."""
    torch.set_num_threads(threads)
    SCORES_AT_ONCE["cpu"] = SCORES
    ours = Raytrain(task, size, tokens_per_chunk, graph_gib=0.0)
    engine, rules = ours.start()
    few, batches = task.batches(WARM), task.batches(size)
    for step in range(2):
        take_step(engine, few.batch(step), rules)
        engine.step(1.0)
    batch = batches.batch(repeat)
    before = in_use()
    reset_peak()
    taken = take_step(engine, batch, rules)
    engine.step(1.0)
    assert taken.kept == 0, taken
    return peak() - before


def line(sizes: Sequence[float], peaks: Sequence[float]) -> tuple[float, float]:
    """a and b of the line a + b · size through two points."""
    (x, y), (p, q) = sizes, peaks
    slope = (q - p) / (y - x)
    return p - slope * x, slope


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="a parquet file, or a folder of them")
    parser.add_argument("--batch-sizes", type=int, nargs=3, default=[256, 1_024, 8_192])
    parser.add_argument("--tokens-per-chunk", type=int, default=1_024)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    os.environ |= ALLOCATION | {"OMP_NUM_THREADS": str(options.threads)}
    found: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        task = make_task(options.pairs, Path(folder), small_bert(0.1, LENGTHS, HIDDEN), 8_000)
        for size in options.batch_sizes:
            peaks = []
            for repeat in range(options.repeats):
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                    args = (task, size, options.tokens_per_chunk, repeat, options.threads)
                    peaks.append(process.submit(step_peak, *args).result())
            found[size] = statistics.median(peaks)
            print(f"{size:6,} pairs: {found[size]:7.1f} MiB ({min(peaks):.1f}–{max(peaks):.1f})", flush=True)
    sizes = options.batch_sizes
    a, b = line(sizes[:2], [found[size] for size in sizes[:2]])
    fitted = a + b * sizes[2]
    least = 2 * 2 * HIDDEN * 4  # question and answer, vector and gradient, fp32
    print(f"{a:.1f} MiB + {b * MIB:,.0f} bytes a pair")
    print(f"at {sizes[2]:,}: measured {found[sizes[2]]:.1f} MiB ÷ fitted {fitted:.1f} = {found[sizes[2]] / fitted:.3f}")
    _, b = line(sizes[1:], [found[size] for size in sizes[1:]])
    print(
        f"from {sizes[1]:,} to {sizes[2]:,} pairs: {b * MIB:,.0f} bytes a pair; two vectors and their "
        f"gradients are {least:,} of them ({least / (b * MIB):.0%})"
    )


if __name__ == "__main__":
    main()
