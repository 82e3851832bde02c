"""evaluate: every question of every benchmark searched exactly and scored; of a model, or of BM25."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from raytrain.artifact import Artifact, File, download_folder
from raytrain.cluster import cpus_here
from raytrain.config import Job
from raytrain.evaluate.bm25 import K1, TOKENS, B, rank_bm25
from raytrain.evaluate.held_out import HeldOut, check_files, held_out_of, with_questions
from raytrain.evaluate.metrics import DEPTH, Hits
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.progress import Advance, counting
from raytrain.stages.embed import TRAINED, Opening
from raytrain.stages.model_source import FOLDER
from raytrain.storage import Location

Rank = Callable[[HeldOut, dict[str, str], Advance], Mapping[str, Hits]]


def score_all(title: str, benchmark: Artifact, texts: int, rank: Rank, folder: Location) -> Outcome:
    """Ranks and scores every language that has questions; ``texts`` is how many ``rank`` tells the progress of."""
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


def _of_model(title: str, of: str, embed: str, opening: Opening, job: Job, inputs: Inputs, folder: Location) -> Outcome:
    from raytrain.index.embeddings import Embeddings, Span
    from raytrain.index.exact import search_exactly

    with tempfile.TemporaryDirectory() as temp:
        model = download_folder(inputs[of], FOLDER, Path(temp))
        embedder = opening.opener(job)(model, cpus_here(), job.cluster.gpus_per_worker > 0)

    embeddings = Embeddings(inputs[embed])
    spans = {(span.benchmark, span.language): span for span in embeddings.spans}

    def rank(part: HeldOut, questions: dict[str, str], progress: Advance) -> Mapping[str, Hits]:
        vectors = embedder.queries(list(questions.values()), lambda n: progress(n, part.language))
        key = part.benchmark, part.language
        empty = Span(benchmark=part.benchmark, language=part.language, first=0, stop=0)
        span = spans.get(key, empty)  # a language without passages has none
        return dict(zip(questions, search_exactly(embeddings, span, vectors, DEPTH), strict=True))

    questions = sum(part.questions for part in held_out_of(inputs["benchmark"]))
    return score_all(title, inputs["benchmark"], questions, rank, folder)


def _of_bm25(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    def rank(part: HeldOut, questions: dict[str, str], progress: Advance) -> Mapping[str, Hits]:
        return rank_bm25(questions, part.read_passages(), DEPTH, lambda n: progress(n, part.language))

    parts = with_questions(held_out_of(inputs["benchmark"]))
    texts = sum(part.questions + part.passages for part in parts)
    return score_all("bm25", inputs["benchmark"], texts, rank, folder)


def evaluate_stage(name: str, of: str, embed: str, opening: Opening = TRAINED, title: str | None = None) -> Stage:
    """The stage that scores the model of input ``of``, whose passages are in the embeddings of input ``embed``.

    ``title`` (default: the name) is what run files call the model.
    """
    return Stage(
        name,
        ("benchmark", of, embed),
        lambda job: {**opening.identity(job), "depth": DEPTH},
        lambda job, inputs, folder, say: _of_model(title or name, of, embed, opening, job, inputs, folder),
    )


EVALUATE = evaluate_stage("evaluate", of="export", embed="embed")
UNTRAINED = evaluate_stage("untrained", of="model", embed="untrained-embed")
BM25 = Stage("bm25", ("benchmark",), lambda job: {"depth": DEPTH, "k1": K1, "b": B, "tokens": TOKENS}, _of_bm25)
