"""Numbers that others have published on a benchmark, to be shown beside measured ones and never among them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Protocol

import yaml

from raytrain.artifact import Record, digest

TABLE = "published.yaml"
LIKE = 0.01  # by how much the number of passages may differ: readers leave out empty ones, sources round


class PublishedSystem(Record):
    """What one source says of one system. ``scores``: metric → language → value in 0…1; ``trained_on``: benchmarks."""

    name: str
    source: str
    url: str
    trained_on: tuple[str, ...] = ()
    scores: dict[str, dict[str, float]]


class Published(Record):
    """What is published on a benchmark: ``questions`` and ``passages`` by language are those it was measured on."""

    kind: str
    name: str
    split: str
    questions: dict[str, int]
    passages: dict[str, int]
    systems: list[PublishedSystem]


class Size(Protocol):
    """How large a language of a benchmark is as it was read here."""

    @property
    def questions(self) -> int:
        """Those with a relevant passage."""

    @property
    def left_out(self) -> int:
        """Those without."""

    @property
    def passages(self) -> int:
        """All of them."""


def published_for(label: str, sizes: Mapping[str, Size]) -> list[Published]:
    """What is published on a benchmark of this label, in the languages that have the size published numbers are of.

    Another split, a sample or a part of the passages gives other numbers, and nothing to compare with.
    """
    found = []
    for table in tables():
        of_kind = label == table.kind or label.startswith(f"{table.kind}-")
        alike = [language for language, size in sizes.items() if of_kind and _alike(table, language, size)]
        if alike:
            found.append(_only(table, alike))
    return found


@cache
def tables() -> tuple[Published, ...]:
    """All there is."""
    data = yaml.safe_load((files("raytrain.evaluate") / TABLE).read_text(encoding="utf-8"))
    return tuple(Published.model_validate(entry) for entry in data)


def edition() -> str:
    """What tells these numbers from those of another raytrain."""
    return digest([table.model_dump(mode="json") for table in tables()])


def _alike(table: Published, language: str, size: Size) -> bool:
    asked = size.questions + size.left_out
    passages = table.passages.get(language, 0)
    return table.questions.get(language) == asked and abs(size.passages - passages) <= LIKE * passages


def _only(table: Published, languages: list[str]) -> Published:
    systems = [
        system.model_copy(
            update={"scores": {m: {k: v for k, v in s.items() if k in languages} for m, s in system.scores.items()}}
        )
        for system in table.systems
    ]
    sizes = {name: {k: getattr(table, name)[k] for k in languages} for name in ("questions", "passages")}
    return table.model_copy(update={"systems": systems, **sizes})
