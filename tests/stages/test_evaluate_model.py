"""A model scored by the stage itself, on embeddings made in this process: what it is asked and chooses among."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedded import finished
from jobs import WORDS, small_job
from raytrain.artifact import File, upload_folder
from raytrain.config import FromScratch, Job
from raytrain.evaluate.benchmark import label_of, load_benchmark
from raytrain.evaluate.held_out import HeldOut, held_out_of, write_held_out
from raytrain.evaluate.trec import read_run
from raytrain.index.pieces import entry_of, plan_pieces, write_piece
from raytrain.jobfile import job_from
from raytrain.model.embedder import Embedder
from raytrain.model.encoder import random_backbone
from raytrain.model.tokenizer import save_tokenizer, train_tokenizer
from raytrain.stages.evaluate import EVALUATE
from raytrain.storage import Location

TINY = Path(__file__).parents[1] / "data/tydiqa/tiny_dev.jsonl.gz"
NAMES = [f"tydiqa-passages:{TINY}", f"tydiqa-primary:{TINY}"]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return job_from(small_job("nowhere", tmp_path_factory.mktemp("root")), "here")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer(WORDS, 600)
    save_tokenizer(tokenizer, folder, 32)
    random_backbone(
        FromScratch(layers=1, hidden=32, heads=2), tokenizer.get_vocab_size(), 0, 32, seed=1
    ).save_pretrained(folder)
    return folder


def evaluated(job: Job, model: Path, folder: Path) -> tuple[Location, list[HeldOut], dict]:
    """What the stage leaves behind of two benchmarks over one file, and what it says of it."""
    benchmark, embed, export = (Location.of(str(folder / name)) for name in ("benchmark", "embed", "export"))
    files: list[File] = []
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for name in NAMES:
        for part in load_benchmark(name, ["ind", "rus", "tha"], Location.of):
            made, counts.setdefault(label_of(name), {})[part.language] = write_held_out(label_of(name), part, benchmark)
            files += made
    inputs = {"benchmark": finished(benchmark, "benchmark", files, {"benchmarks": counts})}
    embedder, records, entries = Embedder(model, job.model, 256), [], []
    for piece in plan_pieces(held_out_of(inputs["benchmark"]), piece_rows=50):
        texts = piece.part.read_passages(piece.first, piece.rows)
        vectors = embedder.passages(list(texts.values()))
        records.append(write_piece(piece, vectors, pa.array(texts, pa.string()), "fp32", (1, 1), embed))
        entries.append(entry_of(piece, records[-1]))
    kept = [file for record in records for file in record.files]
    inputs["embed"] = finished(embed, "embed", kept, {"dimension": 32, "pieces": entries})
    inputs["export"] = finished(export, "export", upload_folder(model, export, "model"), {})
    place = Location.of(str(folder / "evaluate"))
    outcome = EVALUATE.run(job, inputs, place, print)
    return place, held_out_of(inputs["benchmark"]), dict(outcome.summary)


def test_a_model_chooses_among_the_candidates_of_the_article_alone(job: Job, model: Path, tmp_path: Path) -> None:
    place, parts, summary = evaluated(job, model, tmp_path)
    lines = (place / "tydiqa-selectp-tiny_dev/predictions.jsonl").read_text().splitlines()
    predicted = {str(row["example_id"]): row for row in map(json.loads, lines)}
    embedder = Embedder(model, job.model, 256)
    for part in [part for part in parts if part.selecting]:
        ((question, own),) = part.read_candidates().items()
        scores = (
            embedder.passages(list(part.read_texts(own).values())) @ embedder.queries([part.read_asked()[question]])[0]
        )
        best = predicted[question]
        assert scores[best["passage_answer_index"]] == pytest.approx(scores.max(), abs=1e-6)
        assert best["passage_answer_score"] == pytest.approx(float(scores.max()), abs=1e-6)
        run = read_run((place / f"{part.benchmark}/{part.language}/run.trec").read_text(), "run")
        assert {passage for passage, _ in run[question]} <= set(own)
        assert len(run[question]) == min(100, len(own))
    assert set(summary["scores"]["tydiqa-selectp-tiny_dev"]) == {"ind", "rus"}  # tha has no answered question
    assert set(summary["selection"]) == {"tydiqa-selectp-tiny_dev"}
    assert np.isfinite(summary["selection"]["tydiqa-selectp-tiny_dev"]["all"]["f1"])
    assert not (place / "tydiqa-primary-open-tiny_dev/predictions.jsonl").exists()
