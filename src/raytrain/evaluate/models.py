"""Models of others, scored beside ours: what a job says of one, and what it is known to have been trained on."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, model_validator

from raytrain.section import Name, Section

# Names of the hub that are known to have been trained on both, from mteb 2.26's model metadata (training_datasets),
# which cites the reports: mE5 (arXiv 2402.05672), BGE-M3 (arXiv 2402.03216), mGTE (arXiv 2407.19669) and so on.
_TYDI = ("mrtydi", "miracl")
_KNOWN: Sequence[tuple[str, tuple[str, ...]]] = (
    (r"intfloat/multilingual-e5-.+", _TYDI),
    (r"baai/bge-(m3|m3-unsupervised|multilingual-gemma2)", _TYDI),
    (r"alibaba-nlp/gte-multilingual-base", _TYDI),
    (r"qwen/qwen3-embedding-.+", _TYDI),
    (r"ibm-granite/granite-embedding-.+", _TYDI),
    (r"(hit-tmg|kalm-embedding)/kalm-embedding-multilingual-mini-.+", _TYDI),
    (r"nvidia/(nv-embed-v[12]|llama-embed-nemotron-8b)", _TYDI),
    (r"snowflake/snowflake-arctic-embed-[lm]-v2\.0", ("miracl",)),
    (r"google/embeddinggemma-300m", ("miracl",)),
)
# Mr. TyDi and MIRACL ask TyDi QA's questions, so that who was trained on one has seen questions like the others'.
_SAME_QUESTIONS = frozenset({"tydiqa", "mrtydi", "miracl"})


class OtherModel(Section):
    """A model that sentence-transformers loads, scored beside the trained one."""

    name: str = Field(min_length=1, description="hub name, folder or s3:// prefix of a SentenceTransformer")
    revision: str | None = Field(None, description="of the hub; needed for a hub name")
    label: Name | None = Field(None, description="what tables call it; default: the last part of its name")
    query_prompt: str | None = Field(None, description="put before questions ('query: '); default: the model's own")
    passage_prompt: str | None = Field(None, description="put before passages; default: the model's own")
    trained_on: list[Name] | None = Field(
        None,
        description="benchmarks that it was trained on (mrtydi, miracl, tydiqa …), besides those known here; []: none",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _labelled(self) -> "OtherModel":
        if self.called.casefold() in ("", "bm25", "untrained", "trained"):
            raise ValueError(f"label: {self.name} would be called {self.called!r} in the tables: name it otherwise")
        return self

    @property
    def called(self) -> str:
        """Its name in tables and tasks: letters, digits, ``.``, ``_`` and ``-``."""
        last = PurePosixPath(self.name.rstrip("/")).name
        return self.label or re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._-")

    def rules(self) -> dict[str, Any]:
        """What texts go through besides the model's own files, as plain data."""
        return self.model_dump(mode="json", include={"query_prompt", "passage_prompt"})

    @property
    def seen(self) -> tuple[str, ...] | None:
        """The benchmarks that it was trained on, as the job says or as is known here; None: not known."""
        known = known_training(self.name)
        if not known and self.trained_on is None:
            return None
        return tuple(dict.fromkeys([*known, *(self.trained_on or ())]))


def known_training(name: str) -> tuple[str, ...]:
    """The benchmarks that a model is known to have been trained on; () where nothing is known.

    The last part of a name tells: a folder called bge-m3, or somebody's copy, counts as that.
    """
    last = PurePosixPath(name.lower()).name
    return next((found for known, found in _KNOWN if re.fullmatch(known.rsplit("/", 1)[-1], last)), ())


def trained_for(seen: Sequence[str], benchmark: str) -> list[str]:
    """Which of the benchmarks that a model has seen make a score on another, by its label, no zero-shot one."""
    kind = re.split(r"[-:]", benchmark)[0]
    of_kind = _SAME_QUESTIONS if kind in _SAME_QUESTIONS else {kind, benchmark}
    return [name for name in seen if name in of_kind]


def note_of(model: OtherModel, benchmark: str) -> str:
    """What to bear in mind of a model's scores on a benchmark (its label): whether they can be zero-shot at all."""
    if model.seen is None:
        return f"{model.called}: what it was trained on is not known here, so its scores are not called zero-shot."
    trained = trained_for(model.seen, benchmark)
    if trained:
        return f"{model.called}: trained on {' and '.join(trained)}, so its scores here are not zero-shot."
    return f"{model.called}: not trained on this benchmark, as far as the job says."
