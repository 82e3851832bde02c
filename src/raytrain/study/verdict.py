"""The answer in words: one sentence an arm and group, the languages no arm was trained on first."""

from collections.abc import Mapping, Sequence

from raytrain.study.results import Comparison
from raytrain.study.statistics import ALPHA

ASKED = {"never trained": "never-trained", "trained": "trained"}
NAMED = 20  # languages; a longer list says nothing in a sentence

ONE_SEED = "no verdict: one seed an arm says nothing about the next training run; name two or more in study.seeds"
CHANCE = "no verdict: the difference is within what new seeds and questions would change"


def verdicts(groups: Mapping[str, Sequence[str]], comparisons: Sequence[Comparison]) -> list[str]:
    """A sentence for each arm, in order, over ``never trained`` and then over ``trained``, where they are there."""
    found = {(c.system, c.name): c for c in comparisons if c.over == "group"}
    tests = sum(c.p_holm is not None for c in found.values())
    arms = dict.fromkeys(c.system for c in comparisons)
    asked = [(arm, group) for arm in arms for group in ASKED if (arm, group) in found]
    return [_sentence(found[arm, group], groups[group], tests) for arm, group in asked]


def _sentence(c: Comparison, languages: Sequence[str], tests: int) -> str:
    count = f"{len(languages)} {ASKED[c.name]} language{'' if len(languages) == 1 else 's'}"
    names = ", ".join([*languages[:NAMED], *(["…"] if len(languages) > NAMED else [])])
    numbers = f"{c.difference:+z.3f} {c.metric} [{c.low:+z.3f}, {c.high:+z.3f}]"
    start = f"{c.system} against {c.baseline}, {count} ({names}): {numbers}"
    if c.p is None or c.p_holm is None:
        return f"{start} over questions alone: {ONE_SEED}."
    return f"{start}, {_p(c.p_holm)} (Holm): {_finding(c, tests)}."


def _finding(c: Comparison, tests: int) -> str:
    if c.finding != "no verdict":
        return c.finding
    if c.p is not None and c.p < ALPHA:
        return f"no verdict: {_p(c.p)} by itself, but this is one of {tests} comparisons"
    return CHANCE


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
