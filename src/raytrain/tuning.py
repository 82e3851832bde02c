"""raytrain tune: the sweep, the confirmation of its winner, and what is shown of them."""

from collections.abc import Callable

from rich.console import Console

from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.pipeline import Task, status
from raytrain.report.sweep_csv import TRIALS
from raytrain.report.sweep_terminal import print_sweep
from raytrain.stages.chain import confirmation, sweep, sweep_report
from raytrain.stages.study import read_results
from raytrain.stages.sweep_report import PAGE
from raytrain.stages.tune import read_sweep
from raytrain.tune.results import Sweep
from raytrain.tune.winner import best_of, finished_trial, winner_job, winner_of

Work = Callable[[list[Task]], dict[str, Artifact]]


def tune_job(job: Job, work: Work, console: Console) -> None:
    """All that ``raytrain tune`` does. Raises UserError for a job without a search, and if no trial came to its end."""
    tasks = sweep(_searched(job))
    done = work(tasks)
    found = read_sweep(done["tune"])
    winner = winner_of(job, found)
    if job.tune and job.tune.confirm and winner.number:
        tasks += confirmation(job, winner_job(job, winner))
    tasks = list({task.name: task for task in [*tasks, *sweep_report(job, tasks)]}.values())
    done = work(tasks)
    report = done["sweep-report"].location
    print_sweep(console, found, read_results(done["study"]) if "study" in done else None)
    print(f"\ntrials: {(report / TRIALS).uri}\nreport: {(report / PAGE).uri}")


def job_of_winner(job: Job, trial: int | None) -> Job:
    """The job file of the best trial, or of one by its number. Raises UserError before the sweep is finished."""
    found = finished_sweep(job)
    return winner_job(job, finished_trial(found, best_of(found) if trial is None else trial))


def finished_sweep(job: Job) -> Sweep:
    """What the sweep of a job found. Raises UserError if it is not finished."""
    state = status(sweep(_searched(job)))[-1]
    if state.artifact is None:
        raise UserError(f"tune: the sweep is not finished ({state.why}): run raytrain tune first")
    return read_sweep(state.artifact)


def _searched(job: Job) -> Job:
    if job.tune is None:
        raise UserError("tune: the job file has no section tune: write tune.space, and what may stand where")
    return job
