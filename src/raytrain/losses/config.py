"""The config of the losses: named terms, each with a weight. Nothing here needs torch."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

from raytrain.section import Name, Section, absent_is_empty

MIN_TEMPERATURE = 0.01  # of a learned one, as CLIP's cap of 100 on the scale (arXiv 2103.00020, section 2.5)


class Matryoshka(Section):
    """The first dimensions of a vector are made to work alone: the term is the weighted sum over all widths."""

    dims: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        description="widths, each at most the model's; the whole width must be named to count"
    )
    weights: list[PositiveFloat] | None = Field(None, description="one a width; default: 1 each")

    @model_validator(mode="after")
    def _one_weight_a_width(self) -> "Matryoshka":
        if len(set(self.dims)) < len(self.dims):
            raise ValueError(f"dims name a width twice: {self.dims}")
        if self.weights is not None and len(self.weights) != len(self.dims):
            raise ValueError(f"{len(self.weights)} weights for {len(self.dims)} dims")
        return self

    @property
    def weight_of(self) -> Mapping[int | None, float]:
        """Width → weight."""
        return dict(zip(self.dims, self.weights or [1.0] * len(self.dims), strict=True))


class Term(Section):
    """What all losses have."""

    weight: PositiveFloat = Field(1.0, description="in the sum of all terms")
    matryoshka: Matryoshka | None = None

    @property
    def widths(self) -> Mapping[int | None, float]:
        """Width → weight of the sum that the term is; None is the whole vector."""
        return {None: 1.0} if self.matryoshka is None else self.matryoshka.weight_of


class LearnedTemperature(Section):
    """A temperature that is trained with the model."""

    start: Annotated[float, Field(gt=MIN_TEMPERATURE)] = 0.05
    learning_rate: PositiveFloat = Field(1e-3, description="its own peak; the schedule is the model's")


def _learned(value: object) -> str:
    return "on" if isinstance(value, dict | LearnedTemperature) else "off"


Temperature = Annotated[
    Annotated[PositiveFloat, Tag("off")] | Annotated[LearnedTemperature, Tag("on")], Discriminator(_learned)
]


class InfoNCE(Term):
    """A question's passage against all passages of the batch, of all workers (multiple negatives ranking)."""

    kind: Literal["info_nce"] = "info_nce"
    temperature: Temperature = Field(0.05, description="cosines are divided by it; {start: 0.05} learns it")
    symmetric: bool = Field(False, description="also each passage against all questions; the two are averaged")
    false_negative_margin: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="leave out negatives whose cosine is above the positive's less this"
    )


class MarginMSE(Term):
    """The difference between a positive's and a negative's cosine is to be the teacher's (arXiv 2010.02666)."""

    kind: Literal["margin_mse"] = "margin_mse"
    score_scale: PositiveFloat = Field(
        description="what a cosine is multiplied by to be compared with a teacher's score: half their range, about"
    )


class KL(Term):
    """The distribution over a row's own passages is to be the teacher's (listwise distillation)."""

    kind: Literal["kl"] = "kl"
    score_scale: PositiveFloat = Field(
        description="what a cosine is multiplied by to be compared with a teacher's score: half their range, about"
    )
    temperature: PositiveFloat = Field(1.0, description="teacher's scores and scaled cosines are divided by it")


Loss = InfoNCE | MarginMSE | KL


def _kind(value: object) -> str:
    """In brackets, so that an error's place tells it from keys of the user (jobfile)."""
    return f"<{value.get('kind', 'info_nce') if isinstance(value, dict) else getattr(value, 'kind', 'info_nce')}>"


AnyLoss = Annotated[
    Annotated[InfoNCE, Tag("<info_nce>")] | Annotated[MarginMSE, Tag("<margin_mse>")] | Annotated[KL, Tag("<kl>")],
    Discriminator(_kind),
    BeforeValidator(absent_is_empty),
]


def _not_taken(losses: dict[str, Loss]) -> dict[str, Loss]:
    for name in ("rows", "loss"):
        if name in losses:
            raise ValueError(f"{name} is what is logged beside the terms: call the term otherwise")
    return losses


Losses = Annotated[dict[Name, AnyLoss], Field(min_length=1), AfterValidator(_not_taken)]


def learned_temperatures(losses: Mapping[str, Loss]) -> dict[str, LearnedTemperature]:
    """Terms that learn their temperature, in the order of their names: the same however a job file puts them."""
    return {
        name: loss.temperature
        for name, loss in sorted(losses.items())
        if isinstance(loss, InfoNCE) and isinstance(loss.temperature, LearnedTemperature)
    }
