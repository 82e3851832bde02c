"""The learning rate as a function of the step alone, so that there is nothing to save."""

import math
from typing import Literal


def learning_rate(
    step: int, *, peak: float, warmup: int, total: int, schedule: Literal["linear", "cosine", "constant"]
) -> float:
    """The rate at a step counted from 0: a linear rise over ``warmup`` steps, then the fall to 0 at ``total``."""
    if step < warmup:
        return peak * (step + 1) / warmup
    if schedule == "constant":
        return peak
    done = (step - warmup) / max(total - warmup, 1)
    return peak * (1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done)))
