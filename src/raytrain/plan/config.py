"""The config of a mix."""

from typing import Annotated

from pydantic import Field, model_validator

from raytrain.languages import languages_of
from raytrain.section import KeyedByLabel, Label, Labels, Name, Section


class Mix(Section):
    """The share of each language: explicit weights, or a temperature over the counts."""

    weights: Annotated[dict[Label, Annotated[float, Field(ge=0, le=1e12)]] | None, KeyedByLabel] = Field(
        None, description="share of each language; need not sum to 1; other languages are not trained on"
    )
    temperature: float = Field(
        1.0, ge=0.1, le=1e6, description="share ∝ rows^(1/temperature): 1 as in the corpus, larger is more even"
    )
    include: Labels | None = Field(None, description="languages the temperature mixes; default: all")
    exclude: Labels | None = Field(
        None, description="languages it does not mix; of a language also its cross-lingual pairs"
    )
    max_passes: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="how often a language may repeat its rows in max_steps (to less than a batch; if mixed, to 30 rows "
        "and 1e-6 of all pairs); what it can't take goes to the others. A group's cap is for the group: a member may "
        "be half a pass above it",
    )
    group_small: Name | None = Field(
        None, description="languages too small for batches of their own share batches under this name; default: refused"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Mix":
        chosen = self.include is not None or self.exclude is not None
        if self.weights is not None and (chosen or self.temperature != 1.0):
            raise ValueError("weights say all: leave out include, exclude and temperature")
        if self.weights is not None and not any(self.weights.values()):
            raise ValueError("no weight is above 0")
        lost = [label for label in self.include or () if self.leaves_out(label)]
        if lost:
            raise ValueError(f"exclude leaves out {', '.join(lost)}, which include names")
        return self

    @property
    def asked(self) -> list[str]:
        """The labels that it names to be trained on; empty: whatever the corpus has."""
        return [label for label, weight in (self.weights or {}).items() if weight] or self.include or []

    def leaves_out(self, label: str) -> bool:
        """Whether ``exclude`` names the label, or one of its languages."""
        return not {label, *languages_of(label)}.isdisjoint(self.exclude or ())
