"""report: one page to look at, and the same numbers as JSON with all that they come from."""

import json
import platform
import shlex
import sys
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from raytrain.artifact import Artifact, check_file, library_versions, write_file
from raytrain.config import Job
from raytrain.corpus.config import Decontaminate
from raytrain.errors import UserError
from raytrain.evaluate.benchmark import label_of
from raytrain.evaluate.held_out import check_files, held_out_of, with_questions
from raytrain.evaluate.models import known_training, note_of, trained_for
from raytrain.evaluate.published import edition, published_for
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.report.account import account_of
from raytrain.stages.study import fused_of, others_of, pairs_of, read_results
from raytrain.storage import Location
from raytrain.study.failures import LETTERS, SHOWN, failures_of
from raytrain.study.results import Failure, Report, Results

PAGE, DATA, METRICS = "index.html", "report.json", "metrics.json"
FORMAT = 3
FAILURES = 2  # of a language and system
POINTS_A_CURVE = 100
SEEDS_FOR_EVIDENCE = 3


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.report.numbers import numbers
    from raytrain.report.page import render

    results = read_results(inputs["study"]) if job.study else _of_one_run(job, inputs)
    report = Report(
        format=FORMAT,
        name=job.name,
        caveats=caveats(job),
        corpus=account_of(inputs["prepare"].manifest),
        results=results,
        notes=notes(job),
        published={b.name: found for b in results.benchmarks if (found := published_for(b.name, b.languages))},
        curves=_curves(inputs),
        failures=_failures(job, inputs),
        provenance=_provenance(job, inputs),
    )
    texts = {
        PAGE: render(report),
        DATA: report.model_dump_json(indent=1),
        METRICS: json.dumps(numbers(report, inputs), indent=1, ensure_ascii=False),
    }
    files = [write_file(text.encode(), folder, path) for path, text in texts.items()]
    return Outcome(files, list(texts), {"caveats": report.caveats})


def caveats(job: Job) -> list[str]:
    """What keeps the numbers of a job from being evidence."""
    found = []
    generated = [name for name in (*job.corpus.source, *job.evaluate.benchmarks) if name == "demo:cldr"]
    if generated:
        found.append("An illustration, not evidence: questions and answers were generated from templates.")
    if job.study:
        seeds = min(len(job.study.seeds_of(arm)) for arm in job.study.arms)
        if seeds < SEEDS_FOR_EVIDENCE:
            found.append(f"Seeds an arm: {seeds}. A claim about training needs {SEEDS_FOR_EVIDENCE} or more.")
        if len(job.evaluate.benchmarks) > 1:
            found.append("Every benchmark has verdicts of its own: among several, one may be a finding by chance.")
    if not job.model.from_scratch:
        found.append(
            "What the starting model was trained on is not known here: «never trained» speaks of the pairs of this job."
        )
        found += _trained_before(job)
    return [*found, *_not_searched(job.corpus.decontaminate)]


def _trained_before(job: Job) -> list[str]:
    """What is known of a published model to start from: it may have been trained for a benchmark."""
    found = []
    for model in (job.model.name_or_path, job.train.init_from):
        seen = known_training(model or "")
        known = [label for name in job.evaluate.benchmarks if trained_for(seen, label := label_of(name))]
        if known:
            found.append(
                f"{model} was trained on {' and '.join(seen)}, as published: on {', '.join(known)} neither its scores "
                "nor those of models made from it are zero-shot."
            )
    return found


def _not_searched(rules: Decontaminate | Literal[False]) -> list[str]:
    """What the training pairs may still hold of the benchmarks."""
    if not rules or not (rules.exact or rules.near):
        what = "questions" if rules and rules.all_passages else "questions and passages"
        return [
            f"The training pairs were not searched for {what} of the benchmarks: "
            "«never trained» means that no pair of that language was trained on."
        ]
    if not rules.near:
        return [
            "The training pairs were searched for equal texts of the benchmarks only: questions and passages in "
            "almost the same words may be among them."
        ]
    return []


def notes(job: Job) -> dict[str, list[str]]:
    """What to bear in mind of single systems, by benchmark."""
    labels = [label_of(name) for name in job.evaluate.benchmarks] if job.evaluate.models else []
    return {label: [note_of(model, label) for model in job.evaluate.models] for label in labels}


