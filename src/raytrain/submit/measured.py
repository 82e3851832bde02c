"""What finished artifacts tell of a job that is yet to run: how fast runs like it were, and how long its texts are."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from raytrain.artifact import MANIFEST, Artifact, Manifest, read_file, read_manifest
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.benchmark import label_of
from raytrain.storage import Location
from raytrain.submit.cost import Shape

# What of a job decides how fast a worker trains, besides the encoder and the machine.
_SPEED = {
    *("batch_size", "losses", "negatives_per_row", "zero_stage", "bf16", "tokens_per_chunk", "graph_gib"),
    *("attention", "attention_dropout", "gradient_checkpointing", "compile"),
}
_MACHINE = {"cpus_per_worker", "gpus_per_worker", "threads_per_worker"}
WARM_UP, STRETCHES = 0.1, 4  # the share of steps that is left out, and into how many parts the others are cut

Config = Mapping[str, Any]


def finished(root: Location, stage: str) -> list[Artifact]:
    """The finished artifacts of a stage under a root; damaged manifests tell nothing, and are passed by."""
    places = [root / stage / info.path.split("/")[0] for info in (root / stage).list() if _is_manifest(info.path)]
    return [Artifact(place, manifest) for place in places if (manifest := _readable(place))]


def _is_manifest(path: str) -> bool:
    return path.count("/") == 1 and path.endswith(f"/{MANIFEST}")


def train_rates(job: Job, trained: Iterable[Artifact]) -> dict[str, list[float]]:
    """Tokens a second of a worker, by stretches, of each finished run (by its place) that is like the job's."""
    alike = [run for run in trained if _same_speed(job, run.manifest.config)]
    rates = {run.location.uri: _stretches(_steps(run), run.manifest.summary["workers"]) for run in alike}
    return {uri: found for uri, found in rates.items() if found}


def tokens_a_pair(job: Job, trained: Iterable[Artifact]) -> dict[str, float]:
    """Mean tokens of a row, of each finished run on the same pairs, cut and tokenised as the job's are."""
    found = {}
    for run in trained:
        config = run.manifest.config
        same_pairs = config["corpus"]["source"] == job.corpus.source
        if same_pairs and _encoder(config) == _encoder(job.model_dump(mode="json")):
            steps = _steps(run)
            pairs = len(steps) * config["train"]["batch_size"]
            found[run.location.uri] = sum(step["tokens"] for step in steps) / pairs
    return found


def embed_rates(job: Job, embedded: Iterable[Artifact]) -> dict[str, list[float]]:
    """Tokens a second of a worker that embedded passages with an encoder like the job's."""
    wanted, found = job.model_dump(mode="json"), {}
    for artifact in embedded:
        config, summary = artifact.manifest.config, artifact.manifest.summary
        like = _encoder(config) == _encoder(wanted) and _part(config["cluster"], _MACHINE) == _machine(job)
        if like and summary["tokens"] and summary.get("worker_seconds"):  # of models of others tokens are not counted
            found[artifact.location.uri] = [summary["tokens"] / summary["worker_seconds"]]
    return found


def tokens_a_passage(job: Job, embedded: Iterable[Artifact], key: str) -> dict[str, float]:
    """Mean tokens of a passage, where the same ones were embedded; ``key`` says which: "benchmarks" or "passages"."""
    wanted, found = job.model_dump(mode="json"), {}
    for artifact in embedded:
        config, rows = artifact.manifest.config, artifact.manifest.rows
        if rows and _asked(config, key) == _asked(wanted, key) and _encoder(config) == _encoder(wanted):
            found[artifact.location.uri] = artifact.manifest.summary["tokens"] / rows.kept
    return found


def passages_of(read: Iterable[Artifact], benchmark: str, languages: list[str] | None) -> int | None:
    """Passages of a benchmark as they were read, of some languages (None: all); None if these were not."""
    for artifact in read:
        asked = artifact.manifest.config["evaluate"]
        counts: dict[str, dict[str, int]] = artifact.manifest.summary["benchmarks"].get(label_of(benchmark), {})
        enough = asked["languages"] is None if languages is None else set(languages) <= set(counts)
        if benchmark in asked["benchmarks"] and enough:
            return sum(of["passages"] for language, of in counts.items() if languages is None or language in languages)
    return None


def own_passages(job: Job, read: Iterable[Artifact]) -> int | None:
    """Passages of ``index.passages``, as they were read; None if they were not."""
    wanted = _asked(job.model_dump(mode="json"), "passages")
    for artifact in read:
        if artifact.manifest.rows and _asked(artifact.manifest.config, "passages") == wanted:
            return artifact.manifest.rows.kept
    return None


def fetched_shape(job: Job, models: Iterable[Artifact]) -> Shape | None:
    """The size of the encoder, from the config.json of the model that an earlier run has fetched."""
    wanted = job.model_dump(mode="json")
    for artifact in models:
        if _named(artifact.manifest.config) == _named(wanted):
            file = next(file for file in artifact.manifest.files if file.path.endswith("/config.json"))
            config = json.loads(read_file(artifact.location, file))
            keys = ("num_hidden_layers", "hidden_size", "intermediate_size")
            if all(isinstance(config.get(key), int) for key in keys):
                return Shape(*(config[key] for key in keys))
    return None


def _readable(place: Location) -> Manifest | None:
    try:
        return read_manifest(place)
    except UserError:
        return None


def _steps(run: Artifact) -> list[dict[str, Any]]:
    file = next(file for file in run.manifest.files if file.path == "metrics.jsonl")
    return [json.loads(line) for line in read_file(run.location, file).decode().splitlines()]


def _stretches(steps: Sequence[Config], workers: int) -> list[float]:
    """Tokens a second and worker of parts of a run that follow each other: waits for rows and checkpoints are in it."""
    warm = steps[max(1, int(len(steps) * WARM_UP)) :]
    bounds = [len(warm) * i // STRETCHES for i in range(STRETCHES + 1)]
    rates = []
    for first, last in pairwise(bounds):
        seconds = sum(
            step["seconds"] + step["data_wait_seconds"] + step.get("checkpoint_seconds", 0.0)
            for step in warm[first:last]
        )
        if seconds:
            rates.append(sum(step["tokens"] for step in warm[first:last]) / seconds / workers)
    return rates


def _same_speed(job: Job, config: Config) -> bool:
    wanted = job.model_dump(mode="json")
    return (
        _encoder(config) == _encoder(wanted)
        and _part(config["train"], _SPEED) == _part(wanted["train"], _SPEED)
        and _part(config["cluster"], _MACHINE) == _machine(job)
    )


def _machine(job: Job) -> Config:
    return _part(job.cluster.model_dump(mode="json"), _MACHINE)


def _part(section: Config, keys: Iterable[str]) -> Config:
    return {key: section.get(key) for key in keys}


def _named(config: Config) -> Config:
    """Where the encoder comes from."""
    return {
        **_part(config["model"], ("name_or_path", "revision", "from_scratch")),
        "from": config["train"]["init_from"],
    }


def _encoder(config: Config) -> Config:
    """What decides how many tokens a text has, and what each of them takes."""
    return {**_named(config), **config["model"]}


def _asked(config: Config, key: str) -> Any:
    """Which passages a job embeds: its benchmarks', or its own."""
    section, languages = config["evaluate" if key == "benchmarks" else "index"], "languages"
    return section[key], section[languages]
