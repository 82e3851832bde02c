"""The held-out benchmark: questions on territories training never names, among many passages."""

from dataclasses import dataclass
from hashlib import md5

from raytrain.corpus.cldr.render import Worded, worded

PASSAGES = 1200


@dataclass(frozen=True)
class Retrieval:
    """Queries and passages by id, and for every query the grades of its relevant passages."""

    queries: dict[str, str]
    passages: dict[str, str]
    relevant: dict[str, dict[str, int]]


def held_out(language: str) -> Retrieval:
    """Build the benchmark of a language, given by its ISO 639-3 code.

    A query asks for one fact about a held-out territory, and one passage answers it. The other
    passages are the answers to the other queries and, up to `PASSAGES`, answers about training territories.
    """
    queries: dict[str, str] = {}
    passages: dict[str, str] = {}
    relevant: dict[str, dict[str, int]] = {}
    seen: set[str] = set()
    for each in worded(language, for_evaluation=True):
        query, passage = f"q:{each.fact.url}", f"p:{each.fact.url}"
        queries[query] = each.questions[each.turn % len(each.questions)]
        passages[passage] = _answer(each)
        relevant[query] = {passage: 1}
        seen.add(passages[passage])
    for each in sorted(worded(language, for_evaluation=False), key=_draw):
        if len(passages) >= PASSAGES:
            break
        if _answer(each) not in seen:
            seen.add(_answer(each))
            passages[f"p:{each.fact.url}"] = _answer(each)
    return Retrieval(queries, passages, relevant)


def _answer(each: Worded) -> str:
    # Not the same turn as the question's, or the two phrasings would always go together.
    return each.answers[each.turn // 7 % len(each.answers)]


def _draw(each: Worded) -> bytes:
    return md5(f"distractor {each.fact.url}".encode(), usedforsecurity=False).digest()
