"""The config of a mix."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator

from raytrain.errors import UserError
from raytrain.languages import languages_of, to_label
from raytrain.section import KeyedByLabel, Label, Labels, Name, Section, each_once

Factor = Annotated[float, Field(gt=0, le=1e12)]


def _label_of(name: str) -> str | None:
    """The label that a name stands for; None if it is none."""
    try:
        return to_label(name)
    except UserError:
        return None


class Mix(Section):
    """The share of each language: explicit weights, or a temperature over the counts."""

    weights: Annotated[dict[Label, Annotated[float, Field(ge=0, le=1e12)]] | None, KeyedByLabel] = Field(
        None, description="share of each language; need not sum to 1; other languages are not trained on"
    )
    temperature: float = Field(
        1.0, ge=0.1, le=1e6, description="share ∝ rows^(1/temperature): 1 as in the corpus, larger is more even"
    )
    groups: dict[Name, Labels] | None = Field(None, description="name → languages that a multiplier can be given for")
    multipliers: dict[str, Factor] | None = Field(
        None, description="language, or name of a group → what its share is multiplied by; its own and its group's"
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

    @field_validator("groups")
    @classmethod
    def _apart(cls, groups: dict[str, list[str]] | None) -> dict[str, list[str]] | None:
        owners: dict[str, str] = {}
        for name, labels in (groups or {}).items():
            label = _label_of(name)
            if label is not None:
                raise ValueError(f"{name} is a language ({label}): call the group otherwise")
            for label in labels:
                other = owners.setdefault(label, name)
                if other != name:
                    raise ValueError(f"{label} is in two groups, {other} and {name}")
        return groups

    @field_validator("multipliers")
    @classmethod
    def _by_label(cls, multipliers: dict[str, float] | None, info: ValidationInfo) -> dict[str, float] | None:
        if multipliers is None or "groups" not in info.data:  # what is wrong with the groups is told already
            return multipliers
        groups = info.data["groups"] or {}
        labels = {name: name if name in groups else _label_of(name) for name in multipliers}
        unknown = [name for name, label in labels.items() if label is None]
        if unknown:
            known = f"; the groups are {', '.join(groups)}" if groups else ""
            raise ValueError(f"{unknown[0]} is neither a language nor in groups{known}")
        each_once(list(labels.values()))
        return {str(labels[name]): factor for name, factor in multipliers.items()}

    @model_validator(mode="after")
    def _one_way(self) -> "Mix":
        others = ("include", "exclude", "groups", "multipliers")
        chosen = any(getattr(self, name) is not None for name in others)
        if self.weights is not None and (chosen or self.temperature != 1.0):
            raise ValueError(f"weights say all: leave out {', '.join(others)} and temperature")
        if self.weights is not None and not any(self.weights.values()):
            raise ValueError("no weight is above 0")
        lost = [label for label in self.include or () if self.leaves_out(label)]
        if lost:
            raise ValueError(f"exclude leaves out {', '.join(lost)}, which include names")
        if self.group_small in (self.groups or {}):
            raise ValueError(f"group_small: {self.group_small} is a name in groups: call it otherwise")
        idle = [label for label in self._multiplied if self.leaves_out(label) or label not in (self.include or [label])]
        if idle:
            raise ValueError(f"multipliers.{idle[0]}: include and exclude leave it out of the mix")
        return self

    @property
    def asked(self) -> list[str]:
        """The labels that it names to be trained on; empty: whatever the corpus has."""
        return [label for label, weight in (self.weights or {}).items() if weight] or self.include or []

    @property
    def named(self) -> set[str]:
        """All labels that the corpus must have: those asked for, with a multiplier, or in a group."""
        return {*self.asked, *self._multiplied, *(label for labels in (self.groups or {}).values() for label in labels)}

    @property
    def _multiplied(self) -> list[str]:
        """The labels with a multiplier of their own."""
        return [name for name in self.multipliers or {} if name not in (self.groups or {})]

    @property
    def factors(self) -> dict[str, float]:
        """What shares are multiplied by, where it is not 1: a label's own multiplier times that of its group."""
        factors = {label: (self.multipliers or {})[label] for label in self._multiplied}
        for group, labels in (self.groups or {}).items():
            for label in labels:
                factors[label] = factors.get(label, 1.0) * (self.multipliers or {}).get(group, 1.0)
        return {label: factor for label, factor in factors.items() if factor != 1.0}

    def leaves_out(self, label: str) -> bool:
        """Whether ``exclude`` names the label, or one of its languages."""
        return not {label, *languages_of(label)}.isdisjoint(self.exclude or ())
