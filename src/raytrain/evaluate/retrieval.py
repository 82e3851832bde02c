"""What a benchmark is read to: questions, passages, and which passage answers which question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from raytrain.errors import UserError


@dataclass(frozen=True)
class Retrieval:
    """One language of a benchmark: texts by id, and relevance by question and passage id.

    ``language`` is a label: ISO 639-3, or that of the questions and that of the passages (``deu-eng``).
    With ``candidates`` a question is to choose among passages of its own, in this order; there ``unanswered`` are
    questions without a right one, which are asked too: a good system abstains from them.
    """

    language: str
    queries: Mapping[str, str]
    passages: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]
    left_out: int = 0  # questions without a relevant passage, which no score can be given
    untitled: Mapping[str, str] = field(default_factory=dict)  # the text alone of passages that begin with a title
    candidates: Mapping[str, Sequence[str]] = field(default_factory=dict)  # question → passages
    unanswered: Mapping[str, str] = field(default_factory=dict)


def chosen(name: str, languages: list[str] | None, found: set[str]) -> list[str]:
    """The wanted languages in order; None wants all. Raises UserError for one that the benchmark lacks."""
    missing = sorted(set(languages or ()) - found)
    if missing:
        raise UserError(f"evaluate.languages: {name} has no {', '.join(missing)}; it has {', '.join(sorted(found))}")
    return sorted(found if languages is None else set(languages))
