"""What a finished run has left behind, and what its plan says."""

import json

import pyarrow.parquet as pq

from raytrain.artifact import Artifact
from raytrain.corpus.corpus import Corpus
from raytrain.stages.plan import open_plan


def model_hash(artifacts: dict[str, Artifact]) -> str:
    return str(artifacts["train"].manifest.summary["model_sha256"])


def ledger(artifacts: dict[str, Artifact]) -> list[tuple[int, int, str, str]]:
    """(step, lane, language, id) of every row that was consumed, whoever consumed it."""
    train = artifacts["train"]
    rows: list[tuple[int, int, str, str]] = []
    for file in train.manifest.files:
        if "ledger" in file.path:
            table = pq.read_table((train.location / file.path).open_input())
            rows += list(zip(*(table.column(c).to_pylist() for c in ("step", "lane", "language", "id")), strict=True))
    return sorted(rows)


def planned(artifacts: dict[str, Artifact], steps: int) -> list[tuple[int, int, str, str]]:
    """The same from the plan alone."""
    corpus = Corpus.of(artifacts["prepare"])
    plan = open_plan(artifacts["plan"], corpus)
    rows = plan.rows_of(range(plan.lanes), 0, steps)
    ids = {lang: corpus.first_rows(lang, 10**6, ["id"]).column("id").to_pylist() for lang in plan.languages}
    names = [plan.languages[i] for i in rows.language]
    chosen = [ids[name][row] for name, row in zip(names, rows.row, strict=True)]
    return sorted(zip(rows.step.tolist(), rows.lane.tolist(), names, chosen, strict=True))


def logged(artifacts: dict[str, Artifact], key: str) -> list[float]:
    text = (artifacts["train"].location / "metrics.jsonl").read_text()
    return [json.loads(line)[key] for line in text.splitlines()]


def losses(artifacts: dict[str, Artifact]) -> list[float]:
    return logged(artifacts, "loss")
