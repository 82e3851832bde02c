"""How much memory a rank needs at its peak: arithmetic over the sizes of the parameters, nothing is measured.

What DeepSpeed 0.19.8 holds with the settings of ``engine.py`` (docs/exact-gradients.md), what ``grad_cache`` keeps of
graphs, and what ``step`` and ``scoring`` hold of vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from raytrain.config import Train
from raytrain.losses.config import InfoNCE, Loss
from raytrain.train.engine import MOST_REDUCED_AT_ONCE
from raytrain.train.scoring import SCORES_AT_ONCE

Device = Literal["cpu", "cuda"]

FP32, HALF = 4, 2  # bytes of a number
PERSISTENT = 100_000  # ZeRO 3: smaller parameters stay whole on every rank
MOST_GATHERED = 1_000_000_000  # ZeRO 3: elements of whole parameters that are there at once
MOST_IN_ONE_BUFFER = 500_000_000  # gradients that DeepSpeed flattens for one all-reduce, where it has no bucket
SCORE_BYTES = 24  # of a score while its block is held: itself, without masked ones, masks, and their gradients


@dataclass(frozen=True)
class Encoder:
    """What an encoder is made of.

    ``sizes``: elements of each parameter; ``looked_up``: those of them that tokens are not multiplied with (embedding
    tables); ``width``: of its vectors.
    """

    sizes: Sequence[int]
    looked_up: int
    width: int
    layers: int
    heads: int
    dropout: bool  # anywhere but inside attention
    attention_dropout: bool

    @property
    def parameters(self) -> int:
        """Elements of all parameters."""
        return sum(self.sizes)

    @property
    def inner(self) -> float:
        """Numbers that the feed-forward part of a layer makes of a token: its weights over the width."""
        layer = (self.parameters - self.looked_up) / self.layers
        return max(layer / self.width - 4 * self.width, 0.0)  # query, key, value and output are width × width


@dataclass(frozen=True)
class Load:
    """What a step brings: texts of the whole batch, and of the rank that owns the most lanes.

    ``own_tokens`` are that rank's, padding included; ``length`` is that of the longest text.
    """

    questions: int
    passages: int
    own_questions: int
    own_passages: int
    own_tokens: int
    length: int

    @classmethod
    def of(cls, train: Train, world: int, passages: float, tokens: float, length: int) -> "Load":
        """Of rows with so many passages and tokens each, dealt to ``world`` ranks."""
        rows = -(-train.lanes // world) * (train.batch_size // train.lanes)
        whole = round(train.batch_size * passages)
        return cls(train.batch_size, whole, rows, round(rows * passages), round(rows * tokens), length)


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a rank needs on its device, by part, each at its most.

    ``back``: gradients and activations together, since graphs go as gradients come. ``update``: what the gradients,
    their exchange and AdamW's own numbers take when activations and embeddings are gone. ``checkpoint``: the rank's
    part of one, on the CPU, while it is written.
    """

    weights: int
    gathered: int  # ZeRO 3: whole parameters of layers at work
    optimizer: int  # fp32 masters and AdamW's moments
    gradients: int
    activations: int
    embeddings: int
    back: int
    update: int
    checkpoint: int

    @property
    def held(self) -> int:
        """What is there all the time."""
        return self.weights + self.gathered + self.optimizer

    @property
    def fixed(self) -> int:
        """What no smaller batch and no smaller chunk changes."""
        return self.held + max(self.gradients, self.update)

    @property
    def total(self) -> int:
        """The peak."""
        return self.held + max(self.back + self.embeddings, self.update)


@dataclass(frozen=True)
class Gradients:
    """Bytes of gradients: between steps, in a backward call at most, and in the exchange and the update after it.

    ``first``: in the first call, while it adds up the gradients of several chunks.
    """

    rest: int
    first: int
    back: int
    after: int


