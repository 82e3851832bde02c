"""The least an engine can be: the module itself, and gradients added up over ranks at the last call."""

import torch
import torch.distributed as dist

from raytrain.train.grad_cache import Output
from raytrain.train.trainee import Trainee


class PlainEngine:
    """For the step alone, in any precision."""

    device = torch.device("cpu")

    def __init__(self, trainee: Trainee) -> None:
        self.trainee = trainee
        self.backwards = 0

    def embed(self, ids: torch.Tensor, mask: torch.Tensor) -> Output:
        found: Output = self.trainee(ids, mask)
        return found

    def backward(self, value: torch.Tensor, last: bool) -> None:
        value.backward()  # type: ignore[no-untyped-call]
        self.backwards += 1
        if last and dist.is_initialized():
            for parameter in self.trainee.parameters():
                assert parameter.grad is not None
                dist.all_reduce(parameter.grad)
