"""The config of the plan of a job: what it reckons with."""

from pydantic import Field, PositiveFloat, PositiveInt

from raytrain.section import Name, Section


class Throughput(Section):
    """What ``raytrain submit --plan`` reckons with; what is left out it takes from finished runs, or estimates."""

    train_tokens_per_second: PositiveFloat | None = Field(None, description="of a worker, padding not counted")
    embed_tokens_per_second: PositiveFloat | None = Field(None, description="of a worker that embeds passages")
    tokens_per_pair: PositiveFloat | None = Field(None, description="question and passages of a row of the corpus")
    tokens_per_passage: PositiveFloat | None = Field(None, description="of what is embedded for an index")
    gpu: str | None = Field(None, description="what speed is estimated of, where none was measured: A100, H100, L4 …")
    workers_per_node: PositiveInt = Field(1, description="training workers that share a node, and its price")
    node: Name | None = Field(None, description="the type of cluster.prices that workers are on; default: its only one")
