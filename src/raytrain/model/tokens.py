"""Texts of pairs as token ids, under the rules of a model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from raytrain.model.tokenizer import encode

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenRules:
    """How text becomes token ids; ``tokenizer`` is its JSON text."""

    tokenizer: str
    query_prompt: str
    passage_prompt: str
    query_max_len: int
    passage_max_len: int


def tokenised(texts: pa.Table, rules: TokenRules) -> pa.Table:
    """The same rows with token ids for texts.

    ``question`` becomes ``query`` and ``answer`` becomes ``passage``, both list<int32>; ``positives`` and
    ``negatives`` become list<list<int32>>, where a row without any has an empty list. Other columns stay.
    """
    columns = {}
    for name in texts.column_names:
        column = texts.column(name)
        if name == "question":
            columns["query"] = encode(rules.tokenizer, column.to_pylist(), rules.query_prompt, rules.query_max_len)
        elif name == "answer":
            columns["passage"] = _passages(column, rules)
        elif name in ("positives", "negatives"):
            flat = _passages(pc.list_flatten(column), rules)
            columns[name] = pa.ListArray.from_arrays(pa.array(offsets_of(column), pa.int32()), flat)
        else:
            columns[name] = column
    return pa.table(columns)


def _passages(texts: pa.ChunkedArray, rules: TokenRules) -> pa.ListArray:
    return encode(rules.tokenizer, texts.to_pylist(), rules.passage_prompt, rules.passage_max_len)


def offsets_of(lists: pa.ChunkedArray) -> Ints:
    """Where each list begins in the flattened column, and where the last one ends. Shape (n + 1,)."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
