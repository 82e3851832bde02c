"""export: the trained model as a folder that SentenceTransformer loads, with a model card."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raytrain.artifact import Artifact, download_folder, upload_folder
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.evaluate.benchmark import label_of
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.stages.model_source import FOLDER
from raytrain.storage import Location

if TYPE_CHECKING:
    from raytrain.model.card import Scored

CHECKED_ROWS = 16


def _identity(job: Job) -> Mapping[str, Any]:
    return job.model.rules()


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.model.card import NAME
    from raytrain.model.export import check_export, export

    corpus = Corpus.of(inputs["prepare"])
    texts = [
        text
        for language in corpus.shards
        for column in corpus.first_rows(language, CHECKED_ROWS, ("question", "answer")).columns
        for text in column.to_pylist()
    ]
    with tempfile.TemporaryDirectory() as temp:
        trained = download_folder(inputs["train"], FOLDER, Path(temp) / "trained")
        exported = Path(temp) / FOLDER
        export(trained, job.model, exported)
        difference = check_export(trained, job.model, exported, texts)
        (exported / NAME).write_text(card_of(job, inputs, exported, None), encoding="utf-8")
        files = upload_folder(exported, folder, FOLDER)
    say(f"export: {(folder / FOLDER).uri} (embeddings within {difference:.1g} of training)")
    # The card tells of versions and of where sources lay: what is built on the export does not depend on it.
    content = [file.path for file in files if file.path != f"{FOLDER}/{NAME}"]
    return Outcome(files, content, {"largest_difference": difference, "texts_compared": len(texts)})


def card_of(job: Job, done: Inputs, exported: Path, scored: "Scored | None") -> str:
    """The card of an exported folder. ``done`` are the finished artifacts, ``scored`` what evaluations found by now."""
    from transformers import AutoConfig

    from raytrain.model.card import Origin, card
    from raytrain.stages.report import caveats

    return card(
        Origin(*(done[stage].manifest for stage in ("prepare", "plan", "model", "train"))),
        dimension=int(AutoConfig.from_pretrained(str(exported)).hidden_size),
        benchmarks=[label_of(name) for name in job.evaluate.benchmarks],
        scored=scored,
        caveats=caveats(job) if job.evaluate.benchmarks else [],
    )


def _counts(role: str, artifact: Artifact) -> str | None:
    """Plan and model are named in the card alone."""
    return None if role in ("plan", "model") else artifact.manifest.content


EXPORT = Stage("export", ("prepare", "plan", "model", "train"), _identity, _run, counts=_counts)
