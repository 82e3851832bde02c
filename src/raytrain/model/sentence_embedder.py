"""Embedding texts with a sentence-transformers folder of somebody else, as that library does it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer

from raytrain.errors import UserError, one_line
from raytrain.evaluate.models import OtherModel
from raytrain.model.embedder import Vectors

BATCH = {"cpu": 32, "cuda": 128}
TEXTS_AT_ONCE = 2_048  # sorted by length, and told of as progress
SCORED_BY = ("cosine", "dot")


class SentenceEmbedder:
    """Modules, lengths and, unless the job gives others, prompts are those of the folder.

    Vectors are scored by inner product: those of a model that compares by cosine come with length 1. Half precision on
    a GPU, as the trained model.
    """

    def __init__(self, folder: Path, model: OtherModel, threads: int = 1, gpu: bool = False) -> None:
        torch.set_num_threads(threads)  # of this process
        self.device = torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")
        self._name, self._prompts = model.name, (model.query_prompt, model.passage_prompt)
        self._model = _load(folder, model.name, self.device)
        self._unit = self._model.similarity_fn_name == "cosine"
        if self._model.similarity_fn_name not in SCORED_BY:
            raise UserError(
                f"model {model.name}: compares by {self._model.similarity_fn_name} distance, and is not searched here: "
                f"only {' and '.join(SCORED_BY)} are"
            )
        self._model[0].register_forward_pre_hook(self._count)
        self.tokens = (0, 0)  # so far embedded: of the texts, and with padding

    def queries(self, texts: Sequence[str], advance: Callable[[int], None] = lambda n: None) -> Vectors:
        """Vectors of questions, (n, d)."""
        return self._embed(self._model.encode_query, texts, self._prompts[0], advance)

    def passages(self, texts: Sequence[str], advance: Callable[[int], None] = lambda n: None) -> Vectors:
        """Vectors of passages, (n, d)."""
        return self._embed(self._model.encode_document, texts, self._prompts[1], advance)

    def described(self) -> dict[str, Any]:
        """What the report keeps of it: weights, lengths, the modules, prompts and how vectors are compared."""
        return {
            "parameters": sum(weight.numel() for weight in self._model.parameters()),
            "modules": [type(module).__name__ for module in self._model],
            "max_seq_length": self._model.max_seq_length,
            "prompts": dict(self._model.prompts),
            "similarity": self._model.similarity_fn_name,
        }

    def _embed(
        self, encode: Callable[..., Any], texts: Sequence[str], prompt: str | None, advance: Callable[[int], None]
    ) -> Vectors:
        parts = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = list(texts[start : start + TEXTS_AT_ONCE])
            found = encode(some, prompt=prompt, batch_size=BATCH[self.device.type], show_progress_bar=False)
            parts.append(np.asarray(found, np.float32))
            advance(len(some))
        vectors = np.concatenate(parts)
        if self._unit:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return vectors

    def _count(self, module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        features = given[0]
        padded = features["input_ids"].numel() if "input_ids" in features else 0
        real = int(features["attention_mask"].sum()) if "attention_mask" in features else padded
        self.tokens = self.tokens[0] + real, self.tokens[1] + padded


def _load(folder: Path, name: str, device: torch.device) -> SentenceTransformer:
    """Raises UserError for what can't be loaded from safetensors, or not without running code that it brings."""
    half = device.type == "cuda"
    try:
        return SentenceTransformer(
            str(folder),
            device=str(device),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": torch.bfloat16 if half else torch.float32},
        ).eval()
    except (OSError, ValueError, TypeError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"model {name}: brings Python code of its own, which is not run: take a model whose architecture "
                "transformers and sentence-transformers have"
            ) from error
        raise UserError(
            f"model {name}: sentence-transformers can't load it (from safetensors): {one_line(error)}"
        ) from error
