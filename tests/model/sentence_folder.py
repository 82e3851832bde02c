"""Small folders that sentence-transformers loads, with random weights."""

from pathlib import Path
from typing import Any

from jobs import WORDS
from raytrain.config import FromScratch, Model
from raytrain.model.encoder import random_backbone
from raytrain.model.export import export
from raytrain.model.tokenizer import save_tokenizer, train_tokenizer


def sentence_folder(folder: Path, seed: int = 1, **rules: Any) -> Path:
    """One layer over words of the small corpus; ``rules`` as in ``model`` of a job."""
    plain = folder.with_name(f"{folder.name}-plain")
    plain.mkdir(parents=True)
    tokenizer = train_tokenizer(WORDS, 600)
    save_tokenizer(tokenizer, plain, 32)
    config = FromScratch(layers=1, hidden=32, heads=2)
    random_backbone(config, tokenizer.get_vocab_size(), 0, 32, seed).save_pretrained(plain)
    export(plain, Model(**{"query_max_len": 16, "passage_max_len": 32} | rules), folder)
    return folder
