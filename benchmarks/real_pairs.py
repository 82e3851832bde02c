"""What both sides of a benchmark of the step train on: real pairs, a tokenizer that knows them, a random encoder.

Pairs come from parquet files with the columns ``question`` and ``answer``; ``language`` is a column or the file's
name. Where losses are compared, rows that share their question or answer with others, as token ids, are left out:
raytrain masks such collisions in a batch, sentence-transformers does not. Where speed is, all rows are as they come.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from transformers import PreTrainedModel

from raytrain.config import FromScratch, Model
from raytrain.model.encoder import random_backbone
from raytrain.model.export import export
from raytrain.model.texts import Texts
from raytrain.model.tokenizer import SPECIAL, save_tokenizer, tokenizer_json, train_tokenizer
from raytrain.model.tokens import TokenRules, tokenised
from raytrain.train.rank_batch import RankBatch

Ints = npt.NDArray[np.int64]
COLUMNS = ("id", "language", "question", "answer")
LENGTHS = Model(from_scratch=FromScratch())  # the default: questions of at most 64 tokens, answers of at most 256
PAD = SPECIAL.index("[PAD]")
MakeBackbone = Callable[[int], PreTrainedModel]  # from the size of the vocabulary


def read_pairs(path: Path) -> pa.Table:
    """All pairs of a parquet file, or of those in a folder, with the columns of COLUMNS."""
    files = sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
    if not files:
        raise SystemExit(f"no parquet files in {path}")
    tables = []
    for file in files:
        table = pq.read_table(file)
        language = table.column("language") if "language" in table.column_names else [file.stem] * len(table)
        ids = [f"{file.stem}-{row}" for row in range(len(table))]
        tables.append(pa.table([ids, language, table.column("question"), table.column("answer")], COLUMNS))
    return pa.concat_tables(tables).combine_chunks()


@dataclass(frozen=True)
class Task:
    """A folder with the rows, in the order of training, and the model to start from, in both libraries' layouts."""

    folder: Path
    lengths: Model = LENGTHS

    @property
    def model(self) -> Path:
        """The Hugging Face folder."""
        return self.folder / "model"

    @property
    def exported(self) -> Path:
        """The same as a sentence-transformers folder."""
        return self.folder / "exported"

    def rows(self) -> pa.Table:
        """All rows, shuffled."""
        return pq.read_table(self.folder / "rows.parquet")

    def batches(self, size: int) -> "Batches":
        """The rows in batches, and what makes token ids of them."""
        return Batches(self.rows(), size, token_rules(tokenizer_json(self.model)[0], self.lengths))


@dataclass(frozen=True)
class Batches:
    """Batches of ``size`` rows, one after the other; after the last whole one the first comes again."""

    rows: pa.Table
    size: int
    rules: TokenRules

    @property
    def languages(self) -> tuple[str, ...]:
        """All there are."""
        return tuple(sorted(set(self.rows.column("language").to_pylist())))

    def texts(self, step: int) -> pa.Table:
        """The rows of a step as text."""
        if len(self.rows) < self.size:
            raise SystemExit(f"{len(self.rows)} pairs do not fill a batch of {self.size}")
        return self.rows.slice(step % (len(self.rows) // self.size) * self.size, self.size)

    def batch(self, step: int) -> RankBatch:
        """The rows of a step as token ids, made here and now."""
        rows = tokenised(self.texts(step), self.rules)
        return RankBatch(
            step=step,
            queries=Texts.of(rows.column("query")),
            passages=Texts.of(rows.column("passage")),
            ids=rows.column("id").to_pylist(),
            languages=rows.column("language").to_pylist(),
            lanes=[0] * len(rows),
        )

    def lengths(self, step: int) -> Ints:
        """Tokens of every text of a step, questions and answers."""
        batch = self.batch(step)
        return np.concatenate([batch.queries.lengths, batch.passages.lengths])


def token_rules(tokenizer: str, lengths: Model) -> TokenRules:
    """Texts cut at these lengths, no prompts."""
    return TokenRules(tokenizer, "", "", lengths.query_max_len, lengths.passage_max_len)


def small_bert(dropout: float, lengths: Model, hidden: int = 128) -> MakeBackbone:
    """A BERT of 4 layers with random weights."""
    config = FromScratch(hidden=hidden, dropout=dropout)
    return lambda vocabulary: random_backbone(config, vocabulary, PAD, lengths.passage_max_len, seed=7)


def make_task(
    pairs: Path,
    folder: Path,
    backbone: MakeBackbone,
    vocab_size: int,
    lengths: Model = LENGTHS,
    distinct: bool = False,
) -> Task:
    """Reads pairs, trains a tokenizer on them, makes the encoder, and writes all that both sides read.

    ``distinct`` leaves out rows that share a text with another.
    """
    task = Task(folder, lengths)
    table = read_pairs(pairs)
    rng = np.random.default_rng(7)
    sample = table.take(pa.array(rng.permutation(len(table))[:32_000]))
    tokenizer = train_tokenizer([t for n in ("question", "answer") for t in sample.column(n).to_pylist()], vocab_size)
    rows = _distinct(table, token_rules(tokenizer.to_str(), lengths)) if distinct else table
    pq.write_table(rows.take(pa.array(rng.permutation(len(rows)))), folder / "rows.parquet")
    task.model.mkdir()
    save_tokenizer(tokenizer, task.model, lengths.passage_max_len)
    backbone(tokenizer.get_vocab_size()).save_pretrained(task.model)
    export(task.model, lengths, task.exported)
    return task


def _distinct(table: pa.Table, rules: TokenRules) -> pa.Table:
    rows = tokenised(table, rules)
    alone = np.ones(len(rows), bool)
    for name in ("query", "passage"):
        _, number, count = np.unique(Texts.of(rows.column(name)).keys, return_inverse=True, return_counts=True)
        alone &= count[number] == 1
    return table.filter(pa.array(alone))
