"""Facts put into words, less those a language lacks names for or that would leak the evaluation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import md5

from raytrain.corpus.cldr.facts import Fact, Value, facts
from raytrain.corpus.cldr.languages import UNSPACED
from raytrain.corpus.cldr.names import localise, territory_names
from raytrain.corpus.cldr.templates import templates
from raytrain.corpus.cldr.territories import is_held_out, territories

_KATAKANA = "[ァ-ヺー]"


@dataclass(frozen=True)
class Worded:
    """A fact in a language: all its questions and all its answers."""

    fact: Fact
    questions: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def turn(self) -> int:
        """A number fixed by the fact alone, to vary which phrasing is taken."""
        return int.from_bytes(md5(self.fact.url.encode(), usedforsecurity=False).digest()[:4])


def worded(language: str, *, for_evaluation: bool) -> Iterator[Worded]:
    """Yield the facts about held-out territories, or about the others, in words."""
    phrasings = templates(language)
    for fact in facts():
        if is_held_out(fact.territory) != for_evaluation:
            continue
        slots = _slots(language, fact)
        if slots is None:
            continue
        questions, answers = (tuple(_fill(each, slots) for each in side) for side in phrasings[fact.kind])
        if for_evaluation or not any(names_held_out(language, each) for each in (*questions, *answers)):
            yield Worded(fact, questions, answers)


def _slots(language: str, fact: Fact) -> dict[str, str] | None:
    slots: dict[str, str] = {}
    for slot, value in (("territory", Value("territory", (fact.territory,))), *fact.slots):
        text = localise(language, value)
        if text is None:
            return None
        slots[slot] = text
    # A territory's name in the asker's own language is no fact.
    if fact.kind == "endonym" and slots["endonym"] == slots["territory"]:
        return None
    return slots


def _fill(template: str, slots: dict[str, str]) -> str:
    text = template.format_map(slots)
    # Names may end in a full stop, as the template does, and start a sentence in lower case.
    return text[0].upper() + text[1:].replace("..", ".")


def names_held_out(language: str, text: str) -> bool:
    """Tell whether a text names a held-out territory in the given language.

    The longest name at a place counts, so that "Equatorial Guinea" does not name "Guinea".
    A name followed by an ending counts as well ("Norjan" for "Norja").
    """
    held_out, pattern = _name_patterns(language)
    # Nearly every text fails the plain search, which is far cheaper than the pattern.
    if not any(name in text for name in held_out):
        return False
    return any(match.group() in held_out for match in pattern.finditer(text))


@cache
def _name_patterns(language: str) -> tuple[frozenset[str], re.Pattern[str]]:
    names = territory_names(language, territories())
    held_out = frozenset(name for code, name in names.items() if is_held_out(code))
    longest_first = sorted(names.values(), key=lambda name: (-len(name), name))
    return held_out, re.compile("|".join(_bounded(language, name) for name in longest_first))


def _bounded(language: str, name: str) -> str:
    if language not in UNSPACED:
        return rf"(?<!\w){re.escape(name)}"
    # A run of katakana is a word: without this, "タイムゾーン" (time zone) would name "タイ".
    before = f"(?<!{_KATAKANA})" if re.match(_KATAKANA, name) else ""
    after = f"(?!{_KATAKANA})" if re.match(_KATAKANA, name[-1]) else ""
    return before + re.escape(name) + after
