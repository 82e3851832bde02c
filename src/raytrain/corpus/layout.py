"""How a prepared corpus lies: shuffled Parquet shards a language, in row groups that the plan reads whole."""

import hashlib

import pyarrow as pa

from raytrain.artifact import File
from raytrain.corpus.pairs import PAIRS
from raytrain.parquet import write_parquet
from raytrain.storage import Location

KEY_BITS = 64


def shuffle_key(seed: int, pair_id: str) -> int:
    """Where a pair goes in the shuffled order of its language: 64 bits that depend on seed and id alone.

    So the order depends neither on the order of files nor on who read them.
    """
    return int.from_bytes(hashlib.blake2b(f"{seed}\x1f{pair_id}".encode(), digest_size=8).digest(), "big")


def shard_count(rows: int, shard_rows: int) -> int:
    """Into how many files a language of about that many rows goes."""
    return max(1, round(rows / shard_rows))


def shard_of(key: int, shards: int) -> int:
    """The shard that holds a key: shards cut the range of keys into equal parts."""
    return key * shards >> KEY_BITS


def shard_path(language: str, shard: int) -> str:
    """Path of a shard in the corpus artifact."""
    return f"{language}/part-{shard:05d}.parquet"


def write_shard(rows: pa.Table, keys: str, corpus: Location, language: str, shard: int, row_group_rows: int) -> File:
    """Writes one shard, its rows in order of column ``keys`` (ties by content); gives its size and hash."""
    order = [(keys, "ascending"), *((name, "ascending") for name in PAIRS.names)]
    table = rows.sort_by(order).select(PAIRS.names).cast(PAIRS).combine_chunks()
    return write_parquet(table, corpus, shard_path(language, shard), row_group_rows)
