"""The stages of the chain, one file each: what a stage depends on, and how it is run."""
