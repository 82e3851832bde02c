"""Training pairs: questions and answers about the territories not held out."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5

from raytrain.corpus.cldr.languages import babel_locale
from raytrain.corpus.cldr.render import worded

ORIGIN = "cldr"


@dataclass(frozen=True)
class Pair:
    """A question with its answer, in the columns of a WebFAQ row."""

    id: str
    origin: str
    url: str
    question: str
    answer: str


def pairs(language: str) -> Iterator[Pair]:
    """Yield the training pairs of a language, given by its ISO 639-3 code, in a fixed order.

    Pairs that share a url are about the same fact: none of them is a negative for another.
    """
    # Checked here and not in the generator, so that a wrong code fails at the call.
    babel_locale(language)
    return _pairs(language)


def _pairs(language: str) -> Iterator[Pair]:
    seen: set[tuple[str, str]] = set()
    for each in worded(language, for_evaluation=False):
        for number, question in enumerate(each.questions):
            answer = each.answers[(each.turn + number) % len(each.answers)]
            if (question, answer) not in seen:
                seen.add((question, answer))
                yield _pair(each.fact.url, question, answer)


def _pair(url: str, question: str, answer: str) -> Pair:
    digest = md5(f"{question} {answer}".encode(), usedforsecurity=False).hexdigest()
    return Pair(digest, ORIGIN, url, question, answer)
