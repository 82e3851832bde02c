"""A corpus tokenised once: token ids beside the texts, row for row, so that no step waits for a tokenizer."""

import json
from dataclasses import dataclass

import pyarrow as pa

from raytrain.artifact import File
from raytrain.corpus.corpus import Corpus
from raytrain.corpus.parts import Part, each
from raytrain.model.tokens import TokenRules, tokenised
from raytrain.parquet import read_row_groups, write_parquet
from raytrain.storage import Location

ROWS_AT_ONCE = 8_192  # tokenised: what goes through Python objects
RECORDS = "records"


@dataclass(frozen=True)
class Tokenising:
    """All that a task needs. Small, and travels to tasks."""

    corpus: Corpus
    rules: TokenRules
    folder: Location  # of the artifact
    columns: tuple[str, ...]  # of the corpus


def tokenise(corpus: Corpus, rules: TokenRules, columns: tuple[str, ...], folder: Location) -> list[File]:
    """Writes the token ids of all rows under ``folder``, a file for each shard of the corpus, with its row groups.

    Goes on from the files that are there. Raises UserError for a damaged shard.
    """
    context = Tokenising(corpus, rules, folder, columns)
    parts = [
        Part(path, rows, (path, corpus.shards[label].row_group_rows))
        for label, paths in corpus.paths.items()
        for path, rows in zip(paths, corpus.shards[label].shard_rows, strict=True)
    ]
    for _ in each("tokenise", _tokenise, parts, context, folder / RECORDS, "pairs"):
        pass
    return [File.model_validate_json((folder / RECORDS / part.name).read_text()) for part in parts]


def _tokenise(part: Part, context: Tokenising) -> None:
    path, row_group_rows = part.of
    groups, at_once = -(-part.rows // row_group_rows), max(1, ROWS_AT_ONCE // row_group_rows)
    pieces = []
    for first in range(0, groups, at_once):
        some = range(first, min(first + at_once, groups))
        texts = read_row_groups(context.corpus.folder / path, some, context.columns)
        pieces.append(tokenised(texts, context.rules))
    file = write_parquet(pa.concat_tables(pieces).combine_chunks(), context.folder, path, row_group_rows)
    (context.folder / RECORDS / path).write_bytes(json.dumps(file.model_dump()).encode())
