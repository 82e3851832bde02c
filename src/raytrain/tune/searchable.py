"""Whether a job can be searched at all: what is seen before anything is prepared, and without a file."""

from typing import TYPE_CHECKING

from pydantic import ValidationError

from raytrain.tune.space import Space, with_settings

if TYPE_CHECKING:
    from raytrain.config import Job


def check_searchable(job: "Job") -> None:
    """Raises ValueError, in words for the user, for a search that no trial could be made for."""
    if job.tune is None:
        return
    if job.train.validate_on is None:
        raise ValueError("tune needs train.validate_on: name what to score trials on")
    if job.tune.confirm is not None:
        if not job.evaluate.benchmarks:
            raise ValueError(
                "tune.confirm needs evaluate.benchmarks, to compare the winner with the job file on what no trial was "
                "scored on; or write tune.confirm: null"
            )
        if job.train.seed in (job.tune.confirm.seeds or ()):
            raise ValueError(f"tune.confirm.seeds: {job.train.seed} is the seed of the trials: take others")
    schedule = job.tune.schedule
    grace = schedule.grace_steps or job.train.validate_on.every
    if schedule.kind in ("asha", "median") and grace >= job.train.max_steps:
        raise ValueError(
            f"tune.schedule: every trial gets {grace:,} steps, which is all of train.max_steps: take a smaller "
            "grace_steps or train.validate_on.every, or schedule.kind: none"
        )
    data = job.model_dump(mode="json")
    for corner in Space(job.tune.space).corners():
        try:
            type(job).model_validate(with_settings(data, corner))
        except ValidationError as error:
            told = error.errors()[0]
            key, message = ".".join(map(str, told["loc"])), str(told["msg"]).removeprefix("Value error, ")
            given = ", ".join(f"{name} = {value}" for name, value in corner.items())
            raise ValueError(f"tune.space: with {given}: {key + ': ' if key else ''}{message}") from error
