"""Passages as vectors: embedded in a Ray batch job, kept in FAISS shards, searched exactly."""
