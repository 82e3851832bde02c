"""benchmark: the held-out questions, passages and judgements, read once and kept with their hashes."""

from collections.abc import Mapping
from typing import Any

from raytrain.artifact import File
from raytrain.config import Evaluate, Job
from raytrain.errors import UserError
from raytrain.evaluate.benchmark import identity_of, kind_of, label_of, load_benchmark, same_questions
from raytrain.evaluate.held_out import write_held_out
from raytrain.evaluate.tydiqa import PASSAGES
from raytrain.languages import languages_of
from raytrain.pipeline import Inputs, Outcome, Say, Stage, Task, options_of
from raytrain.stages.prepare import source_units
from raytrain.storage import Location


def _open(job: Job, uri: str) -> Location:
    return Location.of(uri, options_of(job))


def _identity(job: Job) -> Mapping[str, Any]:
    names = job.evaluate.benchmarks
    return {
        "languages": job.evaluate.languages,
        "benchmarks": {label_of(name): identity_of(name, lambda uri: _open(job, uri)) for name in names},
        "known": _known(job),
    }


def _known(job: Job) -> list[str] | None:
    """The languages that a tokenizer of our own has seen; None where a tokenizer is given. Others are refused, so
    that an artifact made for more languages must not do for a job with fewer."""
    if not job.model.from_scratch:
        return None
    return sorted({language for unit in source_units(job) for label in unit.labels for language in languages_of(label)})


def _check(job: Job) -> None:
    _identity(job)


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    files: list[File] = []
    benchmarks: dict[str, dict[str, dict[str, int]]] = {}
    for name in job.evaluate.benchmarks:
        label = label_of(name)
        benchmarks[label] = {}
        for part in load_benchmark(name, job.evaluate.languages, lambda uri: _open(job, uri)):
            _check_known(job, name, part.language)
            written, benchmarks[label][part.language] = write_held_out(label, part, folder)
            files += written
        _tell(name, benchmarks[label], say)
    about = {label_of(name): kind_of(name).about() for name in job.evaluate.benchmarks}
    return Outcome(files, [f"{label}/" for label in benchmarks], {"benchmarks": benchmarks, "about": about})


def _tell(name: str, parts: Mapping[str, Mapping[str, int]], say: Say) -> None:
    """Raises UserError where nothing can be found."""
    questions, passages = (sum(counts[key] for counts in parts.values()) for key in ("questions", "passages"))
    if not passages:
        raise UserError(f"evaluate: {name} has no passages, so there is nothing to find")
    say(f"benchmark: {name}: {questions:,} questions, {passages:,} passages in {len(parts)} languages")
    left_out = {language: counts["left_out"] for language, counts in parts.items() if counts["left_out"]}
    if left_out:
        told = ", ".join(f"{language} {number:,}" for language, number in left_out.items())
        say(f"benchmark:   without a relevant passage, and not scored: {sum(left_out.values()):,} questions ({told})")
    for language in [language for language, counts in parts.items() if not counts["questions"]]:
        say(f"benchmark:   {language}: no question with a gold passage; it gets no score")


def _check_known(job: Job, name: str, label: str) -> None:
    """A tokenizer of our own has never seen a language that the corpus lacks: a score would say nothing."""
    known = _known(job)
    unknown = set(languages_of(label)) - set(languages_of(label) if known is None else known)
    if unknown:
        raise UserError(
            f"evaluate: {name} has {', '.join(sorted(unknown))}, which the corpus lacks, and model.from_scratch knows "
            "only languages of the corpus: add pairs of them, or leave them out with evaluate.languages (in "
            "train.validate_on: with its own languages)"
        )


BENCHMARK = Stage("benchmark", (), _identity, _run, _check)


def check_validation(job: Job) -> None:
    """Raises UserError if checkpoints would be chosen by a benchmark of the evaluation, however it is spelled."""
    rules = job.train.validate_on
    if rules is None:
        return
    if kind_of(rules.benchmark) is PASSAGES:
        raise UserError(
            f"train.validate_on.benchmark: {rules.benchmark} selects within an article, and checkpoints are scored by "
            "search: take tydiqa-primary of the same file"
        )
    chosen_by = identity_of(rules.benchmark, lambda uri: _open(job, uri))
    for name in job.evaluate.benchmarks:
        if chosen_by == identity_of(name, lambda uri: _open(job, uri)):
            raise UserError(
                f"train.validate_on.benchmark: {rules.benchmark} and {name} of evaluate.benchmarks are the same files: "
                "the model would be chosen by what it is then judged on; take another one"
            )
        shared = same_questions(rules.benchmark, name)
        if shared:
            raise UserError(
                f"train.validate_on.benchmark: {rules.benchmark} and {name} of evaluate.benchmarks both ask questions "
                f"of {shared}: the model would be chosen by what it is then judged on; take another split"
            )


def validation_task(job: Job) -> Task | None:
    """The benchmark that checkpoints are scored on while training goes on, read as any other."""
    rules = job.train.validate_on
    if rules is None:
        return None
    evaluate = Evaluate(benchmarks=[rules.benchmark], languages=rules.languages)
    return Task("validation", BENCHMARK, job.model_copy(update={"evaluate": evaluate}), {})
