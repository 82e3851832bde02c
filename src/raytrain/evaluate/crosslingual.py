"""Cross-lingual retrieval: BEIR folders named after the languages of questions and passages (deu-eng)."""

from collections.abc import Iterator

from raytrain.errors import UserError
from raytrain.evaluate import beir
from raytrain.evaluate.kind import Asked, Kind
from raytrain.evaluate.retrieval import Retrieval
from raytrain.languages import languages_of, to_label


def load(asked: Asked) -> Iterator[Retrieval]:
    """A part for each folder ``QUESTIONS-PASSAGES``. Raises UserError, also for a folder that names one language."""
    return beir.load(asked, _pair)


def _pair(name: str) -> str:
    label = to_label(name)
    question, passage = languages_of(label)
    if question == passage:
        raise UserError(f"{name!r} is one: name that of the questions and that of the passages (deu-eng)")
    return label


CROSSLINGUAL = Kind(
    kind="crosslingual",
    where="DIR",
    task="cross-lingual retrieval: questions in one language, passages in another",
    metric="nDCG@10",
    passages="corpus.jsonl of each folder QUESTIONS-PASSAGES",
    licence="the data set's own",
    splits=beir.SPLITS,
    read=load,
    identity=beir.identity,
)
