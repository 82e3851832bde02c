"""Recall, build time and memory beside autofaiss, within the same budget.

    python3 -m venv other && other/bin/pip install autofaiss==2.18.0 pandas
    other/bin/pip install faiss-cpu==1.10.0 numpy==2.4.6    # against what autofaiss asks for, and it works
    .venv/bin/python benchmarks/index_autofaiss.py DIR --other other/bin/python [--rows 1000000] [--memory-gib 0.25]

autofaiss 2.18 fails with the FAISS that raytrain pins, so it runs in an environment of its own, with an older one. Both
get the same clustered vectors as .npy files, two CPUs and the budget for the index (autofaiss: 2 GB to build it in).
raytrain chooses by `index.kind: auto` and tunes nprobe to a recall of 0.95; autofaiss tunes to 10 ms a question.
Recall@10 is of 500 other vectors against all scores; peaks are sums over all processes (PSS), the interpreter included.
"""

import argparse
import json
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from index_build import PIECE, build, job_of, stages, vectors, watched

from raytrain.index.opening import open_index
from raytrain.pipeline import Task, run
from raytrain.storage import Location

QUESTIONS, K = 500, 10
OTHER = """
import json, sys, time
import faiss
import numpy as np
from autofaiss import build_index
folder, index, budget, asked, found = sys.argv[1:]
began = time.monotonic()
made, infos = build_index(
    folder, save_on_disk=False, max_index_memory_usage=budget, current_memory_available="2GB", metric_type="ip",
    nb_cores=2, verbose=40,
)
faiss.write_index(made, index)
seconds = time.monotonic() - began
questions = np.load(asked)
made.search(questions[:8], 10)
began = time.monotonic()
hits = made.search(questions, 10)[1]
ms = 1_000 * (time.monotonic() - began) / len(questions)
np.save(found, hits)
told = {"kind": infos.get("index_key"), "parameters": infos.get("index_param")}
print(json.dumps({"seconds": seconds, "ms": ms, **told}, default=str))
"""


def recall(hits: np.ndarray, truth: np.ndarray) -> float:
    """The share of the best that was found."""
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(hits, truth, strict=True)]))


def ours(options: argparse.Namespace, asked: np.ndarray, truth: np.ndarray) -> None:
    """Prints the row of raytrain."""
    root = options.dir / "ours"
    made = stages(options.rows, options.dimension)[:3]
    run([Task.of(stage, job_of(options, root)) for stage in made], print)
    seconds, peak = build(options, root)
    (path,) = root.glob("index/*/manifest.json")
    index = open_index(Location.of(str(path.parent)), threads=2)
    index.search(asked[:8], K)
    began = time.monotonic()
    best = index.best(asked, K, index.description.ranges(None))
    ms = 1_000 * (time.monotonic() - began) / len(asked)
    told("raytrain", f"{index.description.kind}, nprobe {index.description.nprobe}", seconds, peak, ms)
    size = sum(file.size for record in index.description.shards for file in record.files)
    print(f"  recall@{K} {recall(best.numbers, truth):.4f}, {size / 2**20:,.0f} MiB with ids")


def other(options: argparse.Namespace, asked: Path, truth: np.ndarray) -> None:
    """Prints the row of autofaiss."""
    folder, index, found = options.dir / "vectors", options.dir / "other.index", options.dir / "found.npy"
    budget = f"{options.memory_gib * 1024:.0f}MB"
    command = [options.other, "-c", OTHER, str(folder), str(index), budget, str(asked), str(found)]
    with (options.dir / "other.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        peak = watched(process)
    result: dict[str, Any] = json.loads((options.dir / "other.log").read_text().splitlines()[-1])
    told("autofaiss", f"{result['kind']}, {result['parameters']}", result["seconds"], peak, result["ms"])
    print(f"  recall@{K} {recall(np.load(found), truth):.4f}, {index.stat().st_size / 2**20:,.0f} MiB")


def told(name: str, kind: str, seconds: float, peak: float, ms: float) -> None:
    """Prints a row."""
    print(f"{name}: {kind}: built in {seconds:.0f} s, peak {peak:,.0f} MiB, {ms:.2f} ms a question at once", flush=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--other", required=True, help="the Python that has autofaiss")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--memory-gib", type=float, default=0.25)
    options = parser.parse_args()
    rest = {"kind": "auto", "shard_rows": 500_000, "workers": 2, "times": 0, "seed": 0, "searching": False}
    vars(options).update(rest)
    folder = options.dir / "vectors"
    folder.mkdir(parents=True, exist_ok=True)
    pieces = -(-options.rows // PIECE)
    bounds = [options.rows * i // pieces for i in range(pieces + 1)]
    asked = vectors(10_000_000, QUESTIONS, options.dimension)
    scores = []
    for number, (start, stop) in enumerate(pairwise(bounds)):
        some = vectors(number, stop - start, options.dimension)
        np.save(folder / f"{number:05d}.npy", some)
        scores.append(asked @ some.T)
    truth = np.argsort(-np.concatenate(scores, axis=1), axis=1)[:, :K]
    np.save(options.dir / "asked.npy", asked)
    other(options, options.dir / "asked.npy", truth)
    ours(options, asked, truth)


if __name__ == "__main__":
    main()
