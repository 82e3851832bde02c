"""One step of one rank: embed its texts in chunks, score its rows against those of all ranks, go back.

All but the update of the weights. The sum of the gradients of all ranks is the gradient of one process with the whole
batch, term by term, however rows are dealt out and cut: docs/exact-gradients.md derives it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from raytrain.losses.config import InfoNCE, Loss, learned_temperatures
from raytrain.losses.rows import Passages, Questions, Rows
from raytrain.model.texts import ENOUGH_TOKENS, Texts, cut_packed, cut_padded
from raytrain.train import exchange
from raytrain.train.chunks import Chunks, agree, fitting, padded_tokens
from raytrain.train.grad_cache import Embedded, Engine, Pass, embed, go_back
from raytrain.train.rank_batch import RankBatch
from raytrain.train.scoring import Scored, count_rows, names_of, score


@dataclass(frozen=True)
class StepRules:
    """What all steps of a run share, but for the weights of losses, which may change. ``languages`` are all there can
    be."""

    losses: Mapping[str, Loss]
    languages: tuple[str, ...]
    pad_id: int
    tokens_per_chunk: int
    kept_tokens: int  # whose graphs a rank holds, padding included; chunks beyond are embedded twice
    seed: int  # of dropout
    packed: bool = False  # whether the encoder drops the padding of a chunk

    @property
    def across_ranks(self) -> bool:
        """Whether a loss compares rows with those of other ranks."""
        return any(isinstance(loss, InfoNCE) for loss in self.losses.values())

    @property
    def symmetric(self) -> bool:
        """Whether a loss compares passages with questions."""
        return any(isinstance(loss, InfoNCE) and loss.symmetric for loss in self.losses.values())


@dataclass(frozen=True)
class Taken:
    """What a step found, the same on every rank. A term that no row counts for is None; if all are, the loss is NaN.

    ``languages`` has for each that was there its rows, its loss and its terms, means over its rows.
    """

    loss: float
    terms: dict[str, float | None]
    languages: dict[str, dict[str, float]]
    temperatures: dict[str, float]
    tokens: int
    padded_tokens: int
    chunks: int  # of each rank
    kept: int

    @property
    def finite(self) -> bool:
        """Whether there is a gradient; else no rank went back."""
        return math.isfinite(self.loss)


@dataclass(frozen=True)
class Agreed:
    """What ranks told each other before a step."""

    rows: list[int]  # of each rank
    passages: list[int]
    counts: dict[str, int]  # rows of all ranks that each term counts
    chunks: Chunks
    tokens: int
    padded_tokens: int


def take_step(engine: Engine, batch: RankBatch, rules: StepRules) -> Taken:
    """Gives the losses of the batch, and its gradient to the engine. Every rank calls it with its own rows."""
    device = engine.device
    texts = Texts.join([batch.queries, batch.all_passages])
    rows = batch.rows(device)
    counted = count_rows(rules.losses, rows)
    agreed = _agree(texts, len(rows), counted, rules, device)
    lane = batch.lanes[0] if len(batch.lanes) else -1
    forward = Pass(engine, texts, agreed.chunks, rules.pad_id, f"{rules.seed} dropout {batch.step} {lane}")
    embedded = embed(forward)
    scored, gradient = _score(rows, _keys(batch, texts, device), embedded, agreed, rules)
    taken = _taken(batch, scored, counted, agreed, embedded.temperatures, rules)
    if taken.finite:
        go_back(forward, embedded, gradient, scored.temperatures)
    return taken


def _agree(
    texts: Texts, rows: int, counted: Mapping[str, torch.Tensor], rules: StepRules, device: torch.device
) -> Agreed:
    if rules.packed:
        own = cut_packed(texts.lengths, rules.tokens_per_chunk)
        sizes = np.array([texts.lengths[chunk].sum() for chunk in own], np.int64)
    else:
        own = cut_padded(texts.lengths, rules.tokens_per_chunk, ENOUGH_TOKENS[device.type])
        sizes = padded_tokens(texts.lengths, own)
    mine = [rows, len(texts) - rows, len(own), fitting(sizes, rules.kept_tokens)]
    mine += [int(texts.lengths.sum()), int(sizes.sum())]
    numbers = exchange.gather_numbers([*mine, *(int(c.sum()) for c in counted.values())], device)
    of_rows, of_passages, of_chunks, fits, tokens, spent, *counts = (
        list(column) for column in zip(*numbers, strict=True)
    )
    return Agreed(
        of_rows,
        of_passages,
        {name: sum(count) for name, count in zip(counted, counts, strict=True)},
        agree(own, of_chunks, fits),
        sum(tokens),
        sum(spent),
    )


@dataclass(frozen=True)
class Keys:
    """What other ranks need to know of the texts of this one."""

    questions: torch.Tensor  # (n,): which text
    passages: torch.Tensor  # (m, 3): which text, of which of the rank's rows, whether an answer


def _keys(batch: RankBatch, texts: Texts, device: torch.device) -> Keys:
    n = len(batch.queries)
    table = np.stack([texts.keys[n:], *batch.passage_rows()], axis=1)
    return Keys(torch.from_numpy(texts.keys[:n]).to(device), torch.from_numpy(table).to(device))


def _score(rows: Rows, keys: Keys, embedded: Embedded, agreed: Agreed, rules: StepRules) -> tuple[Scored, torch.Tensor]:
    """Losses of the rank's rows, and the gradient of its vectors that all ranks ask for together, (texts, d)."""
    vectors, n, me = embedded.vectors, len(rows), exchange.rank()
    row_counts, passage_counts = agreed.rows, agreed.passages
    if not rules.across_ranks:
        row_counts, passage_counts, me = [row_counts[me]], [passage_counts[me]], 0
    first_row = sum(row_counts[:me])
    # Questions travel too where passages are compared with them; both in one exchange.
    sent = [q + p for q, p in zip(row_counts, passage_counts, strict=True)] if rules.symmetric else passage_counts
    whole = exchange.gather_rows(vectors if rules.symmetric else vectors[n:], sent)
    own = keys.passages.clone()
    own[:, 1] += first_row
    passages = exchange.gather_rows(own, passage_counts)
    is_question = _is_question(row_counts, passage_counts, rules.symmetric, vectors.device)
    scored = score(
        rows.placed(vectors[:n], first_row, sum(passage_counts[:me])),
        Passages(whole[~is_question], passages[:, 0], passages[:, 1], passages[:, 2].bool()),
        Questions(whole[is_question], exchange.gather_rows(keys.questions, row_counts)),
        embedded.temperatures,
        rules.losses,
        agreed.counts,
    )
    asked = torch.empty_like(whole)
    asked[is_question], asked[~is_question] = scored.questions, scored.passages
    returned = exchange.sum_to_owners(asked, sent)
    gradient = torch.zeros_like(vectors)
    gradient[len(vectors) - len(returned) :] = returned
    gradient[:n] += scored.rows
    return scored, gradient


