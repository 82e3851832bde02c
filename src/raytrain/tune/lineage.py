"""What a trial's settings are, and were: from the draw of its proposal, through what changed while it ran."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from raytrain.tune.results import Change
from raytrain.tune.space import Settings, Space

LINEAGE = "lineage"  # in the config of a trial that is gone on with


class Lineage(BaseModel):
    """The settings at first, None for the job file's own, and what changed later. A run is this and nothing else:
    whether it began with another's checkpoint makes no difference to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: dict[str, Any] | None
    changes: tuple[Change, ...] = ()

    def changed(self, change: Change) -> "Lineage":
        """With another change; one that begins at the same step gives way to it."""
        return self.model_copy(update={"changes": (*(c for c in self.changes if c.at < change.at), change)})

    @property
    def now(self) -> Settings | None:
        """The settings that hold at the end."""
        return self.changes[-1].settings if self.changes else self.settings


def lineage_of(config: Mapping[str, Any], space: Space) -> Lineage:
    """Of the config of a trial of Ray Tune."""
    if LINEAGE in config:
        return Lineage.model_validate_json(config[LINEAGE])
    return Lineage(settings=space.settings(config) if config["number"] else None)
