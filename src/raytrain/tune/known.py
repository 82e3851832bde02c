"""What is known of a trial when another is proposed."""

from dataclasses import dataclass

from raytrain.tune.results import State
from raytrain.tune.space import Params


@dataclass(frozen=True)
class Known:
    """A trial as far as it was known: ``curve`` is (step, value of each objective), in order."""

    number: int
    params: Params
    state: State
    curve: tuple[tuple[int, tuple[float, ...]], ...] = ()
    values: tuple[float, ...] = ()
