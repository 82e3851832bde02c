"""What is asked of the cluster for a job; nothing of this machine's environment is part of it."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from typing import Any, Literal

from packaging.requirements import Requirement

from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.submit.source import CONSTRAINTS, JOB_FILE

Stage = Literal["run", "prepare", "tokenise", "train", "export", "embed", "index", "evaluate", "tune"]
NAME, STAGE, HASH = "raytrain_job", "raytrain_stage", "raytrain_hash"  # keys of the metadata
# How long Ray waits for a driver that it has asked to end: 3 s of its own accord, and a checkpoint takes longer.
GRACE_S = 120
GRACE_VARIABLE = "RAY_JOB_STOP_WAIT_TIME_S"


@dataclass(frozen=True)
class Request:
    """``submission_id`` is the same for the same job, stage and source; ``metadata`` are short texts."""

    submission_id: str
    entrypoint: str
    runtime_env: dict[str, Any]
    metadata: dict[str, str]
    driver_cpus: float
    driver_labels: dict[str, str]


def shipped(job: Job) -> Job:
    """The job as it runs there: on the Ray that it finds itself in."""
    return job.model_copy(update={"cluster": job.cluster.model_copy(update={"address": None})})


def request_for(job: Job, stage: Stage, content: str, working_dir: str) -> Request:
    """``content`` is the hash of what is in ``working_dir``. Raises UserError where the environment can't be made."""
    return Request(
        submission_id=f"{job.name}-{stage}-{content[:12]}",
        # -u: lines are seen when they are said. -m: the folder it runs in comes before an installed raytrain.
        entrypoint=f"python -u -m raytrain {stage} {JOB_FILE}",
        # The only variable that travels. What credentials there are here stays here.
        runtime_env={"working_dir": working_dir, "env_vars": {GRACE_VARIABLE: str(GRACE_S)}, **_packages(job)},
        metadata={"job_name": job.name, NAME: job.name, STAGE: stage, HASH: content},
        driver_cpus=job.cluster.driver_cpus,
        driver_labels=dict(job.cluster.labels.driver),
    )


def _packages(job: Job) -> dict[str, Any]:
    """Of a bare cluster: what this raytrain needs, in the versions that constraints.txt pins. Ray itself is there."""
    if job.cluster.environment == "image":
        return {}
    faiss = "gpu" if job.cluster.gpus_per_worker else "cpu"
    try:
        needed = [Requirement(text) for text in requires("raytrain") or []]
    except PackageNotFoundError as error:
        raise UserError(
            "cluster.environment: pip needs to know what raytrain needs, and it is not installed here: pip install it"
        ) from error
    wanted = [
        f"{one.name}{'[' + ','.join(sorted(one.extras)) + ']' if one.extras else ''}{one.specifier}"
        for one in needed
        if one.name != "ray" and (one.marker is None or one.marker.evaluate({"extra": faiss}))
    ]
    constraints = f"-c ${{RAY_RUNTIME_ENV_CREATE_WORKING_DIR}}/{CONSTRAINTS}"
    return {"pip": {"packages": [constraints, *wanted], "pip_check": False}}
