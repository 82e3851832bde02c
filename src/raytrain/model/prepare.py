"""How an encoder computes, chosen before an engine wraps it: attention, gradient checkpointing, torch.compile.

Nothing here changes a weight, or the name of one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn
from transformers import PreTrainedModel

from raytrain.errors import UserError, one_line
from raytrain.model.attention import PACKED
from raytrain.model.encoder import ATTENTION_DROPOUT, BiEncoder

Attention = Literal["auto", "padded", "packed"]

PROBE_LENGTH = 160  # tokens of the longest text compared: more than the windows of local attention
TOLERANCE = 1e-4  # between unit vectors
HALF_TOLERANCE = 3e-2
# GradCache embeds a chunk twice, without a graph and with one, and each is compiled for itself (or not at all, after
# eight kinds of shapes): both must drop out the same, and round the same in bf16, as the plain backbone does.
AS_WRITTEN = {"fallback_random": True, "emulate_precision_casts": True}
UNABLE = (RuntimeError, TypeError, ValueError, LookupError)


def prepare_encoder(
    encoder: BiEncoder,
    *,
    attention: Attention,
    bf16: bool,
    device: torch.device,
    gradient_checkpointing: bool,
    compile: bool,
) -> None:
    """Sets up, in place, an encoder whose weights are in fp32 and on the device.

    Attention ``auto`` is packed on a GPU in bf16, if the backbone can be packed and has no dropout inside attention
    (the kernel has none), else padded. Raises UserError if ``packed`` is asked of a backbone that embeds otherwise
    when packed, for one whose vectors depend on padding, for gradient checkpointing of one that has none, and where
    nothing can be compiled.
    """
    _check_padding(encoder, device)
    half_on_gpu = bf16 and device.type == "cuda"
    if attention == "packed" or (attention == "auto" and half_on_gpu and not _attention_dropout(encoder.backbone)):
        refusal = _pack(encoder, device, half_on_gpu)
        if refusal and attention == "packed":
            name = type(encoder.backbone).__name__
            raise UserError(f"train.attention: {name} can't be packed ({refusal}): set it to padded")
    if gradient_checkpointing:
        _checkpoint_layers(encoder.backbone)
    if compile:
        _check_compiler(device)
        encoder.backbone.compile(dynamic=True, options=AS_WRITTEN)


def _check_padding(encoder: BiEncoder, device: torch.device) -> None:
    """Raises UserError if a text's vector depends on what it is padded with: losses would depend on chunks."""
    pad_id = encoder.backbone.config.pad_token_id or 0
    ids, mask = _probe(encoder, pad_id, device)
    length = int(mask[1].sum())
    with _no_training(encoder):
        worst = float((encoder(ids, mask)[1] - encoder(ids[1:2, :length], mask[1:2, :length])[0]).abs().max())
    if worst > TOLERANCE:
        name = type(encoder.backbone).__name__
        raise UserError(
            f"model: {name} embeds a text otherwise if it is padded ({worst:.2g} away), so its vectors depend on the "
            "texts beside it: take another backbone (BERT, XLM-R and ModernBERT do not)"
        )


def _attention_dropout(backbone: PreTrainedModel) -> float:
    return max(getattr(backbone.config, name, 0.0) for name in ATTENTION_DROPOUT)


def _pack(encoder: BiEncoder, device: torch.device, half: bool) -> str:
    """Packs the encoder if its embeddings stay what they are; else leaves it padded and says why, in one line."""
    backbone = encoder.backbone
    before = backbone.config._attn_implementation
    pad_id = backbone.config.pad_token_id or 0
    ids, mask = _probe(encoder, pad_id, device)
    refusal = "its attention can't be replaced"
    with _no_training(encoder):
        padded = encoder(ids, mask)
        backbone.set_attn_implementation(PACKED)
        starts = (0, pad_id + 1) if backbone.config._attn_implementation == PACKED else ()
        for first_position in starts:
            encoder.first_position = first_position
            try:
                refusal = _difference(encoder(ids, mask), padded, TOLERANCE)
                if not refusal and half:  # the kernel that training uses
                    with torch.autocast(device.type, torch.bfloat16):
                        refusal = _difference(encoder(ids, mask), padded, HALF_TOLERANCE)
            except torch.OutOfMemoryError:
                raise  # says nothing of whether it can
            except UNABLE as error:
                refusal = one_line(error)
            if not refusal:
                return ""
        encoder.first_position = None
        backbone.set_attn_implementation(before)
    return refusal


def _probe(encoder: BiEncoder, pad_id: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask of texts of one token, of equal length and, if the backbone takes it, of ``PROBE_LENGTH``."""
    config = encoder.backbone.config
    longest = min(PROBE_LENGTH, getattr(config, "max_position_embeddings", PROBE_LENGTH) - pad_id - 1)
    lengths = torch.tensor([1, (longest + 1) // 2, (longest + 1) // 2, longest])
    mask = (torch.arange(longest) < lengths[:, None]).long()
    ids = torch.arange(mask.numel()).reshape(mask.shape) * 7 % config.vocab_size
    ids[ids == pad_id] = (pad_id + 1) % config.vocab_size
    return torch.where(mask == 1, ids, pad_id).to(device), mask.to(device)


def _difference(packed: torch.Tensor, padded: torch.Tensor, tolerance: float) -> str:
    worst = float((packed - padded).abs().max())
    return "" if worst <= tolerance else f"its embeddings would be {worst:.2g} away from the padded ones"


@contextmanager
def _no_training(module: nn.Module) -> Iterator[None]:
    """Without dropout and without a graph; each part is afterwards in the mode that it was in."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _checkpoint_layers(backbone: PreTrainedModel) -> None:
    try:
        backbone.activation_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise UserError(f"train.gradient_checkpointing: {one_line(error)} Set it to false") from error
    # transformers lets embeddings ask for a gradient, for models of which only adapters are trained.
    backbone.disable_input_require_grads()


def _check_compiler(device: torch.device) -> None:
    """Compiles three operations: some seconds, and an error now is better than one in the first step."""
    try:
        torch.compile(lambda x: (2 * x).sin(), dynamic=True)(torch.ones(8, device=device))
    except RuntimeError as error:  # what all errors of the compiler are
        raise UserError(
            "train.compile: nothing can be compiled here: install a C++ compiler (g++) and Python's headers "
            f"(python3-dev) on every worker, or set it to false: {one_line(error)}"
        ) from error
