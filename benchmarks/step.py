"""raytrain's step against sentence-transformers' trainer: values, speed, memory.

    .venv/bin/python -m pip install -c constraints.txt -e '.[bench]'      # what their trainer needs
    .venv/bin/python benchmarks/step.py loss   --pairs FOLDER
    .venv/bin/python benchmarks/step.py rate   --pairs FOLDER [--batch-size 128] [--rounds 5] [--steps 4]
    .venv/bin/python benchmarks/step.py rate   --pairs FOLDER --batch-size 1024 --rounds 3 --steps 1
    .venv/bin/python benchmarks/step.py rate   --pairs FOLDER --passage-max-len 512       # one length alone
    .venv/bin/python benchmarks/step.py chunks --pairs FOLDER [--batch-size 128] [--tokens-per-chunk 512 … 8192]

Pairs are parquet files with the columns ``question`` and ``answer``. The encoder is a BERT of 4 layers × 128 with
random weights; a tokenizer of 32,000 is trained on the pairs; questions end at 64 tokens, answers at 256, and all is
measured again with answers up to 512 (``loss`` and ``chunks``: at 256 alone). Both sides have the same weights, the
same rows in the same batches, InfoNCE at temperature 0.05 (scale 20), AdamW, fp32 and the same threads, and make
token ids as they go. Each trains in a process of its own, and they take turns of ``--steps`` steps, ``--rounds``
times; the first step of each is not counted. Given are medians with their range, and the median of the ratios of a
round. Memory is all that the process that trains holds at its peak (RSS), libraries included; processes that load are
not counted.

``loss`` compares the values of the loss, without dropout, batch after batch, while raytrain trains and sentence-
transformers is given the weights that come of it. Rows that share a text with another are left out of it.

``rate`` has sentence-transformers' MultipleNegativesRankingLoss with 0 and with 2 workers that load, at batches up to
``--uncached``; above, its CachedMultipleNegativesRankingLoss with each of ``--mini-batches`` rows, and with
``--mini-batch-tokens`` if given. Against it, raytrain with graphs kept up to the default of ``train.graph_gib``, and
with none kept (GradCache). Ratios are to the fastest of sentence-transformers. Workers that load make a batch each
while others have their turn, which favours them; where a turn has no more steps than that, they are left out.

``chunks`` has raytrain alone, with several budgets of tokens a chunk.
"""

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from real_pairs import LENGTHS, Task, make_task, small_bert
from trainers import Raytrain, SentenceTransformers
from turns import Trainer, Turn, playing

from raytrain.train.rank import graph_gib_on
from raytrain.train.step import take_step

DEFAULT_GIB = graph_gib_on(torch.device("cpu"))
FAST = 50.0  # × the learning rate
LOADERS = 2


def rate(options: argparse.Namespace, task: Task) -> None:
    """Prints pairs/s of both sides, and the ratio to the best of theirs."""
    size, tokens = options.batch_size, options.tokens_per_chunk[0]
    theirs: dict[str, Trainer] = {}
    if size <= options.uncached:
        for workers in (0, LOADERS) if options.steps > LOADERS else (0,):
            theirs[f"theirs, {workers} loaders"] = SentenceTransformers(task, size, loader_workers=workers)
    else:
        for rows in options.mini_batches:
            theirs[f"theirs, cached, {rows} rows"] = SentenceTransformers(task, size, mini_batch=rows)
        for budget in options.mini_batch_tokens:
            theirs[f"theirs, cached, {budget} tokens"] = SentenceTransformers(task, size, mini_batch_tokens=budget)
    ours: dict[str, Trainer] = {
        f"ours, {gib:g} GiB of graphs": Raytrain(task, size, tokens, gib, attention=options.attention)
        for gib in (DEFAULT_GIB, 0.0)
    }
    rounds = play({**ours, **theirs}, options)
    best = min(theirs, key=lambda name: statistics.median(turn.seconds for turn in rounds[name]))
    table(rounds, task, best, options)


def chunks(options: argparse.Namespace, task: Task) -> None:
    """Prints pairs/s of raytrain for each budget of tokens a chunk; ratios are to the first."""
    kinds: dict[str, Trainer] = {
        f"{tokens} tokens a chunk, {gib:g} GiB": Raytrain(
            task, options.batch_size, tokens, gib, attention=options.attention
        )
        for gib in (DEFAULT_GIB, 0.0)
        for tokens in options.tokens_per_chunk
    }
    table(play(kinds, options), task, next(iter(kinds)), options)


def play(kinds: Mapping[str, Trainer], options: argparse.Namespace) -> dict[str, list[Turn]]:
    """The turns of each kind, one a round. The first turn of all is to warm up and not among them."""
    with playing(list(kinds.values()), options.threads) as players:
        for player in players:
            player.turn(1)
        rounds: dict[str, list[Turn]] = {name: [] for name in kinds}
        for _ in range(options.rounds):
            for name, player in zip(kinds, players, strict=True):
                rounds[name].append(player.turn(options.steps))
    return rounds


