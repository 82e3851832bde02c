"""MRR@100 of BM25 on a BEIR folder, or on one folder a language: the bar beside a trained model.

    .venv/bin/python benchmarks/bm25.py DIR

Lucene's BM25 (k1 1.2, b 0.75) by bm25s over lower-cased words; scored like a model, by raytrain.evaluate.
"""

import sys

import bm25s

from raytrain.evaluate.benchmark import Retrieval, load_benchmark
from raytrain.evaluate.ranking import DEPTH, reciprocal_ranks
from raytrain.storage import Location


def mrr(part: Retrieval) -> float:
    """Mean reciprocal rank at 100 of all questions."""
    retriever = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    retriever.index(
        bm25s.tokenize(list(part.passages.values()), stopwords=None, show_progress=False), show_progress=False
    )
    tokens = bm25s.tokenize(list(part.queries.values()), stopwords=None, show_progress=False)
    ids = list(part.passages)
    found, scores = retriever.retrieve(tokens, k=min(DEPTH, len(ids)), show_progress=False)
    hits = {
        query: [(ids[i], float(score)) for i, score in zip(row, values, strict=True) if score > 0]
        for query, row, values in zip(part.queries, found, scores, strict=True)
    }
    ranks = reciprocal_ranks(part.relevant, hits)
    return sum(ranks.values()) / len(ranks)


def main(folder: str) -> None:
    """Prints a line a language."""
    for part in load_benchmark(f"beir:{folder}", None, Location.of):
        print(f"{part.language}  {len(part.queries):6,} questions  MRR@{DEPTH} {mrr(part):.3f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
