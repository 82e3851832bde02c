"""export: the trained model as a folder that SentenceTransformer loads."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raytrain.artifact import download_folder, upload_folder
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.stages.model import FOLDER
from raytrain.storage import Location

CHECKED_ROWS = 16


def _identity(job: Job) -> Mapping[str, Any]:
    return job.model.rules()


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
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
        files = upload_folder(exported, folder, FOLDER)
    say(f"export: {(folder / FOLDER).uri} (embeddings within {difference:.1g} of training)")
    return Outcome(files, [f"{FOLDER}/"], {"largest_difference": difference, "texts_compared": len(texts)})


EXPORT = Stage("export", ("prepare", "train"), _identity, _run)
