"""Held-out retrieval: benchmarks, exact search, metrics."""
