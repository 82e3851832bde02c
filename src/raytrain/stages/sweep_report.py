"""sweep-report: a sweep and its confirmation as a page to look at, and its trials as a table for other tools."""

from collections.abc import Mapping
from typing import Any

from raytrain.artifact import write_file
from raytrain.config import Job
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.stages.study import read_results
from raytrain.stages.tune import read_sweep
from raytrain.storage import Location

PAGE = "sweep.html"
FORMAT = 1


def _identity(job: Job) -> Mapping[str, Any]:
    return {"format": FORMAT}


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.report.sweep_csv import TRIALS, trials_csv
    from raytrain.report.sweep_page import sweep_page

    sweep = read_sweep(inputs["tune"])
    confirmation = read_results(inputs["study"]) if "study" in inputs else None
    texts = {PAGE: sweep_page(sweep, confirmation), TRIALS: trials_csv(sweep)}
    return Outcome([write_file(text.encode(), folder, path) for path, text in texts.items()], list(texts), {})


SWEEP_REPORT = Stage("sweep-report", (), _identity, _run)
