"""A part of a benchmark that can be scored in seconds, the same each time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """Questions and passages of one language by id, and grades by question and passage."""

    questions: Mapping[str, str]
    passages: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]


def sample(whole: Sample, questions: int, passages: int) -> Sample:
    """At most so many questions; the passages that answer them, filled up with others to so many.

    Which ones depends on their ids alone. With fewer passages to confuse, scores are higher than those of the whole.
    """
    asked = sorted(whole.relevant, key=_order)[:questions]
    relevant = {question: whole.relevant[question] for question in asked}
    needed = {passage for grades in relevant.values() for passage in grades}
    others = sorted((passage for passage in whole.passages if passage not in needed), key=_order)
    kept = sorted(needed | set(others[: max(passages - len(needed), 0)]))
    texts = {passage: whole.passages[passage] for passage in kept if passage in whole.passages}
    return Sample({question: whole.questions[question] for question in asked}, texts, relevant)


def _order(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest()
