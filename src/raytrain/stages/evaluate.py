"""evaluate: every question of every benchmark searched exactly and scored; of a model, or of BM25."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raytrain.artifact import Artifact, File, download_folder
from raytrain.cluster import cpus_here
from raytrain.config import Job
from raytrain.evaluate.bm25 import K1, TOKENS, B, rank_bm25
from raytrain.evaluate.held_out import HeldOut, check_files, held_out_of, with_questions
from raytrain.evaluate.metrics import DEPTH, Hits
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.progress import Advance, counting
from raytrain.stages.model import FOLDER
from raytrain.storage import Location

Rank = Callable[[HeldOut, dict[str, str], Advance], Mapping[str, Hits]]


def _score_all(title: str, benchmark: Artifact, texts: int, rank: Rank, folder: Location) -> Outcome:
    from raytrain.evaluate.scored import write_scored

    parts = with_questions(held_out_of(benchmark))
    files: list[File] = []
    scores: dict[str, dict[str, dict[str, float]]] = {}
    with counting(title, "texts", texts) as progress:
        for part in parts:
            check_files(benchmark, part, "questions.parquet", "passages.parquet", "qrels.trec")
            ranked = rank(part, part.read_questions(), progress)
            written, means = write_scored(part, ranked, title, folder)
            files += written
            scores.setdefault(part.benchmark, {})[part.language] = means
    return Outcome(files, [f"{label}/" for label in scores], {"scores": scores})


def _identity(job: Job) -> Mapping[str, Any]:
    return {"model": job.model.rules(), "tokens_per_chunk": job.train.tokens_per_chunk, "depth": DEPTH}


def _of_model(title: str, of: str, embed: str, job: Job, inputs: Inputs, folder: Location) -> Outcome:
    from raytrain.index.embeddings import Embeddings, Span
    from raytrain.index.exact import search_exactly
    from raytrain.model.embedder import Embedder

    with tempfile.TemporaryDirectory() as temp:
        model = download_folder(inputs[of], FOLDER, Path(temp))
        embedder = Embedder(model, job.model, job.train.tokens_per_chunk, cpus_here(), job.cluster.gpus_per_worker > 0)

    embeddings = Embeddings(inputs[embed])
    spans = {(span.benchmark, span.language): span for span in embeddings.spans}

    def rank(part: HeldOut, questions: dict[str, str], progress: Advance) -> Mapping[str, Hits]:
        vectors = embedder.queries(list(questions.values()), lambda n: progress(n, part.language))
        key = part.benchmark, part.language
        empty = Span(benchmark=part.benchmark, language=part.language, first=0, stop=0)
        span = spans.get(key, empty)  # a language without passages has none
        return dict(zip(questions, search_exactly(embeddings, span, vectors, DEPTH), strict=True))

    questions = sum(part.questions for part in held_out_of(inputs["benchmark"]))
    done = _score_all(title, inputs["benchmark"], questions, rank, folder)
    return replace(done, summary={**done.summary, "device": embedder.device.type})


def _of_bm25(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    def rank(part: HeldOut, questions: dict[str, str], progress: Advance) -> Mapping[str, Hits]:
        return rank_bm25(questions, part.read_passages(), DEPTH, lambda n: progress(n, part.language))

    parts = with_questions(held_out_of(inputs["benchmark"]))
    texts = sum(part.questions + part.passages for part in parts)
    return _score_all("bm25", inputs["benchmark"], texts, rank, folder)


def evaluate_stage(name: str, of: str, embed: str) -> Stage:
    """The stage that scores the model of input ``of``, whose passages are in the embeddings of input ``embed``."""
    return Stage(
        name,
        ("benchmark", of, embed),
        _identity,
        lambda job, inputs, folder, say: _of_model(name, of, embed, job, inputs, folder),
    )


EVALUATE = evaluate_stage("evaluate", of="export", embed="embed")
UNTRAINED = evaluate_stage("untrained", of="model", embed="untrained-embed")
BM25 = Stage("bm25", ("benchmark",), lambda job: {"depth": DEPTH, "k1": K1, "b": B, "tokens": TOKENS}, _of_bm25)