def _of_one_run(job: Job, inputs: Inputs) -> Results:
    from raytrain.study.gather import Evaluated, results_of

    seeds = (job.train.seed,)
    systems = [
        Evaluated("BM25", "baseline", (), [inputs["bm25"]], {}),
        Evaluated("untrained", "baseline", seeds, [inputs["untrained"]], {}),
        *others_of(job, inputs),
        Evaluated("trained", "trained", seeds, [inputs["evaluate"]], pairs_of(inputs["plan"])),
        fused_of("trained", seeds, [inputs["fused"]]),
    ]
    return results_of(inputs["benchmark"], systems, None)


def _failures(job: Job, inputs: Inputs) -> list[Failure]:
    """The worst questions of what was trained: of an arm, those of its first seed."""
    named = {"trained": "evaluate"}
    if job.study:
        named = {arm: f"{arm}:{job.study.seeds_of(arm)[0]}/evaluate" for arm in job.study.arms}
    parts = with_questions(held_out_of(inputs["benchmark"]))
    for part in parts:
        check_files(inputs["benchmark"], part, *part.files)
    return [
        failure
        for system, name in named.items()
        for part in parts
        for failure in failures_of(system, inputs[name], part, FAILURES)
    ]


def _curves(inputs: Inputs) -> dict[str, list[tuple[int, float]]]:
    """The loss of each training run, averaged over equal stretches of steps; a skipped one may have none."""
    curves = {}
    for name, artifact in inputs.items():
        if artifact.manifest.stage == "train":
            check_file(artifact, "metrics.jsonl")
            lines = [json.loads(line) for line in (artifact.location / "metrics.jsonl").read_text().splitlines()]
            known = [line for line in lines if line["loss"] is not None]
            stretch = -(-len(known) // POINTS_A_CURVE)
            parts = [known[i : i + stretch] for i in range(0, len(known), stretch)] if known else []
            points = [(part[-1]["step"] + 1, sum(line["loss"] for line in part) / len(part)) for part in parts]
            curves[name.removesuffix("/train")] = points
    return curves


def _provenance(job: Job, inputs: Inputs) -> dict[str, Any]:
    held_out, here = inputs["benchmark"], library_versions()
    return {
        "job": job.model_dump(mode="json"),
        "artifacts": [_origin(name, artifact, here) for name, artifact in inputs.items()],
        "benchmarks": {
            label_of(name): {
                "source": name,
                "files": {f.path: f.sha256 for f in held_out.manifest.files if f.path.startswith(label_of(name) + "/")},
            }
            for name in job.evaluate.benchmarks
        },
        "versions": here,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command": shlex.join(sys.argv),
    }


def _origin(name: str, artifact: Artifact, here: Mapping[str, str]) -> dict[str, Any]:
    manifest = artifact.manifest
    others = {library: version for library, version in manifest.versions.items() if here.get(library) != version}
    found: dict[str, Any] = {
        "name": name,
        "stage": manifest.stage,
        "hash": manifest.hash,
        "content": manifest.content,
        "uri": artifact.location.uri,
        "created": manifest.created,
        "summary": {key: manifest.summary[key] for key in sorted(_TOLD & manifest.summary.keys())},
    }
    # Versions are told once, of this report; and here, where an artifact was made with others.
    return found | ({"other_versions": others} if others else {})


_TOLD = {"model_sha256", "steps", "pairs", "workers", "last_loss", "kind", "dimension", "parameters", "vocabulary"}
_TOLD |= {"commit", "modules", "max_seq_length", "prompts", "similarity"}  # of models of others


def _identity(job: Job) -> Mapping[str, Any]:
    # Inputs say the rest; these are what the page tells of the job besides.
    told = {"name": job.name, "format": FORMAT, "caveats": caveats(job), "published": edition()}
    told |= {"failures": [FAILURES, SHOWN, LETTERS], "points": POINTS_A_CURVE}
    return told | ({"notes": notes(job)} if job.evaluate.models else {})


def read_report(artifact: Artifact) -> Report:
    """The report of a finished run. Raises UserError if it was damaged, or written by another raytrain."""
    check_file(artifact, DATA)
    try:
        return Report.model_validate_json((artifact.location / DATA).read_text())
    except ValidationError as error:
        raise UserError(
            f"{artifact.location.uri}: the report of another raytrain: delete it to write it anew"
        ) from error


REPORT = Stage("report", (), _identity, _run)
