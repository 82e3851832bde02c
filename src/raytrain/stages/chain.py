"""The tasks of a job, in order: the chain of one training run, or the arms × seeds of a study."""

from collections.abc import Mapping

from raytrain.config import Job, Study
from raytrain.pipeline import Stage, Task
from raytrain.stages.benchmark import BENCHMARK
from raytrain.stages.evaluate import BM25, EVALUATE, UNTRAINED
from raytrain.stages.export import EXPORT
from raytrain.stages.index import INDEX, UNTRAINED_INDEX
from raytrain.stages.model import MODEL
from raytrain.stages.plan import PLAN
from raytrain.stages.prepare import prepare_task
from raytrain.stages.report import REPORT
from raytrain.stages.study import STUDY
from raytrain.stages.train import TRAIN
from raytrain.study.arms import ArmRun, runs_of, with_seed

TRAINING = [PLAN, MODEL, TRAIN, EXPORT]
EVALUATION = [BM25, UNTRAINED_INDEX, UNTRAINED, INDEX, EVALUATE]


def one_run(job: Job) -> Job:
    """The job without its study: one training run, with ``train.mix`` and ``train.seed``."""
    return job.model_copy(update={"study": None})


def tasks_of(job: Job) -> list[Task]:
    """What ``raytrain run`` does: the study if the job has one, else one training run and its evaluation."""
    return study(job, job.study) if job.study else chain(job)


def chain(job: Job) -> list[Task]:
    """One training run with ``train.mix``, to a report where the job names a benchmark.

    Benchmarks come first: what is wrong with them is to be known before the work.
    """
    if not job.evaluate.benchmarks:
        return [prepare_task(job), *(Task.of(stage, job) for stage in TRAINING)]
    rest = [Task.of(stage, job) for stage in (*TRAINING, *EVALUATION)]
    tasks = [Task.of(BENCHMARK, job), prepare_task(job), *rest]
    return [*tasks, Task("report", REPORT, job, _all(tasks))]


def study(job: Job, config: Study) -> list[Task]:
    """Every arm × seed of a study. Corpus, benchmarks and BM25 are shared by all, first weights by equal seeds."""
    tasks = [Task.of(BENCHMARK, job), prepare_task(job), Task.of(BM25, job)]
    runs = runs_of(job, config)
    for seed in dict.fromkeys(run.seed for run in runs):
        seeded = with_seed(job, seed)
        names = {stage.name: f"seed:{seed}/{stage.name}" for stage in (MODEL, UNTRAINED_INDEX, UNTRAINED)}
        tasks += [_task(stage, seeded, names) for stage in (MODEL, UNTRAINED_INDEX, UNTRAINED)]
    for run in runs:
        tasks += _arm(run)
    tasks.append(Task("study", STUDY, job, _all(tasks)))
    return [*tasks, Task("report", REPORT, job, _all(tasks))]


def _arm(run: ArmRun) -> list[Task]:
    own = (PLAN, TRAIN, EXPORT, INDEX, EVALUATE)
    names = {stage.name: f"{run.name}/{stage.name}" for stage in own} | {"model": f"seed:{run.seed}/model"}
    return [_task(stage, run.job, names) for stage in own]


def _task(stage: Stage, job: Job, names: Mapping[str, str]) -> Task:
    return Task(names[stage.name], stage, job, {role: names.get(role, role) for role in stage.inputs})


def _all(tasks: list[Task]) -> dict[str, str]:
    return {task.name: task.name for task in tasks}
