"""The chain of stages: what is finished is skipped, what is partial is resumed, and why."""

import json
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
    any stage works, what can be seen to fail. ``tidy`` deletes what only an unfinished artifact needs. ``counts`` says
    what of an input, by its role, goes into the hash: all of its content, unless a stage depends on less or on nothing.
    """

    name: str
    inputs: tuple[str, ...]
    identity: Callable[[Job], Mapping[str, Any]]
    run: Callable[[Job, Inputs, Location, Say], Outcome]
    check: Callable[[Job], None] = field(default=lambda job: None)
    tidy: Callable[[Artifact], None] = field(default=lambda artifact: None)
    counts: Callable[[str, Artifact], str | None] = field(default=lambda role, artifact: artifact.manifest.content)


@dataclass(frozen=True)
class Task:
    """A stage at work for one job: in a study the same stage runs for many.

    ``inputs``: the stage's name for an input → the name of the task that builds it.
    """

    name: str
    stage: Stage
    job: Job
    inputs: Mapping[str, str]

    @classmethod
    def of(cls, stage: Stage, job: Job) -> "Task":
        """The only one of its stage, with inputs of which there is one each."""
        return cls(stage.name, stage, job, {name: name for name in stage.inputs})


@dataclass(frozen=True)
class TaskState:
    """Where a task stands. ``why`` says in words what is to be done and for what reason."""

    name: str
    state: Literal["done", "partial", "to do"]
    why: str
    artifact: Artifact | None = None
    location: Location | None = None
    identity: Mapping[str, Any] | None = None


def options_of(job: Job) -> StorageOptions:
    """Where the job's object stores are."""
    return StorageOptions(job.storage.endpoint, job.storage.region, job.storage.give_up_after)


def root_of(job: Job) -> Location:
    """The folder that holds the job's artifacts."""
    return Location.of(job.root, options_of(job))


def up_to(tasks: Sequence[Task], last: str) -> list[Task]:
    """The tasks that ``last`` needs, itself included, in order."""
    needed = {last}
    for task in reversed(tasks):
        if task.name in needed:
            needed |= set(task.inputs.values())
    return [task for task in tasks if task.name in needed]


def examine(task: Task, done: Inputs) -> TaskState:
    """Where one task stands, given the artifacts of finished ones by task."""
    missing = [name for name in task.inputs.values() if name not in done]
    if missing:
        return TaskState(task.name, "to do", f"waits for {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}")
    given = {
        **task.stage.identity(task.job),
        "inputs": {
            role: counted
            for role, name in task.inputs.items()
            if (counted := task.stage.counts(role, done[name])) is not None
        },
    }
    identity = json.loads(json.dumps(given))  # as it is read back: a tuple would then differ from itself
    location = root_of(task.job) / task.stage.name / digest(identity)
    manifest = read_manifest(location)
    if manifest is not None:
        return TaskState(task.name, "done", "", Artifact(location, manifest), location, identity)
    if location.list():
        return TaskState(task.name, "partial", "was interrupted", None, location, identity)
    return TaskState(task.name, "to do", _why(task, identity), None, location, identity)


def status(tasks: Sequence[Task]) -> list[TaskState]:
    """Where every task stands; works on nothing."""
    done: dict[str, Artifact] = {}
    states = []
    for task in tasks:
        state = examine(task, done)
        states.append(state)
        if state.artifact:
            done[task.name] = state.artifact
    return states


def run(tasks: Sequence[Task], say: Say) -> dict[str, Artifact]:
    """Brings every task to an end, in order; gives the artifacts by task.

    Raises UserError, before any of them works, for what can be seen to fail.
    """
    unfinished = {state.name for state in status(tasks) if state.state != "done"}
    for task in tasks:
        if task.name in unfinished:
            _check(task)
    done: dict[str, Artifact] = {}
    skipped: list[str] = []
    for number, task in enumerate(tasks, 1):
        state = examine(task, done)
        if state.artifact is None:
            _tell(skipped, say)
            say(f"{task.name} ({number} of {len(tasks)}): {state.state}: {state.why}")
            done[task.name] = _build(task, done, state, say)
        else:
            skipped.append(task.name)
            done[task.name] = state.artifact
            task.stage.tidy(state.artifact)  # a run that was killed right after the manifest has not
    _tell(skipped, say)
    return done


def _check(task: Task) -> None:
    try:
        task.stage.check(task.job)
    except UserError as error:
        if task.name == task.stage.name:
            raise
        raise UserError(f"{task.name}: {error}") from error  # of a study: the arm that can't be had


def _tell(skipped: list[str], say: Say) -> None:
    """One line for what was done already, and forgets it: a study has dozens of tasks."""
    if skipped:
        say(f"done already: {', '.join(skipped)}")
    skipped.clear()


def _build(task: Task, done: Inputs, state: TaskState, say: Say) -> Artifact:
    assert state.location is not None
    assert state.identity is not None
    inputs = {role: done[name] for role, name in task.inputs.items()}
    outcome = task.stage.run(task.job, inputs, state.location, say)
    manifest = make_manifest(
        stage=task.stage.name,
        writer=new_writer(),
        identity=state.identity,
        config=task.job.model_dump(mode="json"),
        inputs=inputs,
        files=outcome.files,
        content=outcome.content,
        rows=outcome.rows,
        summary=outcome.summary,
    )
    artifact = commit(state.location, manifest)
    task.stage.tidy(artifact)
    return artifact


def _why(task: Task, identity: Mapping[str, Any]) -> str:
    """Why there is no artifact yet: the nearest finished one of the stage, and what differs from it."""
    folder = root_of(task.job) / task.stage.name
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
