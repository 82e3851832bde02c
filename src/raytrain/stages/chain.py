"""The stages in order."""

from raytrain.config import Job
from raytrain.pipeline import Stage
from raytrain.stages.evaluate import EVALUATE
from raytrain.stages.export import EXPORT
from raytrain.stages.model import MODEL
from raytrain.stages.plan import PLAN
from raytrain.stages.prepare import PREPARE
from raytrain.stages.train import TRAIN


def chain(job: Job) -> list[Stage]:
    """The stages of a job: evaluation is one where the job names a benchmark."""
    stages = [PREPARE, PLAN, MODEL, TRAIN, EXPORT]
    return [*stages, EVALUATE] if job.evaluate.benchmarks else stages
