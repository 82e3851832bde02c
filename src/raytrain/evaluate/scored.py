"""What an evaluation leaves behind: run files, the hits with their raw scores, and the score of every question."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raytrain.artifact import Artifact, File, check_file, write_file
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.evaluate.metrics import METRICS, Hits, score
from raytrain.evaluate.selection import Prediction, averages, best_f1, predictions_of, predictions_text, scores_text
from raytrain.evaluate.trec import run_text
from raytrain.parquet import read_parquet, write_parquet
from raytrain.storage import Location

SCORES = "scores.parquet"

Floats = npt.NDArray[np.float64]


def write_scored(
    part: HeldOut, ranked: Mapping[str, Hits], tag: str, folder: Location
) -> tuple[list[File], dict[str, float]]:
    """Scores the ranking of every question of one language and writes run, hits and scores.

    Gives the files, and each metric's mean over the questions with a relevant passage; nothing where there is none.
    Raises UserError for a score that is no finite number.
    """
    relevant = part.read_relevant()
    scores = score(relevant, ranked)
    path = f"{part.benchmark}/{part.language}"
    rows = [(query, passage, value) for query, hits in ranked.items() for passage, value in hits]
    wrong = next((row for row in rows if not np.isfinite(row[2])), None)
    if wrong is not None:
        raise UserError(f"{tag}: {path}: passage {wrong[1]} scores {wrong[2]} for question {wrong[0]}: no number")
    queries, passages, values = ([row[i] for row in rows] for i in range(3))
    hits = pa.table(
        {
            "question": pa.array(queries, pa.string()),
            "passage": pa.array(passages, pa.string()),
            "score": pa.array(values, pa.float32()),
        }
    )
    table = pa.table(
        {
            "question": pa.array(list(scores), pa.string()),
            **{metric: pa.array([s[metric] for s in scores.values()], pa.float64()) for metric in METRICS},
        }
    )
    files = [
        write_file(run_text(ranked, tag).encode(), folder, f"{path}/run.trec"),
        write_parquet(hits, folder, f"{path}/hits.parquet"),
        write_parquet(table.sort_by("question"), folder, f"{path}/{SCORES}"),
    ]
    return files, {metric: float(np.mean([s[metric] for s in scores.values()])) for metric in METRICS if scores}


def predictions_of_part(part: HeldOut, ranked: Mapping[str, Hits]) -> list[Prediction]:
    """What each question of a part that selects passages got. Raises UserError for a passage of another article."""
    return predictions_of(part.read_candidates(), part.read_relevant(), ranked)


def write_selected(
    label: str, predictions: Mapping[str, list[Prediction]], folder: Location
) -> tuple[list[File], dict[str, dict[str, float]]]:
    """Writes the official prediction file of all languages of a benchmark, and their F1; gives the averages too."""
    lines = "".join(predictions_text(language, found) for language, found in predictions.items())
    scores = {language: best_f1(found) for language, found in predictions.items()}
    files = [
        write_file(lines.encode(), folder, f"{label}/predictions.jsonl"),
        write_file(scores_text(scores).encode(), folder, f"{label}/selection.json"),
    ]
    return files, averages(scores)


def read_scored(artifact: Artifact, part: HeldOut) -> tuple[list[str], dict[str, Floats]]:
    """The ids of the questions of one language, sorted, and their scores (questions,) by metric.

    Raises UserError if the file was damaged.
    """
    return read_scores(artifact, f"{part.benchmark}/{part.language}/{SCORES}")


def read_scores(artifact: Artifact, path: str) -> tuple[list[str], dict[str, Floats]]:
    """What ``read_scored`` gives, of a file of the artifact. Raises UserError if it was damaged, or lacks a metric."""
    check_file(artifact, path)
    place = artifact.location / path
    table = read_parquet(place)
    missing = [metric for metric in METRICS if metric not in table.column_names]
    if missing:
        raise UserError(
            f"{place.uri}: no {', '.join(missing)}: another raytrain scored it: evaluate anew, or name --qrels"
        )
    columns = {metric: table.column(metric).to_numpy().astype(np.float64) for metric in METRICS}
    return table.column("question").to_pylist(), columns


def read_hits(artifact: Artifact, part: HeldOut) -> dict[str, Hits]:
    """The hits of the questions of one language with their raw scores; a question without any is not there.

    Raises UserError if the file was damaged.
    """
    check_file(artifact, f"{part.benchmark}/{part.language}/hits.parquet")
    table = read_parquet(artifact.location / part.benchmark / part.language / "hits.parquet")
    found: dict[str, Hits] = {}
    rows = zip(*(table.column(name).to_pylist() for name in ("question", "passage", "score")), strict=True)
    for question, passage, value in rows:
        found.setdefault(question, []).append((passage, value))
    return found
