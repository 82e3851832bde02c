"""The learning rate as a function of the step alone, so that there is nothing to save."""

import math
from typing import Literal


def rate_factor(step: int, *, warmup: int, total: int, schedule: Literal["linear", "cosine", "constant"]) -> float:
    """The share of the peak rate at a step counted from 0, the same for all parameters.

    A linear rise over ``warmup`` steps to 1, then the fall to 0 at ``total``.
    """
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    done = (step - warmup) / max(total - warmup, 1)
    return 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
