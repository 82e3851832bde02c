"""``raytrain export JOB --to FOLDER``: a copy of the exported model whose card has the scores that are known by now."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from raytrain.artifact import Artifact, download_folder
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.model.card import NAME, Scored
from raytrain.pipeline import Task, options_of, status, up_to
from raytrain.stages.chain import chain
from raytrain.stages.export import card_of
from raytrain.stages.model_source import FOLDER
from raytrain.storage import Location, check_writable

Work = Callable[[list[Task]], dict[str, Artifact]]
BASELINES = {"bm25": "BM25", "untrained": "untrained"}  # task → what the card calls it


def export_to(job: Job, to: str, work: Work) -> Location:
    """Copies the model of a job's one training run to a folder, with a card; ``work`` does the tasks up to there.

    The folder, on disk or in an object store, must be empty or hold an earlier copy, which is replaced: scores that
    came since are then in the card. Raises UserError if it holds anything else.
    """
    target, tasks = Location.of(to, options_of(job)), chain(job)
    done = work(up_to(tasks, "export"))
    finished = {state.name: state.artifact for state in status(tasks) if state.artifact}
    with tempfile.TemporaryDirectory() as temp:
        local = download_folder(done["export"], FOLDER, Path(temp) / FOLDER)
        text = card_of(job, done, local, scored_of(finished))
        (local / NAME).write_text(text, encoding="utf-8")
        files = {path.relative_to(local).as_posix(): path for path in sorted(local.rglob("*")) if path.is_file()}
        others = [info.path for info in target.list() if info.path not in files]
        if others:
            raise UserError(
                f"--to: {target.uri} holds {others[0]}, which is no part of the model: name an empty folder"
            )
        check_writable(target)
        for name in sorted(files, key=lambda name: name == NAME):  # the card last: it says that the rest is there
            (target / name).upload(files[name])
    return target


def scored_of(finished: dict[str, Artifact]) -> Scored | None:
    """The scores among finished artifacts by task; None if the model was not evaluated yet."""
    if "evaluate" not in finished:
        return None
    benchmark = finished["benchmark"].manifest
    return Scored(
        model=finished["evaluate"].manifest.summary["scores"],
        questions={
            name: {language: counts["questions"] for language, counts in languages.items()}
            for name, languages in benchmark.summary["benchmarks"].items()
        },
        content=benchmark.content,
        baselines={
            name: finished[task].manifest.summary["scores"] for task, name in BASELINES.items() if task in finished
        },
    )
