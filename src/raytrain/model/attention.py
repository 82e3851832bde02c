"""Packed attention: texts stand one after the other in one row, without padding, and each sees only itself."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

PACKED = "raytrain_packed"  # its name in transformers, which makes no mask for a name it has no mask function of


@dataclass(frozen=True)
class Packed:
    """n texts of ``total`` tokens in all, none of them empty.

    ``input_ids`` and ``position_ids`` have shape (1, total); text i is ``bounds[i]`` up to ``bounds[i + 1]``, int32
    of shape (n + 1,); no text is longer than ``longest``.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    bounds: torch.Tensor
    longest: int


def pack(input_ids: torch.Tensor, attention_mask: torch.Tensor, first_position: int) -> Packed:
    """Drops the padding of texts (n, length). Positions of each text count from ``first_position``."""
    real = attention_mask.bool()
    positions = real.cumsum(1) + (first_position - 1)
    bounds = torch.nn.functional.pad(real.sum(1).cumsum(0), (1, 0)).int()
    # The width, not the longest text: to ask for that would make the host wait for the device once more.
    return Packed(input_ids[real][None], positions[real][None], bounds, input_ids.shape[1])


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    softcap: float | None = None,
    position_bias: torch.Tensor | None = None,
    s_aux: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function of transformers; query, key and value have shape (1, heads, total, width of a head).

    Gives (1, total, heads, width of a head). ``cu_seq_lens_q`` and ``max_length_q`` are ``Packed.bounds`` and
    ``Packed.longest``. A ``sliding_window`` counts the token itself, as with flash-attention. Raises
    ValueError for attention that it would get wrong.
    """
    causal = getattr(module, "is_causal", False) if is_causal is None else is_causal
    if causal or attention_mask is not None or any(given is not None for given in (softcap, position_bias, s_aux)):
        raise ValueError("packed attention has no causal mask, other mask, bias, cap or sink")
    reach = -1 if sliding_window is None else sliding_window - 1
    # The kernel is for half precision on a GPU and has no dropout.
    if query.is_cuda and query.element_size() == 2 and dropout == 0.0:
        return by_kernel(query, key, value, cu_seq_lens_q, max_length_q, scaling, reach), None
    return by_length(query, key, value, cu_seq_lens_q, dropout, scaling, reach), None


def by_kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds: torch.Tensor,
    longest: int,
    scaling: float | None,
    reach: int,
) -> torch.Tensor:
    """Flash-attention's kernel for texts of any lengths, which PyTorch has; ``reach`` -1 is no window."""
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))
    window = (reach, reach)
    attended = varlen_attn(query, key, value, bounds, bounds, longest, longest, scale=scaling, window_size=window)
    assert isinstance(attended, torch.Tensor)  # it would be a tuple had more been asked
    return attended[None]


@torch.compiler.disable  # type: ignore[untyped-decorator]  # its shapes depend on the lengths
def by_length(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds: torch.Tensor,
    dropout: float,
    scaling: float | None,
    reach: int,
) -> torch.Tensor:
    """The same on any device and in any type: texts of equal length that stand together are one batch.

    In a chunk sorted by length there are few such batches.
    """
    parts, start = [], 0
    for length, texts in groupby(bounds.diff().tolist()):
        count = len(list(texts))
        stop = start + count * length
        q, k, v = (
            states[0, :, start:stop].reshape(-1, count, length, states.shape[-1]).transpose(0, 1)
            for states in (query, key, value)
        )
        mask = _near(length, reach, query.device) if 0 <= reach < length - 1 else None
        attended = scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, scale=scaling)
        parts.append(attended.transpose(1, 2).flatten(0, 1))
        start = stop
    return torch.cat(parts)[None]


def _near(length: int, reach: int, device: torch.device) -> torch.Tensor:
    places = torch.arange(length, device=device)
    return (places[:, None] - places).abs() <= reach


AttentionInterface.register(PACKED, packed_attention)
