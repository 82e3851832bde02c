"""The benchmarks of a job as tasks of mteb (github.com/embeddings-benchmark/mteb), written as a script to be run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raytrain.errors import UserError
from raytrain.languages import languages_of

VERSION = "2.26.24"  # whose names of tasks, splits and subsets these are


@dataclass(frozen=True)
class MtebTask:
    """A task of mteb that a kind of benchmark is. ``split``: the one it has; ``note``: where it differs from ours."""

    name: str
    split: str
    note: str = ""


_PLAIN = "encodes both sides without a prompt, and one language into the other only"
_RETRIEVAL: Mapping[str, MtebTask] = {
    "mrtydi": MtebTask(
        "MrTidyRetrieval",
        "test",
        "its own statistics give Japanese 880 passages and 7.0 million questions: they seem to be swapped there",
    ),
    "miracl": MtebTask("MIRACLRetrieval", "dev"),
    "webfaq": MtebTask("WebFAQRetrieval", "test"),
}
_BITEXTS: Mapping[str, MtebTask] = {
    "tatoeba": MtebTask("Tatoeba", "test", _PLAIN),
    "bucc": MtebTask("BUCC.v2", "test", _PLAIN),
}
# What bitexts call a member of a language that has one code here.
_MEMBERS = {"zho": "cmn", "fas": "pes", "swa": "swh", "lav": "lvs", "msa": "zsm", "nor": "nob"}

_SCRIPT = '''"""Benchmarks of the job {job} as tasks of mteb {version}; written by `raytrain mteb`.

    pip install "mteb=={version}"
    python run_mteb.py MODEL_FOLDER [RESULTS_FOLDER]

MODEL_FOLDER is what `raytrain export JOB.yaml --to MODEL_FOLDER` makes, or any SentenceTransformer.
"""

import sys

import mteb
from sentence_transformers import SentenceTransformer

TASKS = [
{tasks}
]


def main(model: str, results: str = "mteb-results") -> None:
    """Runs every task, going on from what is in the results folder, and prints its main score."""
    tasks = [mteb.get_task(**task) for task in TASKS]
    found = mteb.evaluate(SentenceTransformer(model), tasks, cache=mteb.ResultCache(results))
    for task in found.task_results:
        print(task.task_name, f"{{task.get_score():.4f}}")


if __name__ == "__main__":
    main(*sys.argv[1:])
'''


def mteb_script(job: str, benchmarks: Sequence[str], languages: Sequence[str] | None) -> str:
    """A Python script that runs mteb's tasks of the benchmarks, in the languages of the job (None: all of a task).

    What mteb lacks is named in a comment. Raises UserError if it has none of them.
    """
    entries = [(name, _task_of(name)) for name in benchmarks]
    if not any(task for _, task in entries):
        raise UserError(
            f"evaluate.benchmarks: mteb has no task for {', '.join(benchmarks) or 'none'}; it has one for "
            f"{', '.join(_RETRIEVAL)}, and for bitexts of {' and '.join(_BITEXTS)}"
        )
    lines = [line for name, task in entries for line in _lines(name, task, languages)]
    return _SCRIPT.format(job=json.dumps(job), version=VERSION, tasks="\n".join(f"    {line}" for line in lines))


def _task_of(benchmark: str) -> MtebTask | None:
    kind, _, where = benchmark.partition(":")
    place, _, split = where.partition("#")
    if kind == "bitext":
        task = next((task for name, task in _BITEXTS.items() if name in place.lower()), None)
    else:
        task = _RETRIEVAL.get(kind)
    return task if task and split in ("", task.split) else None


def _lines(benchmark: str, task: MtebTask | None, languages: Sequence[str] | None) -> list[str]:
    if task is None:
        return [f"# {json.dumps(benchmark)}: mteb has no such task, or another split of it"]
    arguments: dict[str, Any] = {"task_name": task.name, "eval_splits": [task.split]}
    if languages is not None:
        arguments |= _filtered(task, languages)
    note = [f"# {task.name}: {task.note}"] if task.note else []
    return [*note, f"{arguments!r},"]


def _filtered(task: MtebTask, languages: Sequence[str]) -> dict[str, Any]:
    """mteb takes ISO 639-3 too; of bitexts those are kept whose both languages are named."""
    codes = list(dict.fromkeys(code for label in languages for code in languages_of(label)))
    if task not in _BITEXTS.values():
        return {"languages": codes}
    both = [*codes, *(_MEMBERS[code] for code in codes if code in _MEMBERS)]
    return {"languages": both, "exclusive_language_filter": True}
