"""fused: the hits of BM25 and of a model made into one ranking, from what their evaluations left behind."""

from collections.abc import Mapping

from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.evaluate.fusion import K, reciprocal_rank_fusion
from raytrain.evaluate.held_out import HeldOut, held_out_of
from raytrain.evaluate.metrics import DEPTH, METRICS, Hits
from raytrain.evaluate.scored import read_hits
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.progress import Advance
from raytrain.stages.evaluate import score_all
from raytrain.storage import Location


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    arms: tuple[Artifact, ...] = inputs["bm25"], inputs["evaluate"]

    def rank(part: HeldOut, questions: dict[str, str], progress: Advance) -> Mapping[str, Hits]:
        found = reciprocal_rank_fusion([read_hits(arm, part) for arm in arms])
        progress(len(questions), part.language)
        return {question: found.get(question, []) for question in questions}

    questions = sum(part.asked for part in held_out_of(inputs["benchmark"]))
    return score_all("fused", inputs["benchmark"], questions, rank, folder, say)


FUSED = Stage(
    "fused",
    ("benchmark", "bm25", "evaluate"),
    lambda job: {"method": "reciprocal rank fusion", "k": K, "depth": DEPTH, "metrics": METRICS},
    _run,
)
