"""tokens: the corpus as token ids, made once for all runs with the same tokenizer and lengths."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raytrain.artifact import Artifact, download_folder
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.model.tokens import TokenRules
from raytrain.pipeline import Inputs, Outcome, Say, Stage, Task, examine
from raytrain.stages.model_source import FOLDER
from raytrain.storage import Location

TOKENIZER = f"{FOLDER}/tokenizer.json"


def token_rules(job: Job, model: Artifact) -> tuple[TokenRules, int]:
    """What texts of the job go through, and the id that pads."""
    from raytrain.model.tokenizer import tokenizer_json

    with tempfile.TemporaryDirectory() as temp:
        tokenizer, pad_id = tokenizer_json(download_folder(model, FOLDER, Path(temp)))
    rules = job.model
    lengths = rules.query_max_len, rules.passage_max_len
    return TokenRules(tokenizer, rules.query_prompt, rules.passage_prompt, *lengths), pad_id


def _identity(job: Job) -> Mapping[str, Any]:
    return {key: value for key, value in job.model.rules().items() if key != "pooling"}


def _counts(role: str, artifact: Artifact) -> str:
    """Of a model only its tokenizer: models with the same one share their tokens."""
    if role != "model":
        return artifact.manifest.content
    return next((f.sha256 for f in artifact.manifest.files if f.path == TOKENIZER), artifact.manifest.content)


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.cluster import running_ray
    from raytrain.corpus.tokens import tokenise
    from raytrain.placing import place_reading
    from raytrain.train.stream import columns_of

    running_ray(job.cluster)
    place_reading("tokens", job.cluster, say)
    corpus = Corpus.of(inputs["prepare"])
    rules, _ = token_rules(job, inputs["model"])
    files = tokenise(corpus, rules, columns_of(corpus), folder)
    say(f"tokens: {sum(shards.rows for shards in corpus.shards.values()):,} pairs in {len(files)} files")
    return Outcome(files, [f"{label}/" for label in corpus.shards], {})


def _tidy(artifact: Artifact) -> None:
    from raytrain.corpus.tokens import RECORDS

    (artifact.location / RECORDS).delete_tree()


TOKENS = Stage("tokens", ("prepare", "model"), _identity, _run, tidy=_tidy, counts=_counts)


def tokens_of(job: Job, inputs: Inputs) -> Corpus | None:
    """The token ids of a job's corpus, where they are; ``inputs`` holds the corpus and the model."""
    state = examine(Task.of(TOKENS, job), inputs)
    return replace(Corpus.of(inputs["prepare"]), folder=state.artifact.location) if state.artifact else None
