"""Held-out retrieval: benchmarks, BM25, metrics, run files."""
