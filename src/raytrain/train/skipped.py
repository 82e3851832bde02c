"""Steps that were left out, for want of a finite loss or gradient: whose rows these were, and when it is too many."""

from dataclasses import dataclass
from typing import Any, Literal

import torch.distributed as dist

from raytrain.errors import UserError
from raytrain.storage import Location
from raytrain.train.rank_batch import RankBatch

FILE = "skipped.jsonl"
IDS_TOLD = 3

Why = Literal["loss", "gradient", "scores"]


@dataclass(frozen=True)
class Skip:
    """A step left out. ``rows`` are (language, id) of the rows of all ranks."""

    step: int
    why: Why
    rows: list[tuple[str, str]]

    def __str__(self) -> str:
        languages = ", ".join(sorted({language for language, _ in self.rows}))
        ids = ", ".join(id for _, id in self.rows[:IDS_TOLD])
        what = "rows have no score that a loss needs" if self.why == "scores" else f"{self.why} is not finite"
        return f"step {self.step}, whose {what} (languages: {languages}; first ids: {ids})"

    @property
    def line(self) -> dict[str, Any]:
        """As it is written down."""
        rows = [{"language": language, "id": id} for language, id in self.rows]
        return {"step": self.step, "why": self.why, "rows": rows}


def skip_of(batch: RankBatch, why: Why) -> Skip:
    """The step of a batch, with the rows of all ranks; every rank calls it with its own."""
    parts: list[list[tuple[str, str]]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(parts, list(zip(batch.languages, batch.ids, strict=True)))
    return Skip(batch.step, why, [row for part in parts for row in part])


def check_skipped(skipped: int, most: int, run: Location, last: Skip | None = None) -> None:
    """Raises UserError if a run has left out more than ``most`` steps; ``last`` is told where it is at hand."""
    if skipped > most:
        raise UserError(
            f"train: {skipped} steps were skipped, more than train.max_skipped ({most})"
            f"{f'; the last is {last}' if last else ''}; the rows of all are in {(run / 'log').uri}/*/{FILE}: mend or "
            "leave out bad rows, or lower train.learning_rate; with a higher train.max_skipped the run goes on"
        )
