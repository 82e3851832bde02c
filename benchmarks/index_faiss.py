"""Building and searching an index against bare FAISS calls.

    .venv/bin/python benchmarks/index_faiss.py [--rows 400000] [--dimension 128] [--kind IVF1024,Flat] [--rounds 5]

Clustered vectors of unit length, the same for both, in the same files of 65,536; threads are equal; everything is in
one process and in turn, and ends on the disk (fsync). Bare: the files are loaded, an index is trained on the same
sample, ``add``, ``write_index``; then ``read_index`` and ``search``. Ours: a quantizer, and a shard of which every
input is compared with its hash, written with its ids, read back and hashed; searched with ties seen whole. The row
"add" leaves out training and, of bare FAISS, loading. Wanted: at least 0.95 × of bare FAISS.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from embedded import embedded, opened  # what tests make embeddings with
from raytrain.index.backend import Vectors, faiss_module
from raytrain.index.description import Description
from raytrain.index.embeddings import Embeddings
from raytrain.index.kinds import choose
from raytrain.index.quantizer import ITERATIONS, SEED, Quantizer, load_quantizer, sample, sample_rows, train_quantizer
from raytrain.index.shards import build_shard, plan_shards
from raytrain.storage import Location

QUESTIONS, K = 2_000, 10


def vectors(seed: int, rows: int, dimension: int) -> Vectors:
    """Around 1,000 centres, of length 1."""
    centres = np.random.default_rng(7).standard_normal((1_000, dimension)).astype(np.float32)
    rng = np.random.default_rng(seed)
    found = centres[rng.integers(0, len(centres), rows)]
    found += np.float32(0.6) * rng.standard_normal((rows, dimension), np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def told(name: str, ours: list[float], bare: list[float]) -> None:
    """Prints seconds and the ratio of each round."""
    ratios = [b / o for o, b in zip(ours, bare, strict=True)]
    print(
        f"{name}: ours {statistics.median(ours):.2f} s, bare {statistics.median(bare):.2f} s, "
        f"ours × bare {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})",
        flush=True,
    )


def against_faiss(options: argparse.Namespace, embeddings: Embeddings, temp: Path) -> None:
    """Prints the rows of building, adding and searching."""
    faiss = faiss_module(options.threads)
    kind = choose(options.kind, embeddings.rows, embeddings.dimension, 2**36, None).kind
    place = Location.of(str(temp / "ours"))
    count = 64 * (kind.lists or 0)
    (shard,) = plan_shards(embeddings.rows, embeddings.rows)
    files = [embeddings.artifact.location.local_path / piece.vectors for piece in embeddings.pieces]
    times: dict[str, dict[str, list[float]]] = {row: {"ours": [], "bare": []} for row in ("build", "add")}
    quantizer: Quantizer | None = None
    for number in range(options.rounds):
        for who in ("ours", "bare") if number % 2 else ("bare", "ours"):
            began = time.monotonic()
            if who == "ours":
                if not kind.exact:
                    learned = train_quantizer(kind, sample(embeddings, count), place, options.threads)
                    quantizer = load_quantizer(place, learned.file)
                trained = time.monotonic()
                record = build_shard(shard, embeddings, quantizer, place, options.threads)
            else:
                loaded = np.concatenate([np.load(file) for file in files])
                index = faiss.index_factory(options.dimension, kind.factory, faiss.METRIC_INNER_PRODUCT)
                trained = time.monotonic()
                if not kind.exact:
                    ivf = faiss.extract_index_ivf(index)
                    ivf.cp.niter, ivf.cp.seed = ITERATIONS, SEED
                    index.train(loaded[sample_rows(embeddings, count)])
                    trained = time.monotonic()
                index.add(loaded)
                written = temp / "bare.faiss"
                faiss.write_index(index, str(written))
                with written.open("rb") as file:
                    os.fsync(file.fileno())
                del loaded, index
            ended = time.monotonic()
            times["build"][who].append(ended - began)
            times["add"][who].append(ended - trained)
    told("build", **times["build"])
    told("add", **times["add"])
    nprobe = None if kind.exact else options.nprobe
    file = quantizer.file if quantizer else None
    ours = opened(place, Description.of(kind.factory, options.dimension, file, nprobe, [record], embeddings.spans))
    faiss_module(options.threads)  # opening sets them
    bare = faiss.read_index(str(temp / "bare.faiss"))
    if nprobe:
        faiss.extract_index_ivf(bare).nprobe = nprobe
    asked = vectors(2, QUESTIONS, options.dimension)
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(-1, options.rounds):
        for who in ("ours", "bare") if number % 2 else ("bare", "ours"):
            began = time.monotonic()
            if who == "ours":
                ours.best(asked, K, [(0, embeddings.rows)])
            else:
                bare.search(asked, K)
            if number >= 0:
                took[who].append(time.monotonic() - began)
    told(f"search {QUESTIONS:,} questions", **took)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--kind", default="IVF1024,Flat")
    parser.add_argument("--nprobe", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        temp = Path(name)
        ids = [f"p{i:08d}" for i in range(options.rows)]
        embeddings = embedded(
            temp / "embed", {"eng": (ids, vectors(1, options.rows, options.dimension))}, piece_rows=65_536
        )
        against_faiss(options, embeddings, temp)


if __name__ == "__main__":
    main()