def estimate(
    encoder: Encoder, train: Train, load: Load, *, world: int, device: Device, graph_bytes: float
) -> MemoryEstimate:
    """What the rank with the most lanes needs, of ``world``.

    ``graph_bytes`` is what may be held for the backward pass (``train.graph_gib``); 0: chunks go back one by one.
    """
    stage, element = train.zero_stage, HALF if train.bf16 else FP32
    n, share = encoder.parameters, -(-encoder.parameters // world)
    whole = sum(size for size in encoder.sizes if size < PERSISTENT)
    kept, chunk = _activations(encoder, train, load, device, graph_bytes)
    gradients = gradients_of(encoder, train, world=world, device=device)
    return MemoryEstimate(
        weights=element * (share + whole if stage == 3 else n),
        gathered=element * (min(n, MOST_GATHERED) - whole) if stage == 3 else 0,
        optimizer=FP32 * (3 * share if stage else 2 * n),
        gradients=max(gradients.first, gradients.back),
        activations=max(kept, chunk),
        embeddings=_embeddings(encoder, train, load, device),
        back=max(gradients.first + kept if kept > chunk else 0, gradients.back + chunk),
        update=gradients.after,
        checkpoint=3 * FP32 * share,
    )


def gradients_of(encoder: Encoder, train: Train, *, world: int, device: Device) -> Gradients:
    """Of the weights, in what DeepSpeed keeps them."""
    n, element = encoder.parameters, HALF if train.bf16 else FP32
    share, largest = -(-n // world), max(encoder.sizes)
    bucket = element * min(n, MOST_REDUCED_AT_ONCE)
    # A rank keeps whole gradients of the parameters that its share begins or ends in.
    own = FP32 * (min(n, share + largest) if world > 1 else n)
    # AdamW: a square root of the second moment and, on a CPU, a quotient beside it; on a GPU of all parameters at once.
    scratch = FP32 * share if device == "cuda" else 2 * FP32 * (share if train.zero_stage else largest)
    flat = min(n, MOST_IN_ONE_BUFFER)
    one, every = element * largest, element * n  # of a gradient that is not handed on yet, of all
    match train.zero_stage, train.bf16:
        case 0, _:
            return Gradients(0, every, every + one, every + FP32 * max(flat, scratch // FP32))
        case 1, False:
            return Gradients(0, every, every + one + bucket, max(every + bucket, own + FP32 * share + scratch))
        case 1, True:
            # fp32 sums all the time, and what a call adds to them; they travel as bf16, in a copy of both types.
            rest = FP32 * n
            after = rest + every + max((FP32 + HALF) * flat, scratch)
            return Gradients(rest, rest + every, rest + every + one, after)
        case 2, _:
            sums = FP32 * share if train.bf16 else own
            after = max(bucket + max(bucket, sums), (0 if train.bf16 else FP32 * share) + scratch)
            return Gradients(0, every, bucket + max(every, sums + one), sums + after)
        case _:
            rest = FP32 * share + bucket
            travels = bucket if device == "cuda" else 3 * bucket  # gloo works on copies
            return Gradients(rest, rest + every, rest + one, rest + max(travels, FP32 * share + scratch))


def graph_bytes_per_token(encoder: Encoder, train: Train, device: Device, length: int) -> float:
    """Bytes that a forward pass leaves for the backward pass, for each token of texts ``length`` tokens long.

    Of a layer like BERT's: its input, query, key, value, what attention gives, input and output of the first
    normalisation, input of the second, what the feed-forward part makes; and what was dropped out.
    """
    element, width = HALF if train.bf16 else FP32, encoder.width
    if train.gradient_checkpointing:
        return element * width * (encoder.layers + 2)
    return encoder.layers * _layer_bytes(encoder, train, device, length) + 2 * element * width


def _layer_bytes(encoder: Encoder, train: Train, device: Device, length: int) -> float:
    element = HALF if train.bf16 else FP32
    kept = element * (8 * encoder.width + encoder.inner)
    if encoder.dropout:  # a GPU keeps a byte a number, a CPU a factor
        kept += 2 * encoder.width * (1 if device == "cuda" else element)
    if device == "cpu" and encoder.attention_dropout:  # no fused kernel there: probabilities, and what was dropped
        kept += 3 * element * encoder.heads * length
    return kept


def _activations(encoder: Encoder, train: Train, load: Load, device: Device, graph_bytes: float) -> tuple[int, int]:
    """Bytes of all graphs that are kept, and of that of one chunk; with what a layer at work needs beside them."""
    element = HALF if train.bf16 else FP32
    token = graph_bytes_per_token(encoder, train, device, load.length)
    kept = min(load.own_tokens, graph_bytes / token)
    chunk = min(load.own_tokens, train.tokens_per_chunk, kept or load.own_tokens)
    at_work = element * (2 * encoder.inner + 4 * encoder.width)
    if train.gradient_checkpointing:
        at_work += _layer_bytes(encoder, train, device, load.length)
    return round(kept * token + chunk * at_work), round(chunk * (token + at_work))


def _embeddings(encoder: Encoder, train: Train, load: Load, device: Device) -> int:
    """Vectors of the batch and their gradients while rows are scored, and the scores of a block."""
    across = any(isinstance(loss, InfoNCE) for loss in train.losses.values())
    symmetric = any(isinstance(loss, InfoNCE) and loss.symmetric for loss in train.losses.values())
    questions, passages = (load.questions, load.passages) if across else (load.own_questions, load.own_passages)
    columns = passages + (questions if symmetric else 0)
    own = load.own_questions + load.own_passages
    # Columns as they came and sorted; their gradients of a block, of all blocks, and of all widths. Own rows likewise.
    vectors = 5 * columns + own + 4 * load.own_questions
    block = max(encoder.width, SCORES_AT_ONCE[device] // max(passages, 1))
    scores = min(block, load.own_questions) * sum(_columns(loss, questions, passages) for loss in train.losses.values())
    return FP32 * vectors * encoder.width + SCORE_BYTES * scores


def _columns(loss: Loss, questions: int, passages: int) -> int:
    """What a row is compared with; of distillation only with its own passages, which is little."""
    if not isinstance(loss, InfoNCE):
        return 0
    return passages + (questions if loss.symmetric else 0)
