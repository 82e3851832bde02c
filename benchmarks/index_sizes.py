"""What an index of 96 million passages takes, by arithmetic: nothing is built.

    .venv/bin/python benchmarks/index_sizes.py [--rows 96000000] [--dimension 768] [--memory-gib 320]

Prints the table of docs/index-sizes.md.
"""

import argparse

from raytrain.index.kinds import Kind, bytes_of, code_bytes, sample_rows
from raytrain.index.quantizer import ITERATIONS

GB = 1e9
CPU, GPU = 1e12, 30e12  # FLOP/s in single precision that are assumed of a node with 32 cores, and of a GPU
LISTS = 262_144
KINDS = [
    Kind(None, None, "Flat"),
    Kind(None, LISTS, "Flat"),
    Kind(None, LISTS, "SQ8"),
    Kind("OPQ96", LISTS, "PQ96"),
    Kind("OPQ64", LISTS, "PQ64"),
]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=96_000_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--memory-gib", type=float, default=320.0, help="that the sample may take half of")
    options = parser.parse_args()
    rows, dimension = options.rows, options.dimension
    print("| kind | GB | GB a shard of 1M | sample | k-means, PFLOP | assigning, PFLOP | hours on CPUs | on a GPU |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        count = sample_rows(kind, rows, dimension, int(options.memory_gib * 2**30))
        learning = 2 * ITERATIONS * count * (kind.lists or 0) * dimension
        assigning = 2 * rows * (kind.lists or 0) * dimension
        hours = [f"{(learning + assigning) / speed / 3_600:.1f}" if kind.lists else "0" for speed in (CPU, GPU)]
        cells = [
            f"`{kind.factory}`",
            f"{bytes_of(kind, rows, dimension) / GB:.1f}",
            f"{1e6 * code_bytes(kind, dimension) / GB:.2f}",
            f"{count / 1e6:.1f}M = {4 * count * dimension / GB:.1f} GB" if count else "none",
            f"{learning / 1e15:,.1f}",
            f"{assigning / 1e15:,.1f}",
            *hours,
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
