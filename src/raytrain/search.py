"""One question against a finished index."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from raytrain.artifact import Artifact, download_folder
from raytrain.cluster import cpus_here
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.held_out import held_out_of
from raytrain.languages import to_iso639_3
from raytrain.pipeline import status, up_to
from raytrain.stages.chain import chain, one_run
from raytrain.study.arms import runs_of


@dataclass(frozen=True)
class Found:
    """A passage that was found: its benchmark, language, id, text, and its inner product with the question."""

    benchmark: str
    language: str
    passage: str
    text: str
    score: float


def find(job: Job, text: str, language: str | None, k: int, arm: str | None, seed: int | None) -> list[Found]:
    """The ``k`` passages nearest to a question, best first: of one language, or of all.

    Raises UserError if nothing is indexed yet, or for an unknown language, arm or seed.
    """
    from raytrain.index.search import merged, search
    from raytrain.model.embedder import Embedder

    done = _finished(job, arm, seed)
    parts = held_out_of(done["benchmark"])
    if language is not None:
        code = to_iso639_3(language)
        there = sorted({part.language for part in parts})
        parts = [part for part in parts if part.language == code]
        if not parts:
            raise UserError(f"--lang: nothing of {code} is indexed; there is {', '.join(there)}")
    if not text.strip():
        raise UserError("TEXT is empty: ask something")
    with tempfile.TemporaryDirectory() as temp:
        folder = download_folder(done["export"], "model", Path(temp))
        embedder = Embedder(folder, job.model, job.train.tokens_per_chunk, cpus_here(), job.cluster.gpus_per_worker > 0)
    vectors = embedder.queries([text])
    hits = merged([(part, search(done["index"], part, vectors, k)[0]) for part in parts], k)
    texts = {
        (part, passage): text
        for part in {part for part, _, _ in hits}
        for passage, text in part.read_texts([passage for of, passage, _ in hits if of == part]).items()
    }
    return [Found(part.benchmark, part.language, passage, texts[part, passage], score) for part, passage, score in hits]


def _finished(job: Job, arm: str | None, seed: int | None) -> dict[str, Artifact]:
    """The artifacts of the training run that is to be searched."""
    chosen = _arm(job, arm, seed) if arm is not None or seed is not None else one_run(job)
    tasks = chain(chosen)
    if not job.evaluate.benchmarks:
        raise UserError("evaluate.benchmarks: names none, so there are no passages to search")
    states = status(up_to(tasks, "index"))
    lacking = [state.name for state in states if state.artifact is None]
    if lacking:
        arms = f", or choose a finished arm of the study with --arm: {', '.join(job.study.arms)}" if job.study else ""
        raise UserError(f"search: {lacking[0]} is not finished: run the job first{arms}")
    return {state.name: state.artifact for state in states if state.artifact}


def _arm(job: Job, arm: str | None, seed: int | None) -> Job:
    if job.study is None:
        raise UserError("--arm and --seed choose a run of a study, and the job has none")
    if arm is None:
        raise UserError(f"--seed: of which arm? Name one with --arm: {', '.join(job.study.arms)}")
    runs = [run for run in runs_of(job, job.study) if arm == run.arm and seed in (None, run.seed)]
    if not runs:
        names = ", ".join(run.name for run in runs_of(job, job.study))
        raise UserError(f"--arm, --seed: the study has no such run; it has {names}")
    return runs[0].job
