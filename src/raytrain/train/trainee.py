"""What is trained: the bi-encoder, and the temperatures that losses learn."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from raytrain.losses.config import MIN_TEMPERATURE, Loss, learned_temperatures
from raytrain.model.encoder import BiEncoder, widened


class Temperatures(nn.Module):
    """Learned temperatures, ``MIN_TEMPERATURE`` + exp(θ) each: above the floor, and never stuck at it."""

    def __init__(self, starts: Sequence[float]) -> None:
        super().__init__()
        # One parameter each, since each has its own learning rate.
        self.logs = nn.ParameterList(torch.tensor([math.log(start - MIN_TEMPERATURE)]) for start in starts)
        self.none: torch.Tensor
        self.register_buffer("none", torch.empty(0), persistent=False)

    def forward(self) -> torch.Tensor:
        """Shape (k,), one for each term that learns its own; fp32 whatever the engine's type."""
        return MIN_TEMPERATURE + widened(torch.cat(list(self.logs))).exp() if len(self.logs) else self.none


class Trainee(nn.Module):
    """Encoder and temperatures in one module: whatever shards it, the forward pass has both in whole."""

    def __init__(self, encoder: BiEncoder, losses: Mapping[str, Loss]) -> None:
        super().__init__()
        self.encoder = encoder
        self.temperatures = Temperatures([learned.start for learned in learned_temperatures(losses).values()])

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask, both (n, length), to unit vectors (n, d) and the learned temperatures (k,)."""
        return self.encoder(input_ids, attention_mask), self.temperatures()
