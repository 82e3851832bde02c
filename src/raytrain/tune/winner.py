"""What won: its job file, and the runs that confirm it."""

from raytrain.config import Arm, Job, Study
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.study.arms import ArmRun, with_seed
from raytrain.tune.lineage import Lineage
from raytrain.tune.results import Sweep, Trial
from raytrain.tune.space import with_changes, with_settings

BASE, WINNER = "job-file", "winner"  # the arms of a confirmation


def trial_job(job: Job, lineage: Lineage, name: str | None = None) -> Job:
    """The job of a trial: the job file with its settings."""
    data = with_settings(job.model_dump(mode="json"), lineage.settings or {})
    if lineage.changes:
        data["train"] = with_changes(data["train"], lineage.changes)
    return job_from(data | ({"name": name} if name else {}), "the job of a trial")


def winner_of(job: Job, sweep: Sweep) -> Trial:
    """The trial to confirm and to go on with. Raises UserError if there is none."""
    chosen = job.tune.confirm.trial if job.tune and job.tune.confirm else None
    return finished_trial(sweep, chosen if chosen is not None else best_of(sweep))


def best_of(sweep: Sweep) -> int:
    """The best trial; with several objectives, of the front the best by the first. Raises UserError."""
    if sweep.best is not None:
        return sweep.best
    if not sweep.front:
        why = next((f": trial {trial.number}: {trial.why}" for trial in sweep.trials if trial.why), "")
        raise UserError(f"tune: no trial of {sweep.name} came to its end{why}")
    first = sweep.objectives[0]
    values = {trial.number: trial.values[first] for trial in sweep.trials if trial.number in sweep.front}
    return max(sorted(values), key=lambda number: values[number])


def finished_trial(sweep: Sweep, number: int) -> Trial:
    """A trial by its number. Raises UserError for one that has not come to its end."""
    finished = {trial.number: trial for trial in sweep.trials if trial.state == "finished"}
    if number not in finished:
        raise UserError(f"tune: trial {number} has not finished; those that have: {', '.join(map(str, finished))}")
    return finished[number]


def winner_job(job: Job, trial: Trial) -> Job:
    """A job file ready for ``raytrain run``."""
    settings = trial.settings if trial.number else None
    return trial_job(job, Lineage(settings=settings, changes=tuple(trial.changes)), f"{job.name}-trial-{trial.number}")


def runs_to_confirm(job: Job, winner: Job) -> tuple[list[ArmRun], Job]:
    """The job file itself and the winner, each with seeds that no trial had; and the job with them as arms of a study.

    They may differ in more than their mixes, which a study of a job file can't; hence it is made without its checks.
    """
    assert job.tune
    assert job.tune.confirm
    seeds = job.tune.confirm.seeds or [job.train.seed + n for n in (1, 2, 3)]
    both = {BASE: job, WINNER: winner}
    runs = [ArmRun(arm, seed, with_seed(of, seed)) for seed in seeds for arm, of in both.items()]
    arms = {arm: Arm.model_construct(**of.train.mix.model_dump()) for arm, of in both.items()}
    study = Study.model_construct(arms=arms, baseline=BASE, seeds=seeds)
    return runs, job.model_copy(update={"study": study, "tune": None})
