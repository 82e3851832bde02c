"""evaluate: every question of every benchmark searched exactly and scored; of a model, or of BM25."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raytrain.artifact import Artifact, File, download_folder
from raytrain.cluster import cpus_here
from raytrain.config import Job
from raytrain.evaluate.bm25 import K1, TOKENS, B, rank_among_bm25, rank_bm25
from raytrain.evaluate.held_out import HeldOut, check_files, held_out_of
from raytrain.evaluate.metrics import DEPTH, METRICS, Hits
from raytrain.evaluate.selection import Prediction
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.progress import Advance, counting
from raytrain.stages.embed import TRAINED, Opening
from raytrain.stages.model_source import FOLDER
from raytrain.storage import Location

Rank = Callable[[HeldOut, dict[str, str], Advance], Mapping[str, Hits]]


def score_all(title: str, benchmark: Artifact, texts: int, rank: Rank, folder: Location, say: Say) -> Outcome:
    """Ranks and scores every language that has questions; ``texts`` is how many ``rank`` tells the progress of."""
    from raytrain.evaluate.scored import predictions_of_part, write_scored, write_selected

    parts = [part for part in held_out_of(benchmark) if part.asked]
    files: list[File] = []
    scores: dict[str, dict[str, dict[str, float]]] = {}
    predicted: dict[str, dict[str, list[Prediction]]] = {}
    with counting(title, "texts", texts) as progress:
        for part in parts:
            check_files(benchmark, part, *part.files)
            ranked = rank(part, part.read_asked(), progress)
            written, means = write_scored(part, ranked, title, folder)
            files += written
            if part.questions:
                scores.setdefault(part.benchmark, {})[part.language] = means
            if part.selecting:
                predicted.setdefault(part.benchmark, {})[part.language] = predictions_of_part(part, ranked)
    summary: dict[str, Any] = {"scores": scores}
    for label, predictions in predicted.items():
        written, found = write_selected(label, predictions, folder)
        files += written
        summary.setdefault("selection", {})[label] = found
        say(f"{title}: {label}: TyDiQA-SelectP F1 " + ", ".join(f"{s['f1']:.4f} ({name})" for name, s in found.items()))
    return Outcome(files, [f"{label}/" for label in dict.fromkeys(part.benchmark for part in parts)], summary)


def _of_model(
    title: str, of: str, embed: str, opening: Opening, job: Job, inputs: Inputs, folder: Location, say: Say
) -> Outcome:
    from raytrain.index.embeddings import Embeddings, Span
    from raytrain.index.exact import search_among, search_exactly

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
        if part.selecting:
            found = search_among(embeddings, span, vectors, list(part.read_candidates().values()), DEPTH)
        else:
            found = search_exactly(embeddings, span, vectors, DEPTH)
        return dict(zip(questions, found, strict=True))

    questions = sum(part.asked for part in held_out_of(inputs["benchmark"]))
    done = score_all(title, inputs["benchmark"], questions, rank, folder, say)
    return replace(done, summary={**done.summary, "device": embedder.device.type})


def _of_bm25(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    def rank(part: HeldOut, questions: dict[str, str], progress: Advance) -> Mapping[str, Hits]:
        passages, advance = part.read_passages(), lambda n: progress(n, part.language)
        if part.selecting:
            return rank_among_bm25(questions, passages, part.read_candidates(), DEPTH, advance)
        return rank_bm25(questions, passages, DEPTH, advance)

    texts = sum(part.asked + part.passages for part in held_out_of(inputs["benchmark"]) if part.asked)
    return score_all("bm25", inputs["benchmark"], texts, rank, folder, say)


def evaluate_stage(name: str, of: str, embed: str, opening: Opening = TRAINED, title: str | None = None) -> Stage:
    """The stage that scores the model of input ``of``, whose passages are in the embeddings of input ``embed``.

    ``title`` (default: the name) is what run files call the model.
    """
    return Stage(
        name,
        ("benchmark", of, embed),
        lambda job: {**opening.identity(job), "depth": DEPTH, "metrics": METRICS},
        lambda job, inputs, folder, say: _of_model(title or name, of, embed, opening, job, inputs, folder, say),
    )


EVALUATE = evaluate_stage("evaluate", of="export", embed="embed")
UNTRAINED = evaluate_stage("untrained", of="model", embed="untrained-embed")
BM25 = Stage(
    "bm25",
    ("benchmark",),
    lambda job: {"depth": DEPTH, "metrics": METRICS, "k1": K1, "b": B, "tokens": TOKENS},
    _of_bm25,
)
