"""How fast texts are embedded: raytrain's embedder against SentenceTransformer.encode, and what is padding.

    .venv/bin/python benchmarks/embed.py --pairs FOLDER [--texts 3000] [--rounds 5] [--threads 2] [--gpu]

The same encoder (a BERT of 4 layers × 128 with random weights; --layers, --hidden), tokenizer, texts (answers of real
pairs of up to --max-len tokens), threads and type, in one process and in turn, now the one first and now the other.
sentence-transformers sorts texts by length as well; its batch is the best of 16, 32, 64 and 128 texts. Given are
medians of texts/s, the ratio of each round, tokens with padding ÷ real ones, and the largest difference between
vectors. Wanted: 1.25 × on a CPU, padding at most 1.1 ×. With --gpu both are in bf16, and tokens/s and MFU are printed
too: an encoder as large as XLM-R base is --layers 12 --hidden 768.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from flops import forward_flops
from real_pairs import LENGTHS, PAD, make_task
from sentence_transformers import SentenceTransformer

from raytrain.config import FromScratch
from raytrain.model.embedder import Embedder
from raytrain.model.encoder import random_backbone
from raytrain.model.tokenizer import encode, tokenizer_json

BATCHES = (16, 32, 64, 128)
H200_FLOPS = 790e12  # bf16, measured by others on large products


def main() -> None:
    """Reads the command line and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="a parquet file, or a folder of them")
    parser.add_argument("--texts", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--max-len", type=int, default=256)
    parser.add_argument("--tokens-per-chunk", type=int, default=16_384)
    parser.add_argument("--gpu", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    lengths = LENGTHS.model_copy(update={"passage_max_len": options.max_len})
    with tempfile.TemporaryDirectory() as temp:
        shape = FromScratch(layers=options.layers, hidden=options.hidden, heads=max(options.hidden // 64, 4))
        task = make_task(
            options.pairs,
            Path(temp),
            lambda vocabulary: random_backbone(shape, vocabulary, PAD, options.max_len, seed=7),
            32_000,
            lengths,
        )
        texts = task.rows().column("answer").to_pylist()[: options.texts]
        ours = Embedder(task.model, lengths, options.tokens_per_chunk, options.threads, options.gpu)
        theirs = SentenceTransformer(str(task.exported), device=str(ours.device))
        if options.gpu:
            theirs.to(torch.bfloat16)
        tokens = encode(tokenizer_json(task.model)[0], texts, "", options.max_len).value_lengths().to_numpy()
        config = theirs[0].auto_model.config
        compare(ours, theirs, texts, options.rounds)
        print(f"{len(texts):,} texts, {tokens.mean():.0f} tokens each, {tokens.sum():,} in all")
        real, padded = ours.tokens
        print(f"padding: {padded / real:.3f} × the real tokens")
        if options.gpu:
            began = time.monotonic()
            ours.passages(texts)
            seconds = time.monotonic() - began
            mfu = forward_flops(config, tokens) / seconds / H200_FLOPS
            print(f"{tokens.sum() / seconds / 1e6:.2f}M tokens/s, MFU {mfu:.1%} of {H200_FLOPS / 1e12:.0f} TFLOP/s")


def compare(ours: Embedder, theirs: SentenceTransformer, texts: list[str], rounds: int) -> None:
    """Prints medians and ratios."""
    seconds: dict[str, list[float]] = {"raytrain": [], **{f"theirs, {size}": [] for size in BATCHES}}
    for number in range(-1, rounds):  # the first is to warm up
        kinds = list(seconds)
        for kind in kinds if number % 2 else kinds[::-1]:
            began = time.monotonic()
            if kind == "raytrain":
                vectors = ours.passages(texts)
            else:
                found = theirs.encode_document(texts, batch_size=int(kind.split()[-1]), show_progress_bar=False)
            if number >= 0:
                seconds[kind].append(time.monotonic() - began)
    for kind, taken in seconds.items():
        print(f"{kind}: {len(texts) / statistics.median(taken):,.0f} texts/s")
    best = min((kind for kind in seconds if kind != "raytrain"), key=lambda kind: statistics.median(seconds[kind]))
    ratios = [other / own for own, other in zip(seconds["raytrain"], seconds[best], strict=True)]
    print(f"raytrain ÷ {best}: {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")
    print(f"largest difference between vectors: {np.abs(vectors - np.asarray(found, np.float32)).max():.1e}")


if __name__ == "__main__":
    main()
