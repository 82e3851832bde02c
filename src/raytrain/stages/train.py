"""train: the planned rows through the step, to a trained model."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raytrain.artifact import Artifact, File, describe_file, read_file, upload_folder, write_file
from raytrain.cluster import address_of, cpus_here, running_ray
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.interrupt import sigterm_as_ctrl_c
from raytrain.losses.config import learned_temperatures
from raytrain.nodes import check_cpus
from raytrain.pipeline import Inputs, Outcome, Say, Stage, root_of
from raytrain.stages.benchmark import check_validation
from raytrain.stages.model_source import FOLDER
from raytrain.stages.plan import open_plan
from raytrain.stages.tokens import token_rules, tokens_of
from raytrain.storage import Location
from raytrain.track.check import check_track
from raytrain.train.changes import WITHOUT_EFFECT
from raytrain.train.stream import Feed

if TYPE_CHECKING:
    from raytrain.train.checkpoint import Checkpoint
    from raytrain.train.needs import Needs
    from raytrain.train.validation import Validated

_OF_THE_BENCHMARK = {"benchmark", "languages", "threads"}
TRACKED = ("tensorboard/", "wandb/", "tracked_as.txt")  # what trackers write
_IN_THE_PLAN = {"mix", "batching", "batch_size", "lanes"}  # and so among the inputs


def _identity(job: Job) -> Mapping[str, Any]:
    train = job.train.model_dump(mode="json", exclude=WITHOUT_EFFECT | _IN_THE_PLAN | {"init_from", "changes"})
    changes = [c.model_dump(mode="json", exclude={"mix"}, exclude_none=True) for c in job.train.changes]
    if any(len(change) > 1 for change in changes):
        train["changes"] = [change for change in changes if len(change) > 1]  # of the mix too: that is in the plan
    if train["validate_on"]:  # what is in the benchmark is among the inputs
        train["validate_on"] = {k: v for k, v in train["validate_on"].items() if k not in _OF_THE_BENCHMARK}
    return {"train": train, "model": job.model.rules()}


def _check(job: Job) -> None:
    if address_of(job.cluster) is None:
        check_cpus(job.cluster, [job.cluster.local_cpus or cpus_here()])
    check_track(job.track, root_of(job))
    check_validation(job)


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.placing import place_workers
    from raytrain.train.checkpoint import newest_whole
    from raytrain.train.needs import needs_of
    from raytrain.train.ray_job import fit
    from raytrain.train.room import room_of
    from raytrain.train.skipped import check_skipped
    from raytrain.train.validation import Validation

    running_ray(job.cluster)
    with sigterm_as_ctrl_c():  # Ray takes SIGTERM for itself where it is started
        feed, pad_id = feed_of(job, inputs)
        if feed.tokens:
            say(f"train: reads the token ids at {feed.tokens.folder.uri}")
        begun = newest_whole(folder, say)
        if begun is None:
            place_workers(job.cluster, (), say, patient=False)
        else:  # nodes that went may come again
            check_skipped(begun.skipped, job.train.max_skipped, folder)
            say(f"train: goes on from the checkpoint of step {begun.step:,} of {job.train.max_steps:,}")
        _tell_needs(needs_of(job, feed, inputs["model"], room_of(job.cluster)), bool(feed.tokens), begun, job, say)
        validated = _validated(job, inputs, folder)
        validation = Validation(validated, say) if validated else None
        fit(job, feed, inputs["model"], pad_id, folder, begun, validation, say)
        if validation:
            validation.finish()
        return _finish(job, inputs, folder, say)


def _tell_needs(needs: "Needs", tokenised: bool, begun: "Checkpoint | None", job: Job, say: Say) -> None:
    """Memory by part against what a worker has, and CPUs for data. Raises UserError for a job that can't fit; of one
    that is begun it is only said, for the nodes that it had may come again."""
    from raytrain.report.memory import memory_lines
    from raytrain.train.needs import check_memory, data_line
    from raytrain.train.room import free_cpus

    try:
        warning = check_memory(needs)
    except UserError as error:
        if begun is None:
            raise
        warning = str(error)
    for line in [*memory_lines(needs), data_line(needs, tokenised, free_cpus(job.cluster))]:
        say(line)
    if warning:
        say(warning)


def _validated(job: Job, inputs: Inputs, folder: Location) -> "Validated | None":
    from raytrain.train.validation import Validated

    if not job.train.validate_on:
        return None
    return Validated(folder, inputs["model"], inputs["validation"], job.model, job.train)


def feed_of(job: Job, inputs: Inputs) -> tuple[Feed, int]:
    """The rows of all steps, and the token that pads; ``inputs`` are the artifacts that training starts from."""
    rules, pad_id = token_rules(job, inputs["model"])
    corpus = Corpus.of(inputs["prepare"])
    plan, tokens = open_plan(inputs["plan"], corpus), tokens_of(job, inputs)
    return Feed(plan, corpus, rules, 0, job.train.max_steps, job.cluster.rows_per_round, tokens), pad_id


def _finish(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    """The last checkpoint, or the best one where they were scored, as a model folder; and one log of all steps."""
    from raytrain.train.checkpoint import latest_checkpoint
    from raytrain.train.skipped import FILE as SKIPPED
    from raytrain.train.trained import write_trained
    from raytrain.train.validation import best_whole, scores_by_step

    checkpoint = latest_checkpoint(folder)
    assert checkpoint is not None
    validated = _validated(job, inputs, folder)
    choice, best = best_whole(validated, say) if validated else (None, None)
    best = best or checkpoint
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / FOLDER
        trained = write_trained(folder, best, inputs["model"], job.model, job.train, local)
        files = upload_folder(local, folder, FOLDER)
    metrics = _lines(folder, checkpoint.log, "metrics.jsonl")
    if [line["step"] for line in metrics] != list(range(checkpoint.step)):
        raise UserError(f"{folder.uri}: the log does not hold each step once; this is a defect: please report it")
    files.append(_write_lines(folder, "metrics.jsonl", metrics))
    if checkpoint.skipped:
        files.append(_write_lines(folder, SKIPPED, _lines(folder, checkpoint.log, SKIPPED)))
    files += [describe_file(folder, info.path) for info in folder.list() if info.path.startswith(TRACKED)]
    ledgers = [file for file in checkpoint.log if file.path.endswith(".parquet")]
    losses = [line["loss"] for line in metrics if line["loss"] is not None]
    model_hash = next(f.sha256 for f in files if f.path == f"{FOLDER}/model.safetensors")
    told = f"last loss {losses[-1]:.4f}" if losses else "no finite loss"
    skipped = f" ({checkpoint.skipped:,} skipped)" if checkpoint.skipped else ""
    chosen = f", best at step {choice.step:,}" if choice else ""
    say(f"train: {checkpoint.step:,} steps{skipped}, {told}{chosen}, model {model_hash[:16]}")
    if validated:
        files.append(write_file(json.dumps(scores_by_step(folder), indent=1).encode(), folder, "validation.json"))
    learned = zip(learned_temperatures(job.train.losses), trained.temperatures().tolist(), strict=True)
    summary = {
        "steps": checkpoint.step,
        "skipped": checkpoint.skipped,
        "last_loss": losses[-1] if losses else None,
        "temperatures": dict(learned),
        "model_sha256": model_hash,
        "workers": checkpoint.world_size,
        "pairs": best.step * job.train.batch_size,
        **({"best_step": choice.step, "best_score": choice.score} if choice else {}),
    }
    return Outcome([*files, *ledgers], [f"{FOLDER}/"], summary)


def _lines(folder: Location, log: list[File], name: str) -> list[dict[str, Any]]:
    """The lines of all files of this name in a log, in order."""
    files = [file for file in log if file.path.endswith(f"/{name}")]
    return [json.loads(line) for file in files for line in read_file(folder, file).decode().splitlines()]


def _write_lines(folder: Location, name: str, lines: list[dict[str, Any]]) -> File:
    return write_file("".join(json.dumps(line) + "\n" for line in lines).encode(), folder, name)


def _tidy(artifact: Artifact) -> None:
    """Deletes checkpoints, the parts of the log that were joined, and Ray's own notes."""
    kept = {file.path for file in artifact.manifest.files}
    for folder in ("checkpoints", "ray", "validation"):
        (artifact.location / folder).delete_tree()
    for info in (artifact.location / "log").list():
        if f"log/{info.path}" not in kept:
            (artifact.location / "log" / info.path).delete()


def _counts(role: str, artifact: Artifact) -> str | None:
    """Token ids made before are the same as those made on the way."""
    return None if role == "tokens" else artifact.manifest.content


TRAIN = Stage("train", ("prepare", "plan", "model"), _identity, _run, _check, _tidy, _counts)