def table(rounds: Mapping[str, Sequence[Turn]], task: Task, base: str, options: argparse.Namespace) -> None:
    """Prints a line for each kind; ratios are of turns of the same round to those of ``base``."""
    pairs = options.steps * options.batch_size
    print(
        f"batches of {options.batch_size}, {options.threads} threads, {options.rounds} rounds of {options.steps} steps"
    )
    print(f"{'':28}  {'pairs/s':>20}  {'÷ ' + base:>32}  {'peak MiB':>8}")
    for name, turns in rounds.items():
        rates = [pairs / turn.seconds for turn in turns]
        ratios = [other.seconds / turn.seconds for turn, other in zip(turns, rounds[base], strict=True)]
        print(f"{name:28}  {middle(rates, '.1f'):>20}  {middle(ratios, '.2f'):>32}  {turns[-1].peak:8,.0f}")
    batches = task.batches(options.batch_size)
    lengths = [batches.lengths(step) for step in range(4)]
    tokens = statistics.mean(length.sum() for length in lengths) / options.batch_size
    print(f"{tokens:.1f} tokens a pair, padding not counted")


def middle(values: Sequence[float], form: str) -> str:
    """Median and range."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def loss(options: argparse.Namespace, task: Task) -> None:
    """Prints the loss of both sides on the same batches, and the largest difference."""
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(options.threads)
    ours = Raytrain(task, options.batch_size, options.tokens_per_chunk[0], DEFAULT_GIB)
    engine, rules = ours.start()
    model = SentenceTransformer(str(task.exported), device="cpu")
    modules = [
        SentenceTransformers(task, options.batch_size, mini_batch=rows).loss(model)
        for rows in (None, options.mini_batches[0])
    ]
    batches, worst = task.batches(options.batch_size), 0.0
    print(f"{'batch':>5}  {'ours':>12}  {'theirs':>12}  {'theirs, cached':>14}")
    for step in range(options.steps):
        texts = batches.texts(step)
        features = [
            model.preprocess(texts.column(name).to_pylist(), task=kind)
            for name, kind in (("question", "query"), ("answer", "document"))
        ]
        mine = take_step(engine, batches.batch(step), rules).loss
        with torch.no_grad():
            values = [float(module([dict(feature) for feature in features], None)) for module in modules]
        print(f"{step:5}  {mine:12.7f}  {values[0]:12.7f}  {values[1]:14.7f}")
        worst = max(worst, *(abs(mine - value) for value in values))
        engine.step(FAST)  # so that the next batch meets weights that have learned
        prefix = "weight/encoder.backbone."
        state = engine.state().items()
        weights = {k.removeprefix(prefix): v for k, v in state if k.startswith(prefix)}
        keys = model[0].model.load_state_dict(weights, strict=False)
        assert all(key.startswith("pooler.") for key in keys.missing_keys), keys  # which nothing is computed with
    print(f"largest difference {worst:.2g}")
    dist.destroy_process_group()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for run, budgets, passages in (
        (loss, [2_048], [256]),  # DeepSpeed keeps to the first process group it sees: one length a process
        (rate, [2_048], [256, 512]),
        (chunks, [512, 1_024, 2_048, 4_096, 8_192], [256]),
    ):
        command = commands.add_parser(run.__name__)
        command.set_defaults(run=run)
        command.add_argument("--pairs", type=Path, required=True, help="a parquet file, or a folder of them")
        command.add_argument("--batch-size", type=int, default=128)
        command.add_argument("--tokens-per-chunk", type=int, nargs="+", default=budgets)
        command.add_argument("--mini-batches", type=int, nargs="+", default=[16, 32, 64])
        command.add_argument("--mini-batch-tokens", type=int, nargs="*", default=[])
        command.add_argument("--uncached", type=int, default=128, help="the largest batch without a cached loss")
        command.add_argument("--rounds", type=int, default=5)
        command.add_argument("--steps", type=int, default=4, help="of a turn; of loss: batches")
        command.add_argument("--query-max-len", type=int, default=LENGTHS.query_max_len)
        command.add_argument("--passage-max-len", type=int, nargs="+", default=passages, help="each is measured")
        command.add_argument("--vocab-size", type=int, default=32_000)
        command.add_argument("--attention", choices=["padded", "packed"], default="padded", help="raytrain's")
        command.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    values = options.run is loss
    for passage_max_len in options.passage_max_len:
        lengths = LENGTHS.model_copy(
            update={"query_max_len": options.query_max_len, "passage_max_len": passage_max_len}
        )
        backbone = small_bert(0.0 if values else 0.1, lengths)
        print(f"questions up to {options.query_max_len} tokens, answers up to {passage_max_len}")
        with tempfile.TemporaryDirectory() as folder:
            task = make_task(options.pairs, Path(folder), backbone, options.vocab_size, lengths, distinct=values)
            options.run(options, task)


if __name__ == "__main__":
    main()
