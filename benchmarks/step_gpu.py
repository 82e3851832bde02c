"""A step of an encoder as large as XLM-R base on one GPU: tokens/s, MFU, memory, where the time goes. Without Ray.

    python benchmarks/step_gpu.py --pairs FOLDER
    python benchmarks/step_gpu.py --pairs FOLDER --tiny          on a CPU, to see that it runs

Pairs are parquet files with the columns ``question`` and ``answer``. The encoder has random weights, 12 layers × 768
and 250,002 tokens; the tokenizer is trained on the pairs, with 32,000 tokens, so that lengths are those of real text:
questions end at 64 tokens, answers at 256. Attention has no dropout, the rest 0.1, on both sides. One process a kind,
one after the other: a step to warm up, ``--steps`` that count, one under the profiler.

raytrain trains in bf16 with fp32 masters, with attention packed and padded. sentence-transformers trains with its
CachedMultipleNegativesRankingLoss under bf16 autocast, with each of ``--mini-batches`` rows.

MFU is training FLOPs of real tokens (flops.py: no padding, no second forward pass) ÷ seconds ÷ ``--peak-tflops``, by
default what an H200 was measured to do in bf16.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from flops import by_kind, training_flops
from real_pairs import LENGTHS, PAD, Task, make_task
from trainers import Raytrain, SentenceTransformers
from transformers import PreTrainedModel, XLMRobertaConfig, XLMRobertaModel
from turns import Trainer, Turn, playing

SHAPE = {"num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3_072}
TINY = {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 256}
VOCABULARY, TINY_VOCABULARY = 250_002, 9_000
KERNELS = 15  # lines of the table


def backbone(tiny: bool) -> PreTrainedModel:
    """An encoder like XLM-R with random weights."""
    return XLMRobertaModel(
        XLMRobertaConfig(
            **(TINY if tiny else SHAPE),
            vocab_size=TINY_VOCABULARY if tiny else VOCABULARY,
            max_position_embeddings=LENGTHS.passage_max_len + PAD + 1,  # positions are counted from the padding id on
            type_vocab_size=1,
            pad_token_id=PAD,
            attention_probs_dropout_prob=0.0,
        ),
        add_pooling_layer=False,
    )


def kinds_of(options: argparse.Namespace, task: Task) -> dict[str, Trainer]:
    """What is measured, by name."""
    device = "cpu" if options.tiny else "cuda"
    kinds: dict[str, Trainer] = {
        f"raytrain, {attention}": Raytrain(
            task,
            options.batch_size,
            options.tokens_per_chunk,
            options.graph_gib,
            device=device,
            bf16=True,
            attention=attention,
        )
        for attention in options.attention
    }
    for rows in options.mini_batches:
        kinds[f"sentence-transformers, {rows} rows"] = SentenceTransformers(
            task, options.batch_size, mini_batch=rows, loader_workers=options.loaders, device=device, bf16=True
        )
    return kinds


def measure(trainer: Trainer, options: argparse.Namespace) -> tuple[Turn, Turn]:
    """The turn that counts, and the profiled one."""
    with playing([trainer], options.threads) as (player,):
        player.turn(1)
        return player.turn(options.steps), player.turn(1, profiled=True)


def show(name: str, turns: tuple[Turn, Turn], work: tuple[float, float], options: argparse.Namespace) -> None:
    """Prints a line with speeds, and where the time of the profiled step went. ``work``: tokens and FLOPs a step."""
    counted, profiled = turns
    tokens, flops = work
    seconds = counted.seconds / options.steps
    rate = flops / seconds / 1e12
    print(
        f"\n{name}: {seconds:.3f} s a step, {options.batch_size / seconds:,.0f} pairs/s, "
        f"{tokens / seconds:,.0f} tokens/s, {rate:.2f} TFLOP/s, MFU {rate / options.peak_tflops:.1%}, "
        f"peak {counted.peak / 1024:.2f} GiB ({counted.before / 1024:.2f} before the first step)"
    )
    busy = sum(profiled.kernels.values()) / 1e6
    print(f"  profiled: {profiled.seconds:.3f} s, kernels {busy:.3f} s")
    for kind, time in by_kind(profiled.kernels).items():
        print(f"    {time / 1e6 / busy:6.1%}  {kind}")
    largest = sorted(profiled.kernels.items(), key=lambda item: -item[1])[:KERNELS]
    for kernel, time in largest:
        print(f"    {time / 1e6 / busy:6.1%}  {time / 1e3:10.2f} ms  {kernel[:100]}")


def work_of(task: Task, config: Any, options: argparse.Namespace) -> tuple[float, float]:
    """Real tokens and training FLOPs of a step, the mean over those that count."""
    batches = task.batches(options.batch_size)
    lengths = [batches.lengths(step) for step in range(1, 1 + options.steps)]
    tokens = sum(float(length.sum()) for length in lengths)
    return tokens / options.steps, sum(training_flops(config, length) for length in lengths) / options.steps


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="a parquet file, or a folder of them")
    parser.add_argument("--batch-size", type=int, default=4_096)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--tokens-per-chunk", type=int, default=65_536)
    parser.add_argument("--graph-gib", type=float, default=80.0)
    parser.add_argument("--attention", nargs="*", default=["packed", "padded"], choices=["packed", "padded"])
    parser.add_argument("--mini-batches", type=int, nargs="*", default=[128, 256, 512])
    parser.add_argument("--loaders", type=int, default=4, help="processes that make sentence-transformers' token ids")
    parser.add_argument("--peak-tflops", type=float, default=790.0)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--tiny", action="store_true", help="a small encoder on the CPU")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = 8_000 if options.tiny else 32_000
        task = make_task(options.pairs, Path(folder), lambda _: backbone(options.tiny), vocabulary)
        config = XLMRobertaConfig.from_pretrained(task.model)
        work = work_of(task, config, options)
        print(f"{options.batch_size} pairs a step, {work[0]:,.0f} tokens, {work[1] / 1e12:.2f} TFLOP")
        for name, trainer in kinds_of(options, task).items():
            try:
                turns = measure(trainer, options)
            except RuntimeError as error:  # out of memory, say: the others are still to be measured
                print(f"\n{name}: {error}")
                continue
            show(name, turns, work, options)


if __name__ == "__main__":
    main()
