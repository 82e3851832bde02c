"""The objectives of a sweep, made of the scores of languages, and what is best by several of them. Pure."""

from collections.abc import Collection, Mapping, Sequence

from raytrain.errors import UserError
from raytrain.languages import languages_of
from raytrain.tune.config import Objective


def values_of(
    objectives: Sequence[Objective], scores: Mapping[str, float], trained: Collection[str]
) -> dict[str, float]:
    """Each objective of the scores by language. ``trained``: languages that trials may train on.

    Raises UserError where an objective has no language.
    """
    return {objective: _value(objective, scores, trained) for objective in objectives}


def _value(objective: Objective, scores: Mapping[str, float], trained: Collection[str]) -> float:
    chosen = [score for label, score in scores.items() if _counts(objective, label, trained)]
    if not chosen:
        raise UserError(
            f"tune.objectives: {objective} has no language: validated are {', '.join(sorted(scores))}, and trials may "
            f"train on {', '.join(sorted(trained))}"
        )
    return min(chosen) if objective == "worst" else sum(chosen) / len(chosen)


def _counts(objective: Objective, label: str, trained: Collection[str]) -> bool:
    known = set(languages_of(label)) <= set(trained)
    return {"trained": known, "never_trained": not known}.get(objective, True)


def front(values: Mapping[int, Sequence[float]]) -> list[int]:
    """The trials that no other one beats: none is as good in every objective and better in one. In order of number."""
    return [
        number
        for number, own in sorted(values.items())
        if not any(
            all(o >= mine for o, mine in zip(other, own, strict=True)) and tuple(other) != tuple(own)
            for other in values.values()
        )
    ]
