"""The tasks of a job, in order: the chain of one training run, or the arms × seeds of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from raytrain.config import Job, Study
from raytrain.pipeline import Stage, Task
from raytrain.stages.benchmark import BENCHMARK, validation_task
from raytrain.stages.embed import EMBED, UNTRAINED_EMBED, embed_stage
from raytrain.stages.evaluate import BM25, EVALUATE, UNTRAINED
from raytrain.stages.export import EXPORT
from raytrain.stages.fusion import FUSED
from raytrain.stages.index import INDEX
from raytrain.stages.model import MODEL
from raytrain.stages.other_model import other_tasks
from raytrain.stages.passages import PASSAGES
from raytrain.stages.plan import PLAN
from raytrain.stages.prepare import prepare_task
from raytrain.stages.report import REPORT
from raytrain.stages.study import STUDY
from raytrain.stages.sweep_report import SWEEP_REPORT
from raytrain.stages.tokens import TOKENS
from raytrain.stages.train import TRAIN
from raytrain.stages.tune import TUNE
from raytrain.study.arms import ArmRun, runs_of, with_seed
from raytrain.tune.winner import runs_to_confirm

EVALUATION = [BM25, UNTRAINED_EMBED, UNTRAINED, EMBED, EVALUATE, FUSED]
PASSAGES_EMBED = embed_stage("passages-embed", passages="passages", of="export")


def one_run(job: Job) -> Job:
    """The job without its study and its search: one training run, with ``train.mix`` and ``train.seed``."""
    return job.model_copy(update={"study": None, "tune": None})


def tasks_of(job: Job) -> list[Task]:
    """What ``raytrain run`` does: the study if the job has one, else one training run and its evaluation."""
    return study(job, job.study) if job.study else chain(job)


def chain(job: Job) -> list[Task]:
    """One training run with ``train.mix``, to an index and a report where the job names a benchmark or passages.

    Benchmarks and passages come first: what is wrong with them is to be known before the work.
    """
    training = [*_validation(job), *_passages(job), prepare_task(job), *_training(job)]
    if not job.evaluate.benchmarks:
        return [*training, *(_indexing(job, {}) if job.index.passages else [])]
    tasks = [Task.of(BENCHMARK, job), *training, *other_tasks(job), *(Task.of(stage, job) for stage in EVALUATION)]
    return [*tasks, *_indexing(job, {}), Task("report", REPORT, job, _all(tasks))]


def _training(job: Job) -> list[Task]:
    tokens = [Task.of(TOKENS, job)] if job.corpus.tokenise else []
    return [Task.of(PLAN, job), Task.of(MODEL, job), *tokens, _train(job, {}), Task.of(EXPORT, job)]


def _passages(job: Job) -> list[Task]:
    return [Task.of(PASSAGES, job)] if job.index.passages else []


def _indexing(job: Job, names: Mapping[str, str]) -> list[Task]:
    """The index of the job's own passages or, where it has none, of the benchmarks', whose embeddings are there."""
    if not job.index.passages:
        return [_task(INDEX, job, {"passages": "benchmark", **names})]
    index = _task(INDEX, job, {**names, "embed": names.get("passages-embed", "passages-embed")})
    questions = {"questions": "benchmark"} if job.evaluate.benchmarks else {}  # real ones, to measure recall with
    return [_task(PASSAGES_EMBED, job, names), replace(index, inputs={**index.inputs, **questions})]


def study(job: Job, config: Study) -> list[Task]:
    """Every arm × seed of a study, its indexes and its report."""
    runs = runs_of(job, config)
    tasks = compared(job, runs)
    indexing = [task for run in runs for task in _indexing(run.job, _names(run))]
    return [*tasks, *indexing, Task("report", REPORT, job, _all(tasks))]


def compared(job: Job, runs: Sequence[ArmRun]) -> list[Task]:
    """Training runs, scored and compared: the last task is ``study``. Nothing but ``train`` differs between their jobs,
    so corpus, benchmarks and BM25 are shared by all, first weights by equal seeds. The job has a study that says which
    arms and seeds there are."""
    tasks = [Task.of(BENCHMARK, job), *_validation(job), *_passages(job), prepare_task(job), Task.of(BM25, job)]
    tasks += other_tasks(job)
    for seed in dict.fromkeys(run.seed for run in runs):
        seeded = with_seed(job, seed)
        own = (MODEL, *([TOKENS] if job.corpus.tokenise else []), UNTRAINED_EMBED, UNTRAINED)
        names = {stage.name: f"seed:{seed}/{stage.name}" for stage in own}
        tasks += [_task(stage, seeded, names) for stage in own]
    # A mix that can't be had is to be known before any arm is trained.
    tasks += [_task(PLAN, run.job, _names(run)) for run in runs]
    for run in runs:
        tasks += _arm(run)
    return [*tasks, Task("study", STUDY, job, _all(tasks))]


def sweep(job: Job) -> list[Task]:
    """The search for better settings. What all trials share comes first."""
    base = one_run(job)
    held_out = [Task.of(BENCHMARK, base)] if base.evaluate.benchmarks else []
    tasks = [*held_out, *_validation(base), prepare_task(base), Task.of(MODEL, base)]
    tasks += [Task.of(TOKENS, base)] if job.corpus.tokenise else []
    return [*tasks, Task("tune", TUNE, job, _all(tasks))]


def confirmation(job: Job, winner: Job) -> list[Task]:
    """The job file itself and what won, with new seeds, compared on its benchmarks."""
    runs, both = runs_to_confirm(job, winner)
    return compared(both, runs)


def sweep_report(job: Job, tasks: Sequence[Task]) -> list[Task]:
    """The page of a sweep, and of its confirmation if there is one among the tasks."""
    there = {task.name for task in tasks}
    return [Task("sweep-report", SWEEP_REPORT, job, {name: name for name in ("tune", "study") if name in there})]


def _arm(run: ArmRun) -> list[Task]:
    names = _names(run)
    return [_train(run.job, names), *(_task(stage, run.job, names) for stage in (EXPORT, EMBED, EVALUATE, FUSED))]


def _names(run: ArmRun) -> dict[str, str]:
    """The names of an arm's tasks, and of those that it shares with the other arms of its seed."""
    own = {
        stage.name: f"{run.name}/{stage.name}"
        for stage in (PLAN, TRAIN, EXPORT, EMBED, PASSAGES_EMBED, INDEX, EVALUATE, FUSED)
    }
    return own | {role: f"seed:{run.seed}/{role}" for role in ("model", "tokens")}


def _train(job: Job, names: Mapping[str, str]) -> Task:
    """Training, after the token ids where they are to be made before, and the benchmark where one is scored on."""
    task = _task(TRAIN, job, names)
    tokens = {"tokens": names.get("tokens", "tokens")} if job.corpus.tokenise else {}
    validation = {"validation": "validation"} if job.train.validate_on else {}
    return replace(task, inputs={**task.inputs, **tokens, **validation})


def _validation(job: Job) -> list[Task]:
    task = validation_task(job)
    return [task] if task else []


def _task(stage: Stage, job: Job, names: Mapping[str, str]) -> Task:
    name = names.get(stage.name, stage.name)
    return Task(name, stage, job, {role: names.get(role, role) for role in stage.inputs})


def _all(tasks: list[Task]) -> dict[str, str]:
    return {task.name: task.name for task in tasks}
