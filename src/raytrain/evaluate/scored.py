"""What an evaluation leaves behind: run files, the hits with their raw scores, and the score of every question."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raytrain.artifact import Artifact, File, check_file, write_file
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.evaluate.metrics import METRICS, Hits, score
from raytrain.evaluate.trec import run_text
from raytrain.parquet import read_parquet, write_parquet
from raytrain.storage import Location

SCORES = "scores.parquet"

Floats = npt.NDArray[np.float64]


def write_scored(
    part: HeldOut, ranked: Mapping[str, Hits], tag: str, folder: Location
) -> tuple[list[File], dict[str, float]]:
    """Scores the ranking of every question of one language and writes run, hits and scores.

    Gives the files, and each metric's mean over the questions.
    """
    relevant = part.read_relevant()
    scores = score(relevant, ranked)
    path = f"{part.benchmark}/{part.language}"
    rows = [(query, passage, value) for query, hits in ranked.items() for passage, value in hits]
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
    return files, {metric: float(np.mean([s[metric] for s in scores.values()])) for metric in METRICS}


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
