"""nDCG@10, MRR@100 and Recall@100 of BM25 on a BEIR folder with one folder a language: the bar beside a trained model.

    .venv/bin/python benchmarks/bm25.py DIR

Lucene's BM25 (k1 1.2, b 0.75), scored like a model: both by raytrain.evaluate.
"""

import sys

from raytrain.evaluate.benchmark import load_benchmark
from raytrain.evaluate.bm25 import rank_bm25
from raytrain.evaluate.metrics import METRICS, score
from raytrain.storage import Location


def main(folder: str) -> None:
    """Prints a line a language."""
    for part in load_benchmark(f"beir:{folder}", None, Location.of):
        scores = score(part.relevant, rank_bm25(part.queries, part.passages)).values()
        means = [f"{metric} {sum(each[metric] for each in scores) / len(scores):.3f}" for metric in METRICS]
        print(f"{part.language}  {len(part.queries):6,} questions  {'  '.join(means)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
