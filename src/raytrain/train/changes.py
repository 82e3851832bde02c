"""Settings that change in mid-run: mix, weights of loss terms and learning rate, each from a step on."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from raytrain.plan.config import Mix
from raytrain.section import Name, Section

if TYPE_CHECKING:
    from raytrain.config import Train

WITHOUT_EFFECT = {"checkpoint_every", "keep_checkpoints", "max_skipped"}  # of train, on rows and weights


class Change(Section):
    """What is otherwise from a step on; what is not named stays as it was before."""

    at: PositiveInt = Field(description="the first step with it, counted from 0")
    mix: Mix | None = Field(None, description="as train.mix")
    losses: Annotated[dict[Name, PositiveFloat], Field(min_length=1)] | None = Field(
        None, description="term → its weight; other terms keep theirs"
    )
    learning_rate: PositiveFloat | None = Field(None, description="the peak that the schedule scales")

    @model_validator(mode="after")
    def _changes_something(self) -> "Change":
        if self.mix is None and self.losses is None and self.learning_rate is None:
            raise ValueError("changes nothing: give mix, losses or learning_rate")
        return self


def check_changes(changes: Sequence[Change], losses: Mapping[str, Any], max_steps: int) -> None:
    """Raises ValueError, in words for the user, for changes out of order, after the end, or of terms there are not."""
    for number, (before, after) in enumerate(pairwise(changes), 1):
        if after.at <= before.at:
            raise ValueError(f"changes.{number}.at ({after.at}) must be more than that before it ({before.at})")
    for number, change in enumerate(changes):
        if change.at >= max_steps:
            raise ValueError(f"changes.{number}.at ({change.at}) must be less than max_steps ({max_steps})")
        unknown = sorted(set(change.losses or ()) - set(losses))
        if unknown:
            raise ValueError(f"changes.{number}.losses: no term is called {unknown[0]}; there are {', '.join(losses)}")


def until(train: "Train", step: int) -> "Train":
    """The settings without the changes from ``step`` on: runs for which these are equal share their first steps."""
    return train.model_copy(update={"changes": [change for change in train.changes if change.at < step]})


def in_force(train: "Train", step: int) -> "Train":
    """The settings with the learning rate and the weights of losses that hold at a step, counted from 0."""
    rate, losses = train.learning_rate, dict(train.losses)
    for change in (change for change in train.changes if change.at <= step):
        rate = change.learning_rate or rate
        for name, weight in (change.losses or {}).items():
            losses[name] = losses[name].model_copy(update={"weight": weight})
    return train.model_copy(update={"learning_rate": rate, "losses": losses})
