"""The chain of stages: what is finished is skipped, what is partial is resumed, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from raytrain.artifact import (
    Artifact,
    File,
    Manifest,
    RowAccount,
    commit,
    digest,
    make_manifest,
    new_writer,
    read_manifest,
)
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.storage import Location, StorageOptions

Inputs = Mapping[str, Artifact]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a stage built. ``content`` are path prefixes of the files that later stages depend on."""

    files: Sequence[File]
    content: Sequence[str]
    summary: Mapping[str, Any]
    rows: RowAccount | None = None


@dataclass(frozen=True)
class Stage:
    """A function from a job and finished artifacts to one new artifact.

    ``identity`` gives what the artifact's hash is taken of: everything that can change its content, and
    nothing else. It may look at sources (to list them), so it may raise UserError. ``check`` refuses, before
    any stage works, what can be seen to fail. ``tidy`` deletes what only an unfinished artifact needs.
    """

    name: str
    inputs: tuple[str, ...]
    identity: Callable[[Job], Mapping[str, Any]]
    run: Callable[[Job, Inputs, Location, Say], Outcome]
    check: Callable[[Job], None] = field(default=lambda job: None)
    tidy: Callable[[Artifact], None] = field(default=lambda artifact: None)


@dataclass(frozen=True)
class StageState:
    """Where a stage stands. ``why`` says in words what is to be done and for what reason."""

    name: str
    state: Literal["done", "partial", "to do"]
    why: str
    artifact: Artifact | None = None
    location: Location | None = None
    identity: Mapping[str, Any] | None = None


def options_of(job: Job) -> StorageOptions:
    """Where the job's object stores are."""
    return StorageOptions(endpoint=job.storage.endpoint, region=job.storage.region)


def root_of(job: Job) -> Location:
    """The folder that holds the job's artifacts."""
    return Location.of(job.root, options_of(job))


def up_to(stages: Sequence[Stage], last: str) -> list[Stage]:
    """The stages that ``last`` needs, itself included, in order."""
    by_name = {stage.name: stage for stage in stages}
    needed = {last}
    for stage in reversed(stages):
        if stage.name in needed:
            needed |= set(by_name[stage.name].inputs)
    return [stage for stage in stages if stage.name in needed]


def examine(job: Job, stage: Stage, inputs: Inputs) -> StageState:
    """Where one stage stands, given its finished inputs."""
    missing = [name for name in stage.inputs if name not in inputs]
    if missing:
        return StageState(stage.name, "to do", f"waits for {', '.join(missing)}")
    identity = {
        **stage.identity(job),
        "inputs": {name: inputs[name].manifest.content for name in stage.inputs},
    }
    location = root_of(job) / stage.name / digest(identity)
    manifest = read_manifest(location)
    if manifest is not None:
        return StageState(stage.name, "done", "", Artifact(location, manifest), location, identity)
    if location.list():
        return StageState(stage.name, "partial", "was interrupted", None, location, identity)
    return StageState(stage.name, "to do", _why(job, stage, identity), None, location, identity)


def status(job: Job, stages: Sequence[Stage]) -> list[StageState]:
    """Where every stage stands; works on nothing."""
    inputs: dict[str, Artifact] = {}
    states = []
    for stage in stages:
        state = examine(job, stage, inputs)
        states.append(state)
        if state.artifact:
            inputs[stage.name] = state.artifact
    return states


def run(job: Job, stages: Sequence[Stage], say: Say) -> dict[str, Artifact]:
    """Brings every stage to an end, in order; gives the artifacts by stage.

    Raises UserError, before any stage works, for what can be seen to fail.
    """
    states = status(job, stages)
    unfinished = {state.name for state in states if state.state != "done"}
    for stage in stages:
        if stage.name in unfinished:
            stage.check(job)
    done: dict[str, Artifact] = {}
    for stage in stages:
        state = examine(job, stage, done)
        if state.artifact is None:
            say(f"{stage.name}: {state.state}: {state.why}")
            state = StageState(stage.name, "done", "", _build(job, stage, done, state, say))
        else:
            say(f"{stage.name}: done already ({state.artifact.location.uri})")
        assert state.artifact is not None
        done[stage.name] = state.artifact
    return done


def _build(job: Job, stage: Stage, done: Inputs, state: StageState, say: Say) -> Artifact:
    assert state.location is not None
    assert state.identity is not None
    inputs = {name: done[name] for name in stage.inputs}
    outcome = stage.run(job, inputs, state.location, say)
    manifest = make_manifest(
        stage=stage.name,
        writer=new_writer(),
        identity=state.identity,
        config=job.model_dump(mode="json"),
        inputs=inputs,
        files=outcome.files,
        content=outcome.content,
        rows=outcome.rows,
        summary=outcome.summary,
    )
    artifact = commit(state.location, manifest)
    stage.tidy(artifact)
    return artifact


def _why(job: Job, stage: Stage, identity: Mapping[str, Any]) -> str:
    """Why there is no artifact yet: the nearest finished one of the stage, and what differs from it."""
    folder = root_of(job) / stage.name
    others = [
        manifest
        for info in folder.list()
        if info.path.count("/") == 1 and info.path.endswith("/manifest.json")
        if (manifest := _readable(folder / info.path.split("/")[0])) is not None
    ]
    if not others:
        return "never run"
    compared = [(differences(other.identity, identity), other) for other in others]
    changes, nearest = min(compared, key=lambda pair: (len(pair[0]), pair[1].created))
    return f"differs from {nearest.hash} in {'; '.join(changes[:4])}{' …' if len(changes) > 4 else ''}"


def _readable(location: Location) -> Manifest | None:
    """A manifest to compare with; a damaged one of another run is none of this run's business."""
    try:
        return read_manifest(location)
    except UserError:
        return None


_ABSENT = "(absent)"


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Where two pieces of plain data differ, as ``key: old → new``."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            line
            for key in sorted(old.keys() | new.keys())
            for line in differences(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}.{key}" if path else key)
        ]
    return [] if old == new else [f"{path}: {_short(old)} → {_short(new)}"]


def _short(value: Any) -> str:
    """The beginning and the end, for long values often differ in the last word."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:18]}…{text[-20:]}"
