"""The config of a mix."""

from typing import Annotated

from pydantic import Field, PositiveFloat, model_validator

from raytrain.section import KeyedByLabel, Label, Labels, Section


class Mix(Section):
    """The share of each language: explicit weights, or a temperature over the counts."""

    weights: Annotated[dict[Label, Annotated[float, Field(ge=0)]] | None, KeyedByLabel] = Field(
        None, description="share of each language; need not sum to 1; other languages are not trained on"
    )
    temperature: PositiveFloat = Field(1.0, description="share ∝ rows^(1/temperature): 1 as in the corpus")
    languages: Labels | None = Field(None, description="languages the temperature mixes; default: all")

    @model_validator(mode="after")
    def _one_way(self) -> "Mix":
        if self.weights is not None and (self.languages is not None or self.temperature != 1.0):
            raise ValueError("weights say all: leave out languages and temperature")
        if self.weights is not None and not any(self.weights.values()):
            raise ValueError("no weight is above 0")
        return self
