"""Paths of this machine in a job that is to run on another one."""

from collections.abc import Iterator
from pathlib import Path

from raytrain.config import Job
from raytrain.errors import UserError


def check_paths(job: Job) -> None:
    """Raises UserError for a relative path: there it would be one of a folder that goes away with the job."""
    if _relative(job.root):
        raise UserError(
            f"root: {job.root} is a folder of this machine, and on the cluster would be lost with the job: give "
            "root=s3://… or an absolute path on a file system that all nodes share"
        )
    for key, path in _sources(job):
        if _relative(path) and Path(path).exists():
            raise UserError(
                f"{key}: {path} is on this machine, where the cluster can't read it: copy it to an object store, or to "
                "an absolute path on a file system that all nodes share"
            )


def _relative(path: str) -> bool:
    return "://" not in path and not Path(path).is_absolute()


def _sources(job: Job) -> Iterator[tuple[str, str]]:
    """Each key that may name a folder or file to read, and what it names; a name of the hub looks like one too."""
    yield from (("corpus.source", source) for source in job.corpus.source)
    passages = job.index.passages or []
    yield from (("index.passages", source) for source in ([passages] if isinstance(passages, str) else passages))
    if job.model.name_or_path:
        yield "model.name_or_path", job.model.name_or_path
    if job.train.init_from:
        yield "train.init_from", job.train.init_from
    yield from (("evaluate.models", model.name) for model in job.evaluate.models)
    benchmarks = [("evaluate.benchmarks", name) for name in job.evaluate.benchmarks]
    if job.train.validate_on:
        benchmarks.append(("train.validate_on.benchmark", job.train.validate_on.benchmark))
    for key, name in benchmarks:
        kind, _, path = name.partition(":")
        if kind != "demo":
            yield key, path.partition("#")[0]
