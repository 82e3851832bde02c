"""The corpus: raw pairs in, a shuffled and accounted corpus out."""
