"""Lanes: the fixed slices of the global batch that ranks own."""


def lanes_of(rank: int, world_size: int, lanes: int) -> range:
    """The lanes that a rank owns: contiguous, and as even as whole lanes allow.

    Raises ValueError if there are more ranks than lanes, for then a rank would have nothing to do.
    """
    if world_size > lanes:
        raise ValueError(f"{world_size} workers need at least {world_size} lanes, and the plan has {lanes}")
    return range(lanes * rank // world_size, lanes * (rank + 1) // world_size)
