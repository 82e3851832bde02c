"""The shapes that raw rows come in, told apart by the names of their columns."""

from collections.abc import Sequence
from typing import Literal

from raytrain.errors import UserError
from raytrain.languages import to_label

Shape = Literal["pairs", "training", "bitext"]

QUERY = "query"
# Names that training rows and mined negatives give their fields; the first that a row has counts.
POSITIVES = ("pos", "positive", "positives")
NEGATIVES = ("neg", "negative", "negatives")
POSITIVE_SCORES = ("pos_scores", "positive_scores", "positive_score")
NEGATIVE_SCORES = ("neg_scores", "negative_scores", "negative_score", "scores")

BITEXT = ("question1", "answer1", "question2", "answer2")
BITEXT_LANGUAGES = ("language1", "language2")

_SHAPES = "question, answer; or query, pos (positive); or question1, answer1, question2, answer2"


def shape_of(columns: Sequence[str], file: str) -> Shape:
    """The shape of the rows of a file: pairs, training rows (mined negatives are such), or bitexts.

    Raises UserError if the columns have none of the shapes, or two have one name.
    """
    names = set(columns)
    twice = sorted(name for name in names if columns.count(name) > 1)
    if twice:
        raise UserError(f"{file}: column {twice[0]!r} is there twice")
    if names.issuperset(BITEXT):
        return "bitext"
    if {"question", "answer"} <= names:
        return "pairs"
    if QUERY in names and not names.isdisjoint(POSITIVES):
        return "training"
    raise UserError(f"{file}: no rows that can be read: it has {', '.join(columns) or 'none'}, and needs {_SHAPES}")


def labels_of(shape: Shape, columns: Sequence[str], name: str, file: str) -> tuple[str, ...]:
    """The labels that rows can have in a file whose ``name`` says the language; () where only the rows say it.

    A bitext of two languages has pairs both ways. Raises UserError if the name has to say it and does not.
    """
    if shape == "bitext" and set(BITEXT_LANGUAGES) <= set(columns):
        return ()
    try:
        label = to_label(name)
    except UserError as error:
        raise UserError(f"{file}: {name!r} says the language, and {error}") from error
    first, both, second = label.partition("-")
    if shape != "bitext":
        return (label,)
    if not both:
        raise UserError(
            f"{file}: a bitext of {label} and what? Name it by both languages, as in deu-eng, "
            f"or add columns {', '.join(BITEXT_LANGUAGES)}"
        )
    return (label, f"{second}-{first}")
