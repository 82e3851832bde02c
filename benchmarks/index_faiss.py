"""Building and searching an index against bare FAISS calls.

    .venv/bin/python benchmarks/index_faiss.py [--rows 400000] [--dimension 128] [--kind IVF1024,Flat] [--rounds 5]

Clustered vectors of unit length, the same for both; threads are equal; everything is in one process and in turn.
Bare: a trained index, ``add``, ``write_index``; then ``read_index`` and ``search``. Ours: a shard built from
embeddings (which are read and compared with their hashes), checked and written with its ids, and searched with ties
seen whole. The training of the quantizer is the same call and left out. Wanted: at least 0.95 × of bare FAISS.
"""

import argparse
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
from raytrain.index.quantizer import Quantizer, load_quantizer, sample, train_quantizer
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


def against_faiss(options: argparse.Namespace, embeddings: Embeddings, everything: Vectors, temp: Path) -> None:
    """Prints the rows of building and searching."""
    faiss = faiss_module(options.threads)
    kind = choose(options.kind, embeddings.rows, embeddings.dimension, 2**36, None).kind
    place = Location.of(str(temp / "ours"))
    quantizer: Quantizer | None = None
    trained = faiss.IndexFlatIP(options.dimension)
    if not kind.exact:
        file = train_quantizer(kind, sample(embeddings, 64 * (kind.lists or 1)), place, options.threads).file
        quantizer = load_quantizer(place, file)
        trained = quantizer.index
    (shard,) = plan_shards(embeddings.rows, embeddings.rows)
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(options.rounds):
        for who in ("ours", "bare") if number % 2 else ("bare", "ours"):
            began = time.monotonic()
            if who == "ours":
                record = build_shard(shard, embeddings, quantizer, place, options.threads)
            else:
                index = faiss.clone_index(trained)
                index.add(everything)
                faiss.write_index(index, str(temp / "bare.faiss"))
            times[who].append(time.monotonic() - began)
    told("build", times["ours"], times["bare"])
    nprobe = None if kind.exact else options.nprobe
    file = quantizer.file if quantizer else None
    ours = opened(place, Description.of(kind.factory, options.dimension, file, nprobe, [record], embeddings.spans))
    faiss_module(options.threads)  # opening sets them
    bare = faiss.read_index(str(temp / "bare.faiss"))
    if nprobe:
        faiss.extract_index_ivf(bare).nprobe = nprobe
    asked = vectors(2, QUESTIONS, options.dimension)
    times = {"ours": [], "bare": []}
    for number in range(-1, options.rounds):
        for who in ("ours", "bare") if number % 2 else ("bare", "ours"):
            began = time.monotonic()
            if who == "ours":
                ours.best(asked, K, [(0, embeddings.rows)])
            else:
                bare.search(asked, K)
            if number >= 0:
                times[who].append(time.monotonic() - began)
    told(f"search {QUESTIONS:,} questions", times["ours"], times["bare"])


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
        everything = vectors(1, options.rows, options.dimension)
        ids = [f"p{i:08d}" for i in range(options.rows)]
        embeddings = embedded(temp / "embed", {"eng": (ids, everything)}, piece_rows=65_536)
        against_faiss(options, embeddings, everything, temp)


if __name__ == "__main__":
    main()
