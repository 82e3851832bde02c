"""Search for the best settings: spaces, searchers, trials on Ray Tune, and what came out."""
