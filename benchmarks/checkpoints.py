"""What checkpoints cost that are written beside training: blocks of steps with one against blocks without.

    .venv/bin/python benchmarks/checkpoints.py --pairs FOLDER [--root FOLDER | s3://bucket/prefix] [--steps 50]

One process, a single rank, takes blocks of ``--steps`` steps in turn, now the one kind first and now the other. A
block of the one kind begins with a checkpoint and ends when that is committed and the one before the last is deleted;
so all that it costs is in the block: copying the state, writing and hashing it beside the steps with the ledger and
the metrics of a block, and waiting, if the steps were too quick for it. The encoder is a BERT of 4 layers × 128 with
random weights and 32,000 words; pairs are those of benchmarks/step.py. Given is the ratio of each block to the one
without beside it: the median, and the range. Wanted: at most 1.05.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from real_pairs import LENGTHS, make_task, small_bert
from trainers import Raytrain

from raytrain.cluster import cpus_here
from raytrain.storage import Location
from raytrain.train.checkpoint import committed_steps, prune
from raytrain.train.ledger import Ledger
from raytrain.train.rank_batch import RankBatch
from raytrain.train.saving import Part, Saving
from raytrain.train.step import take_step


def main() -> None:
    """Reads the command line and prints the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="a parquet file, or a folder of them")
    parser.add_argument("--root", help="where checkpoints go; default: a temporary folder")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=50, help="of a block")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each kind")
    parser.add_argument("--threads", type=int, default=cpus_here(), help="of the steps; default: all")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as temp:
        task = make_task(options.pairs, Path(temp), small_bert(0.1, LENGTHS), 32_000, LENGTHS, distinct=False)
        batches = task.batches(options.batch_size)
        made = [batches.batch(step) for step in range(options.steps)]
        trainer = Raytrain(task, options.batch_size, 2_048, 2.0)
        measure(trainer, made, Location.of(options.root or f"{temp}/run"), options.rounds)
    dist.destroy_process_group()


def measure(trainer: Raytrain, batches: list[RankBatch], run: Location, rounds: int) -> None:
    """Prints seconds of the blocks, and the ratios."""
    engine, rules = trainer.start()
    ledger = Ledger(0)
    for batch in batches:
        ledger.add(batch)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    size = 0
    with Saving(run, [], lambda checkpoint: prune(run, committed_steps(run)[-2:])) as saving:
        for number in range(-1, rounds):  # the first round is to warm up
            for with_one in (False, True) if number % 2 else (True, False):
                began = time.monotonic()
                if with_one:
                    state = engine.state()
                    size = sum(tensor.nbytes for tensor in state.values())
                    first = (number + 1) * len(batches)
                    lines = {"metrics.jsonl": [{"step": first + i, "loss": 0.5} for i in range(len(batches))]}
                    saving.save(Part(first, first + len(batches), 0, state, ledger.table(), lines))
                    del state
                for batch in batches:
                    take_step(engine, batch, rules)
                    engine.step(1.0)
                    saving.check()
                saving.wait()
                if number >= 0:
                    seconds[with_one].append(time.monotonic() - began)
    ratios = [one / none for one, none in zip(seconds[True], seconds[False], strict=True)]
    block = f"{len(batches)} steps, {statistics.median(seconds[False]):.1f} s"
    print(f"blocks of {block}; {size / 2**20:.0f} MiB a checkpoint")
    print(f"with ÷ without: {statistics.median(ratios):.3f} ({min(ratios):.3f}–{max(ratios):.3f})")


if __name__ == "__main__":
    main()
