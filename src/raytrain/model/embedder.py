"""Embedding texts with a finished model folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from raytrain.config import Model
from raytrain.model.encoder import BiEncoder, load_backbone
from raytrain.model.prepare import prepare_encoder
from raytrain.model.texts import ENOUGH_TOKENS, Texts, cut_packed, cut_padded
from raytrain.model.tokenizer import encode, tokenizer_json

Vectors = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Embedder:
    """A model folder and the rules of the job: prompts, lengths, pooling."""

    def __init__(self, folder: Path, rules: Model, tokens_per_chunk: int, threads: int = 1, gpu: bool = False) -> None:
        torch.set_num_threads(threads)  # of this process
        self._tokenizer, self._pad_id = tokenizer_json(folder)
        self._rules = rules
        self._tokens = tokens_per_chunk
        # A GPU only where the job gave one, as in training: others on the machine may be busy.
        self.device = torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")
        self._encoder = BiEncoder(load_backbone(folder), rules.pooling).to(self.device).eval()
        half = self.device.type == "cuda"
        prepare_encoder(
            self._encoder,
            attention="auto",
            bf16=half,
            device=self.device,
            gradient_checkpointing=False,
            compile=False,
        )
        if half:
            self._encoder.to(torch.bfloat16)
        self.tokens = (0, 0)  # so far embedded: of the texts, and with padding

    def queries(self, texts: Sequence[str], advance: Callable[[int], None] = lambda n: None) -> Vectors:
        """Unit vectors of questions, (n, d)."""
        return self._embed(texts, self._rules.query_prompt, self._rules.query_max_len, advance)

    def passages(self, texts: Sequence[str], advance: Callable[[int], None] = lambda n: None) -> Vectors:
        """Unit vectors of passages, (n, d)."""
        return self._embed(texts, self._rules.passage_prompt, self._rules.passage_max_len, advance)

    def _embed(self, texts: Sequence[str], prompt: str, max_len: int, advance: Callable[[int], None]) -> Vectors:
        tokens = Texts.of(encode(self._tokenizer, texts, prompt, max_len))
        vectors: Vectors | None = None
        for chunk in self._cut(tokens):
            ids, mask = (torch.from_numpy(a).to(self.device) for a in tokens.padded(chunk, self._pad_id))
            with torch.inference_mode():
                part = self._encoder(ids, mask).float().cpu().numpy()
            if vectors is None:
                vectors = np.empty((len(texts), part.shape[1]), np.float32)
            vectors[chunk] = part
            real = int(tokens.lengths[chunk].sum())
            self.tokens = self.tokens[0] + real, self.tokens[1] + (real if self._packed else mask.numel())
            advance(len(chunk))
        assert vectors is not None, "no texts to embed"
        return vectors

    @property
    def _packed(self) -> bool:
        return self._encoder.first_position is not None

    def _cut(self, tokens: Texts) -> list[Ints]:
        if self._packed:
            return cut_packed(tokens.lengths, self._tokens)
        return cut_padded(tokens.lengths, self._tokens, ENOUGH_TOKENS[self.device.type])
