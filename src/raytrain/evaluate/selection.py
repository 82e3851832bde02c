"""Passage selection as TyDi QA scores it (TyDiQA-SelectP): of a question's own article one passage, or none.

Rules and formats: github.com/google-research-datasets/tydiqa (tydi_eval.py, eval_utils.py; predictions as JSON lines).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

import numpy as np

from raytrain.errors import UserError
from raytrain.evaluate.metrics import Hits

# The official names, by which the scorer knows languages; it passes over any other.
NAMES: Mapping[str, str] = {
    "ara": "arabic",
    "ben": "bengali",
    "eng": "english",
    "fin": "finnish",
    "ind": "indonesian",
    "jpn": "japanese",
    "kor": "korean",
    "rus": "russian",
    "swa": "swahili",
    "tel": "telugu",
    "tha": "thai",
}
NONE = -1  # instead of the number of a passage


@dataclass(frozen=True)
class Prediction:
    """What a system chose for a question: the number of a candidate, or NONE."""

    question: str
    index: int
    score: float
    answered: bool  # whether the question has a right candidate
    right: bool


@dataclass(frozen=True)
class Selected:
    """How well passages were selected in a language, at the threshold that makes the most of F1."""

    f1: float
    precision: float
    recall: float
    threshold: float
    questions: int
    answered: int


def predictions_of(
    candidates: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Hits]
) -> list[Prediction]:
    """The best candidate of every question; a question without hits gets none.

    ``candidates``: question → its passages, in the official order. Raises UserError for a passage that is none of them.
    """
    found = []
    for question, passages in candidates.items():
        right = relevant.get(question, {})
        hits = ranked.get(question, [])
        if not hits:
            found.append(Prediction(question, NONE, 0.0, bool(right), False))
            continue
        passage, score = hits[0]
        if passage not in passages:
            raise UserError(f"passage {passage} was ranked for question {question}, and is none of its candidates")
        right_one = right.get(passage, 0) > 0
        found.append(Prediction(question, passages.index(passage), float(score), bool(right), right_one))
    return found


def best_f1(predictions: Sequence[Prediction]) -> Selected:
    """F1 of a language where predictions below a score count as none, chosen for the highest F1, as the scorer does.

    Precision: right ones of those predicted; recall: of the questions with an answer. Where nothing is right all are 0.
    """
    answered = sum(prediction.answered for prediction in predictions)
    best = Selected(0.0, 0.0, 0.0, 0.0, len(predictions), answered)
    right = predicted = 0
    falling = sorted(predictions, key=lambda prediction: -prediction.score)
    for score, tied in groupby(falling, key=lambda prediction: prediction.score):
        for prediction in tied:
            right += prediction.right
            predicted += prediction.index != NONE
        precision = right / predicted if predicted else 0.0
        recall = right / answered if answered else 0.0
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        if f1 > best.f1:
            best = Selected(f1, precision, recall, score, len(predictions), answered)
    return best


def averages(languages: Mapping[str, Selected]) -> dict[str, dict[str, float]]:
    """Means over the languages, with English and, as the scorer has it, without."""
    groups = {"all": list(languages.values()), "all without eng": [s for lang, s in languages.items() if lang != "eng"]}
    return {
        name: {key: float(np.mean([getattr(part, key) for part in parts])) for key in ("f1", "precision", "recall")}
        for name, parts in groups.items()
        if parts
    }


def scores_text(languages: Mapping[str, Selected]) -> str:
    """What ``selection.json`` holds."""
    found = {
        "task": "TyDiQA-SelectP",
        "languages": {language: asdict(selected) for language, selected in languages.items()},
        "averages": averages(languages),
    }
    return json.dumps(found, indent=1)


def predictions_text(language: str, predictions: Iterable[Prediction]) -> str:
    """Lines of the official prediction file; minimal answers, which are another task, are all none."""
    return "".join(
        json.dumps(
            {
                "example_id": _example_id(prediction.question),
                "language": NAMES[language],
                "passage_answer_index": prediction.index,
                "passage_answer_score": prediction.score,
                "minimal_answer": {"start_byte_offset": -1, "end_byte_offset": -1},
                "minimal_answer_score": 0.0,
                "yes_no_answer": "NONE",
            }
        )
        + "\n"
        for prediction in predictions
    )


def _example_id(name: str) -> int | str:
    """A number where it is one: the scorer compares ids with those of the official file, which are numbers."""
    return int(name) if name.removeprefix("-").isdecimal() and str(int(name)) == name else name
