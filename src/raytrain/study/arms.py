"""The runs of a study: one job for each arm and seed, alike but for the mix and the seed."""

from dataclasses import dataclass

from raytrain.config import Job, Study


@dataclass(frozen=True)
class ArmRun:
    """One training run of a study: its job is an ordinary one, with the mix of the arm and the seed put in."""

    arm: str
    seed: int
    job: Job

    @property
    def name(self) -> str:
        """Its name among the tasks of the study; no arm has a colon in its name."""
        return f"{self.arm}:{self.seed}"


def with_seed(job: Job, seed: int) -> Job:
    """The job with one seed, and without its study and its search."""
    train = job.train.model_copy(update={"seed": seed})
    return job.model_copy(update={"train": train, "study": None, "tune": None})


def runs_of(job: Job, study: Study) -> list[ArmRun]:
    """All runs of a study. First all arms with their first seed, so that a half-finished study has each arm."""
    rounds = max(len(study.seeds_of(arm)) for arm in study.arms)
    return [
        ArmRun(arm, seeds[turn], _with_mix(with_seed(job, seeds[turn]), study, arm))
        for turn in range(rounds)
        for arm in study.arms
        if turn < len(seeds := study.seeds_of(arm))
    ]


def _with_mix(job: Job, study: Study, arm: str) -> Job:
    return job.model_copy(update={"train": job.train.model_copy(update={"mix": study.arms[arm].mix})})
