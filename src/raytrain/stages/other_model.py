"""Models of others beside ours: fetched and pinned, embedding the benchmarks' passages, searched and scored."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from raytrain.artifact import upload_folder
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.models import OtherModel
from raytrain.model.opening import AsPublished
from raytrain.pipeline import Outcome, Say, Stage, Task
from raytrain.stages.embed import Opening, embed_stage
from raytrain.stages.evaluate import evaluate_stage
from raytrain.stages.model_source import FOLDER, Named, download, place_of, version_of
from raytrain.storage import Location

FETCH, EMBED, SCORE = "other-model", "other-embed", "other"
# What describes a model and its tokenizer, and weights that can't run code. Pickles and Python files stay behind.
KEPT = (".json", ".txt", ".model", ".spm", ".jinja", ".safetensors")
LEFT = ("onnx/", "openvino/")


def name_of(model: OtherModel, stage: str) -> str:
    """The task of one of its stages; no arm of a study has a colon in its name."""
    return f"beside:{model.called}/{stage}"


def other_tasks(job: Job) -> list[Task]:
    """All that is done for the models of ``evaluate.models``, in order."""
    return [task for model in job.evaluate.models for task in _tasks(job, model)]


def _tasks(job: Job, model: OtherModel) -> list[Task]:
    opening = Opening(lambda job: {"texts": model.rules()}, lambda job: AsPublished(model))
    stages = [
        Stage(
            FETCH,
            (),
            lambda job: _identity(job, model),
            lambda job, inputs, folder, say: _run(job, model, folder, say),
            lambda job: _check(job, model),
        ),
        embed_stage(EMBED, "benchmark", FETCH, opening),
        evaluate_stage(SCORE, FETCH, EMBED, opening, model.called),
    ]
    own = {stage.name: name_of(model, stage.name) for stage in stages}
    return [Task(own[s.name], s, job, {role: own.get(role, role) for role in s.inputs}) for s in stages]


def _named(model: OtherModel) -> Named:
    return Named("evaluate.models", model.name, model.revision)


def _identity(job: Job, model: OtherModel) -> dict[str, object]:
    return {"source": model.name, "revision": model.revision, "version": version_of(job, _named(model))}


def _check(job: Job, model: OtherModel) -> None:
    place_of(job, _named(model))


def _run(job: Job, model: OtherModel, folder: Location, say: Say) -> Outcome:
    from raytrain.model.sentence_embedder import SentenceEmbedder

    with tempfile.TemporaryDirectory() as temp:
        fetched, commit = _fetch(job, model, Path(temp) / "fetched")
        local = _kept(fetched, Path(temp) / FOLDER, model)
        described = SentenceEmbedder(local, model).described()  # what can't be loaded is to be known before the work
        files = upload_folder(local, folder, FOLDER)
    say(f"{name_of(model, FETCH)}: {described['parameters']:,} weights, {' → '.join(described['modules'])}")
    return Outcome(files, [f"{FOLDER}/"], {**described, "source": model.name, "commit": commit})


def _fetch(job: Job, model: OtherModel, to: Path) -> tuple[Path, str | None]:
    """A folder on this machine and, of the hub, the commit that it is of."""
    from huggingface_hub import snapshot_download

    from raytrain.corpus.raw.hub import hub_errors

    place = place_of(job, _named(model))
    if place is not None:
        return download(_named(model), place, to), None
    with hub_errors(f"evaluate.models: {model.name}@{model.revision}"):
        patterns = [f"*{suffix}" for suffix in KEPT]
        found = snapshot_download(
            model.name, revision=model.revision, allow_patterns=patterns, ignore_patterns=[f"{top}*" for top in LEFT]
        )
    return Path(found), Path(found).name


def _kept(fetched: Path, to: Path, model: OtherModel) -> Path:
    """A copy of what is needed. Raises UserError for a folder of other shape."""
    if not (fetched / "modules.json").is_file():
        raise UserError(
            f"evaluate.models: {model.name} has no modules.json, which says how sentence-transformers pools: take a "
            "SentenceTransformer, or save it as one with SentenceTransformer(modules=[…]).save_pretrained(FOLDER)"
        )
    for path in _wanted(fetched):
        target = to / path.relative_to(fetched)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return to


def _wanted(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix in KEPT and not inside.startswith(LEFT):
            yield path