def _is_question(rows: Sequence[int], passages: Sequence[int], symmetric: bool, device: torch.device) -> torch.Tensor:
    """Which of the vectors that were exchanged are questions, (m,) bool: on each rank they come before passages."""
    parts = [[True] * (q if symmetric else 0) + [False] * p for q, p in zip(rows, passages, strict=True)]
    return torch.tensor([value for part in parts for value in part], dtype=torch.bool, device=device)


def _taken(
    batch: RankBatch,
    scored: Scored,
    counted: Mapping[str, torch.Tensor],
    agreed: Agreed,
    temperatures: torch.Tensor,
    rules: StepRules,
) -> Taken:
    """Means over the rows of all ranks, from one exchange of sums by language and term."""
    names, device = names_of(rules.losses), temperatures.device
    place = {language: i for i, language in enumerate(rules.languages)}
    of_row = torch.tensor([place[language] for language in batch.languages], dtype=torch.int64, device=device)
    columns = [torch.ones(len(of_row), dtype=torch.float64, device=device)]
    columns += [scored.losses[name].double() for name in names]
    columns += [counted[name].double() for name in rules.losses]
    table = torch.zeros(len(place), len(columns), dtype=torch.float64, device=device)
    table.index_add_(0, of_row, torch.stack(columns, dim=1))
    table = exchange.sum_of_all(table).cpu()
    sums = dict(zip(names, table[:, 1 : 1 + len(names)].T.tolist(), strict=True))
    counts = dict(zip(rules.losses, table[:, 1 + len(names) :].T.tolist(), strict=True))
    rows = table[:, 0].tolist()
    languages = {}
    for i, language in enumerate(rules.languages):
        if rows[i]:
            means = {name: sums[name][i] / count for name in names if (count := counts[_term(name)][i])}
            languages[language] = {"rows": int(rows[i]), "loss": _weighted(means, rules.losses), **means}
    terms = {name: sum(sums[name]) / count if (count := sum(counts[_term(name)])) else None for name in names}
    return Taken(
        loss=_weighted(terms, rules.losses),
        terms=terms,
        languages=languages,
        temperatures=dict(zip(learned_temperatures(rules.losses), temperatures.tolist(), strict=True)),
        tokens=agreed.tokens,
        padded_tokens=agreed.padded_tokens,
        chunks=len(agreed.chunks),
        kept=agreed.chunks.kept,
    )


def _term(name: str) -> str:
    """The term that a width belongs to."""
    return name.split("@")[0]


def _weighted(means: Mapping[str, float | None], losses: Mapping[str, Loss]) -> float:
    """NaN if no term counts a row: then there is nothing to train on, and 0 would be a perfect model's."""
    known = [loss.weight * value for name, loss in losses.items() if (value := means.get(name)) is not None]
    return sum(known) if known else math.nan
