"""What a job does, counted from its config: training runs, models that embed, passages of released benchmarks."""

from raytrain.config import Job
from raytrain.evaluate.benchmark import kind_of
from raytrain.evaluate.published import tables
from raytrain.study.arms import runs_of
from raytrain.submit.cost import Shape

# Of encoders of the hub, from their config.json; others are known once a job has fetched them.
SHAPES = {
    "FacebookAI/xlm-roberta-base": Shape(12, 768, 3072),
    "FacebookAI/xlm-roberta-large": Shape(24, 1024, 4096),
}


def training_runs(job: Job) -> int:
    """How many models the job trains: one, or one an arm and seed."""
    return len(runs_of(job, job.study)) if job.study else 1


def untrained_models(job: Job) -> int:
    """How many encoders stand beside them as they were before training: a named one is the same for all seeds."""
    if not job.evaluate.benchmarks:
        return 0
    if job.model.from_scratch is None or job.study is None:
        return 1
    return len({run.seed for run in runs_of(job, job.study)})


def released_passages(benchmark: str, languages: list[str] | None) -> int | None:
    """Passages of a benchmark as it was released, of some languages (None: all); None if it is not known here.

    All splits of those that are known have the same passages.
    """
    kind = kind_of(benchmark).kind
    table = next((table for table in tables() if table.kind == kind), None)
    if table is None or not set(languages or ()) <= set(table.passages):
        return None
    return sum(count for language, count in table.passages.items() if languages is None or language in languages)


def shape_of(job: Job) -> Shape | None:
    """The size of the encoder, as far as the job file or its name tells."""
    if job.model.from_scratch:
        small = job.model.from_scratch
        return Shape(small.layers, small.hidden, small.intermediate or 4 * small.hidden)
    return SHAPES.get(job.model.name_or_path or "")
