"""Which checkpoint a validated run ends with, and which ones must be kept until that is known. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import dropwhile

from raytrain.config import Validate


@dataclass(frozen=True)
class Choice:
    """The best step so far, its score, and whether it was waited for a better one as long as the rules say."""

    step: int
    score: float
    ended: bool


def steps_to_validate(every: int, last: int) -> list[int]:
    """Every so many steps, and the last."""
    return [*range(every, last, every), last]


def choose(scores: Mapping[int, float | None], rules: Validate, last: int) -> Choice | None:
    """The choice from step → score; None before the first score. A score of None is that of a lost checkpoint.

    Steps are taken in order, and only up to the first that has no score: so the choice does not depend on how far
    training was ahead when scores came in. Of equal scores the earlier step counts.
    """
    best: Choice | None = None
    waited = 0
    for step in steps_to_validate(rules.every, last):
        if step not in scores:
            return best
        score = scores[step]
        if score is None:
            continue  # it can't be chosen, and says nothing about how training goes
        if best is None or score > best.score:
            best, waited = Choice(step, score, False), 0
        else:
            waited += 1
        if waited == rules.patience:
            return Choice(best.step, best.score, True)
    return best


def steps_to_keep(
    committed: Iterable[int], newest: int, scores: Mapping[int, float | None], rules: Validate | None, last: int
) -> set[int]:
    """Of the committed checkpoints: the newest ones, the best one, and those that are still to be scored."""
    steps = sorted(committed)
    kept = set(steps[-newest:])
    if rules is None:
        return kept
    # From the first that waits for its score on, nothing is decided yet.
    undecided = list(dropwhile(lambda step: step in scores, steps_to_validate(rules.every, last)))
    best = choose(scores, rules, last)
    return kept | (set(undecided) & set(steps)) | ({best.step} if best else set())
