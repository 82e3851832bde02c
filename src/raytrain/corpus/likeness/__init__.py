"""When two texts are the same, or nearly: normal form, shingles, MinHash and exact comparison. Neither ray nor I/O."""
