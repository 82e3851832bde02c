"""Failures by example: the questions that a system answers worst, what it found for them and what it should have."""

from raytrain.artifact import Artifact
from raytrain.evaluate.held_out import HeldOut
from raytrain.evaluate.metrics import Hits
from raytrain.evaluate.scored import read_hits, read_scored
from raytrain.study.results import PRIMARY, Failure, Passage

SHOWN = 3  # hits of a question
LETTERS = 400  # of a text


def failures_of(system: str, evaluation: Artifact, part: HeldOut, count: int) -> list[Failure]:
    """The ``count`` questions of one language with the lowest primary score, and of equal ones those that the system
    was surest of: the highest score of a hit. None are shown that are answered perfectly.

    Raises UserError for a damaged file.
    """
    questions, scores = read_scored(evaluation, part)
    hits = read_hits(evaluation, part)
    by_question = dict(zip(questions, scores[PRIMARY].tolist(), strict=True))

    def order(question: str) -> tuple[float, float, str]:
        best = hits[question][0][1] if hits.get(question) else float("-inf")
        return by_question[question], -best, question

    worst = [question for question in sorted(by_question, key=order)[:count] if by_question[question] < 1]
    if not worst:
        return []
    texts, relevant = part.read_questions(), part.read_relevant()
    wanted = {question: _missed(hits.get(question, []), relevant[question]) for question in worst}
    shown = {question: hits.get(question, [])[:SHOWN] for question in worst}
    needed = {passage for found in shown.values() for passage, _ in found} | set(filter(None, wanted.values()))
    passages = part.read_texts(sorted(needed))
    found = []
    for question in worst:
        grades, missed = relevant[question], wanted[question]
        listed = [
            Passage(passage=p, text=_short(passages[p]), score=score, relevant=grades.get(p, 0) > 0)
            for p, score in shown[question]
        ]
        gold = None
        if missed is not None:
            gold = Passage(passage=missed, text=_short(passages[missed]), score=None, relevant=True)
        found.append(
            Failure(
                system=system,
                benchmark=part.benchmark,
                language=part.language,
                question=question,
                text=_short(texts[question]),
                score=by_question[question],
                found=listed,
                missed=gold,
            )
        )
    return found


def _missed(hits: Hits, grades: dict[str, int]) -> str | None:
    """The best relevant passage that is not shown."""
    shown = {passage for passage, _ in hits[:SHOWN]}
    missed = sorted((p for p, grade in grades.items() if grade > 0 and p not in shown), key=lambda p: (-grades[p], p))
    return missed[0] if missed else None


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LETTERS else words[: LETTERS - 1] + "…"
