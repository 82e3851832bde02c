"""Under which names the indexes of a job are served: the job's own, and one for each arm and seed of its study."""

from collections.abc import Mapping, Sequence

from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.index.current import make_current
from raytrain.pipeline import Task, root_of
from raytrain.study.arms import ArmRun, runs_of


def serve(job: Job, tasks: Sequence[Task], done: Mapping[str, Artifact]) -> None:
    """Makes the indexes that a command has finished the current ones of their names. Raises UserError."""
    runs = runs_of(job, job.study) if job.study else []
    for task in tasks:
        if task.stage.name == "index":
            of = [run for run in runs if run.job == task.job]
            names = [_name(job, run) for run in of] if of else [job.name]
            if any(_is_of_train_mix(job, run) for run in of):
                names.append(job.name)
            for name in names:
                make_current(root_of(job), name, done[task.name].manifest.hash)


def served_as(job: Job, arm: str | None, seed: int | None) -> str:
    """The name of an arm's index, or of the one that was trained with ``train.mix``.

    Raises UserError for an unknown arm or seed, and where no arm has ``train.mix`` and none is named.
    """
    if job.study is None:
        if arm is not None or seed is not None:
            raise UserError("--arm and --seed choose a run of a study, and the job has none")
        return job.name
    runs = runs_of(job, job.study)
    if arm is None:
        if seed is not None:
            raise UserError(f"--seed: of which arm? Name one with --arm: {', '.join(job.study.arms)}")
        return job.name
    found = [run for run in runs if arm == run.arm and seed in (None, run.seed)]
    if not found:
        raise UserError(f"--arm, --seed: the study has no such run; it has {', '.join(run.name for run in runs)}")
    return _name(job, found[0])


def _name(job: Job, run: ArmRun) -> str:
    return f"{job.name}/{run.arm}/{run.seed}"


def _is_of_train_mix(job: Job, run: ArmRun) -> bool:
    return run.job == job.model_copy(update={"study": None})
