"""embed and index: which passages, how their vectors are kept, and what kind of index they go into."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from raytrain.index.kinds import parse_kind
from raytrain.section import Languages, Section, Share

Dtype = Literal["fp32", "fp16"]


def _kind(value: str) -> str:
    parse_kind(value)
    return value


class Index(Section):
    """embed and index: passages as vectors of the model, in sharded FAISS."""

    passages: str | list[str] | None = Field(
        None,
        description="folders or prefixes of passages, Parquet or JSONL named by language; default: the benchmarks'",
    )
    languages: Languages | None = Field(None, description="of index.passages; default: all")
    piece_rows: PositiveInt = Field(
        8_192, description="passages that are embedded and kept at a time, at most; a killed run goes on from there"
    )
    dtype: Dtype = Field("fp32", description="of the embeddings as they are kept; fp16 takes half")
    kind: Annotated[str, AfterValidator(_kind)] = Field(
        "auto",
        description="Flat (exact), IVF,Flat, IVF4096,SQ8, OPQ96,IVF65536,PQ96 … as FAISS names them; auto: the most "
        "accurate that fits memory_gib",
    )
    memory_gib: PositiveFloat = Field(
        8.0, description="GiB that the index may take, and the tasks that build it together"
    )
    min_recall: Share | None = Field(
        None,
        description="of the recall_at best, against exact search; a build that misses it fails; default: only told",
    )
    recall_at: PositiveInt = Field(10, description="how many of the best passages recall is measured on")
    questions: PositiveInt = Field(500, description="held-out questions that recall is measured on, at most")
    copies: str | None = Field(
        None,
        description="folder of this machine where raytrain search keeps the files of an index on an object store; "
        "default: copied each time",
    )
    shard_rows: PositiveInt = Field(1_000_000, description="passages a shard, at most")
