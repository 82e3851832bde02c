"""What a benchmark is read to: questions, passages, and which passage answers which question."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from raytrain.errors import UserError


@dataclass(frozen=True)
class Retrieval:
    """One language of a benchmark: texts by id, and relevance by question and passage id."""

    language: str
    queries: Mapping[str, str]
    passages: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]
    left_out: int = 0  # questions without a relevant passage, which no score can be given
    untitled: Mapping[str, str] = field(default_factory=dict)  # the text alone of passages that begin with a title


def chosen(name: str, languages: list[str] | None, found: set[str]) -> list[str]:
    """The wanted languages in order; None wants all. Raises UserError for one that the benchmark lacks."""
    missing = sorted(set(languages or ()) - found)
    if missing:
        raise UserError(f"evaluate.languages: {name} has no {', '.join(missing)}; it has {', '.join(sorted(found))}")
    return sorted(found if languages is None else set(languages))
