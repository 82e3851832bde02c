"""How a model folder is opened to embed texts: small values that travel to the actors which do it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from raytrain.config import Model
from raytrain.evaluate.models import OtherModel

if TYPE_CHECKING:
    import torch

    from raytrain.model.embedder import Vectors


class TextEmbedder(Protocol):
    """An open model, on a device. ``tokens``: so far embedded, those of the texts and those with padding."""

    tokens: tuple[int, int]
    device: "torch.device"

    def queries(self, texts: Sequence[str], advance: Callable[[int], None] = ...) -> "Vectors":
        """Vectors of questions, (n, d), whose inner product with those of passages is the score."""

    def passages(self, texts: Sequence[str], advance: Callable[[int], None] = ...) -> "Vectors":
        """Vectors of passages, (n, d)."""


OpenEmbedder = Callable[[Path, int, bool], TextEmbedder]  # of a model folder, threads, and whether a GPU is given


@dataclass(frozen=True)
class AsTrained:
    """By the rules of the job: its prompts, lengths and pooling."""

    rules: Model
    tokens_per_chunk: int

    def __call__(self, folder: Path, threads: int, gpu: bool) -> TextEmbedder:
        """Raises UserError for a folder that is no model."""
        from raytrain.model.embedder import Embedder

        return Embedder(folder, self.rules, self.tokens_per_chunk, threads, gpu)


@dataclass(frozen=True)
class AsPublished:
    """By the modules and prompts that the folder itself brings, as sentence-transformers runs them."""

    model: OtherModel

    def __call__(self, folder: Path, threads: int, gpu: bool) -> TextEmbedder:
        """Raises UserError for a folder that sentence-transformers can't load, or not without running its code."""
        from raytrain.model.sentence_embedder import SentenceEmbedder

        return SentenceEmbedder(folder, self.model, threads, gpu)
