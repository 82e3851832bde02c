"""Questions against a finished index: of what is current under the job's name, or of an arm of its study."""

from dataclasses import dataclass

from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.languages import to_iso639_3
from raytrain.pipeline import root_of
from raytrain.serving import served_as


@dataclass(frozen=True)
class Found:
    """A passage that was found: what it is from, language, id, text, and its inner product with the question."""

    source: str
    language: str
    passage: str
    text: str
    score: float


def find(job: Job, text: str, language: str | None, k: int, arm: str | None, seed: int | None) -> list[Found]:
    """The ``k`` passages nearest to a question, best first: of one language, or of all.

    Raises UserError if nothing is indexed yet, or for an unknown language, arm or seed.
    """
    from raytrain.index.current import NAMES, current
    from raytrain.index.opening import open_index

    if not text.strip():
        raise UserError("TEXT is empty: ask something")
    name = served_as(job, arm, seed)
    if job.study and arm is None and current(root_of(job), name) is None:
        arms = ", ".join(job.study.arms)
        raise UserError(f"search: no index of train.mix is finished: choose an arm of the study with --arm: {arms}")
    index = open_index(root_of(job) / NAMES / name, memory_gib=job.index.memory_gib, copies=job.index.copies)
    code = to_iso639_3(language) if language is not None else None
    if code is not None and code not in (there := sorted({span.language for span in index.description.spans})):
        raise UserError(f"--lang: nothing of {code} is indexed; there is {', '.join(there)}")
    (hits,) = index.search([text], k, [code] if code else None)
    return [
        Found(hit.source, hit.language, hit.id, passage, hit.score)
        for hit, passage in zip(hits, index.texts(hits), strict=True)
    ]
