"""The folder that ``SentenceTransformer(path)`` loads, and the proof that it embeds as training did."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from raytrain.config import Model
from raytrain.errors import UserError
from raytrain.model.embedder import Embedder

TOLERANCE = 1e-4


def export(model: Path, rules: Model, to: Path) -> None:
    """Writes a Hugging Face model folder as a sentence-transformers folder with pooling, prompts and lengths."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(
        str(model),
        max_seq_length=max(rules.query_max_len, rules.passage_max_len),
        query_length=rules.query_max_len,
        document_length=rules.passage_max_len,
    )
    if getattr(transformer.model, "pooler", None) is not None:
        transformer.model.pooler = None  # never trained: it would be saved with random weights
    dimension = int(transformer.model.config.hidden_size)
    exported = SentenceTransformer(
        modules=[transformer, Pooling(dimension, rules.pooling), Normalize()],
        prompts={"query": rules.query_prompt, "document": rules.passage_prompt},
        similarity_fn_name="cosine",
        device="cpu",
    )
    exported.save(str(to), create_model_card=False, safe_serialization=True)


def check_export(model: Path, rules: Model, exported: Path, texts: Sequence[str]) -> float:
    """The largest difference between the embeddings of both folders; UserError if it is above 1e-4."""
    from sentence_transformers import SentenceTransformer

    ours = Embedder(model, rules, tokens_per_chunk=4_096)
    theirs = SentenceTransformer(str(exported), device=str(ours.device))
    differences = [
        np.abs(ours.queries(texts) - theirs.encode_query(list(texts))).max(),
        np.abs(ours.passages(texts) - theirs.encode_document(list(texts))).max(),
    ]
    worst = float(max(differences))
    if not worst <= TOLERANCE:
        raise UserError(f"export: SentenceTransformer embeds {worst:g} away from the trained model; nothing was saved")
    return worst
