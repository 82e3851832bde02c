"""How much memory the backward pass needs: what a forward pass leaves behind, measured on one chunk."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

MEASURED_TOKENS = 1_024  # few, so that a large backbone fits beside its weights; a graph grows with its tokens


def kept_tokens(
    encoder: nn.Module, *, graph_gib: float, bf16: bool, length: int, tokens_per_chunk: int, device: torch.device
) -> int:
    """Padded tokens whose graphs fit ``graph_gib`` GiB, for texts up to ``length`` tokens.

    The encoder is as in training, but in fp32 and wrapped by no engine yet; with ``bf16`` the engine halves it, and
    so its graph. Every rank gets the same number if its device is of the same kind.
    """
    held = graph_bytes_per_token(encoder, length, min(tokens_per_chunk, MEASURED_TOKENS), device)
    return int(graph_gib * 2**30 / (held / 2 if bf16 else held))


def graph_bytes_per_token(encoder: nn.Module, length: int, tokens: int, device: torch.device) -> float:
    """Bytes that the graph of a forward pass in training mode holds for each padded token.

    ``encoder`` takes token ids and mask, both (n, length), on the device. Measured on about ``tokens`` tokens of texts
    ``length`` long. Counted is every storage saved for the backward pass, once, but for parameters and buffers, which
    are there anyway. Not counted is what lives during the forward or the backward pass alone. Random state and the
    mode of every part are afterwards what they were.
    """
    count = max(tokens // length, 1)
    ids = torch.full((count, length), 2, device=device)  # any token: memory does not depend on it
    mask = torch.ones_like(ids)
    if length > 1:
        mask[0, -1] = 0  # a chunk without any padding would do without an attention mask
    own = {tensor.untyped_storage().data_ptr() for tensor in (*encoder.parameters(), *encoder.buffers())}
    held: dict[int, torch.UntypedStorage] = {}  # kept alive, so that no address is given out twice

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = storage
        return tensor

    with _training(encoder, device), saved_tensors_hooks(note, lambda tensor: tensor):
        encoder(ids, mask)
    return sum(storage.nbytes() for storage in held.values()) / ids.numel()


@contextmanager
def _training(module: nn.Module, device: torch.device) -> Iterator[None]:
    """With dropout and a graph; random state and each part's mode are put back.

    What is to be compiled is not yet: a compiled graph holds no more, and to compile it for this would take minutes.
    """
    modes = {part: part.training for part in module.modules()}
    module.train()
    try:
        with (
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            torch.compiler.set_stance("force_eager"),
            torch.enable_grad(),
        ):
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode
