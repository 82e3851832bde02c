"""The config of placement: which nodes do which work."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from raytrain.section import Section

_SELECTOR = re.compile(r"!?([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|in\([A-Za-z0-9._, -]+\))")


def _selector(value: dict[str, str]) -> dict[str, str]:
    wrong = [f"{key}: {found}" for key, found in value.items() if not _SELECTOR.fullmatch(found)]
    if wrong:
        raise ValueError(f"{wrong[0]} is no label selector: give a value, '!value', 'in(a, b)' or '!in(a, b)'")
    return value


Selector = Annotated[dict[str, str], AfterValidator(_selector)]


class NodeLabels(Section):
    """Which nodes do which work: Ray's label selectors, e.g. ``{ray.io/market-type: "!spot"}``."""

    train: Selector = Field({}, description="training workers")
    data: Selector = Field({}, description="tasks that read, clean and tokenise")
    index: Selector = Field({}, description="actors that embed, and tasks that build an index")
    driver: Selector = Field({}, description="the driver of a submitted job; default: the head node")
