"""Passages as vectors: embedded in a Ray batch job, built into sharded FAISS, served as immutable builds, searched."""
