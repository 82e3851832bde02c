"""What ``raytrain plan`` shows: pairs, passes and expected tokens of each language, and the rows of given steps."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.model.tokens import tokenised
from raytrain.pipeline import Task, up_to
from raytrain.report.mix import MixLine, PlannedRow
from raytrain.stages.chain import chain, one_run, tasks_of
from raytrain.stages.plan import open_plan
from raytrain.stages.tokens import token_rules
from raytrain.study.arms import ArmRun, runs_of

Work = Callable[[list[Task]], dict[str, Artifact]]

SAMPLE = 256  # rows of each language whose tokens are counted
_ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class PlannedMix:
    """The mix of a training run, and the artifact of its plan.

    ``segments``: titles and lines of the steps between changes of the mix, where there are any.
    """

    title: str
    plan: Artifact
    lines: list[MixLine]
    segments: list[tuple[str, list[MixLine]]]


@dataclass(frozen=True)
class _Run:
    """A training run; ``plan`` and ``model`` are the names of its tasks."""

    title: str
    plan: str
    model: str


def planned_mixes(job: Job, arm: str | None, work: Work) -> list[PlannedMix]:
    """The mix of each arm of a study, of its first seed, or of the one training run. ``work`` does the tasks.

    Raises UserError if ``arm`` is none of the job's.
    """
    runs, tasks = _runs(job, arm)
    done = work(_up_to(tasks, [*(run.plan for run in runs), runs[0].model]))
    summaries = [done[run.plan].manifest.summary for run in runs]
    languages = sorted({language for summary in summaries for language in summary["languages"]})
    tokens = _tokens_a_pair(job, done["prepare"], done[runs[0].model], languages)
    return [_planned(run.title, done[run.plan], tokens) for run in runs]


def _planned(title: str, plan: Artifact, tokens: Mapping[str, float]) -> PlannedMix:
    def lines(languages: Mapping[str, Mapping[str, Any]]) -> list[MixLine]:
        return [
            MixLine(name, of["group"], of["weight"], of["pairs"], of["passes"], of["rows"], tokens[name])
            for name, of in languages.items()
        ]

    segments = []
    for segment in plan.manifest.summary.get("segments", []):
        first, last = segment["steps"]
        segments.append((f"{title}, steps {first:,} to {last - 1:,}", lines(segment["languages"])))
    whole = f"{title}, all steps" if segments else title
    return PlannedMix(whole, plan, lines(plan.manifest.summary["languages"]), segments)


def planned_rows(job: Job, arm: str | None, steps: str, work: Work) -> Iterator[PlannedRow]:
    """The rows of steps ``a:b`` (a to b - 1), in order, with their questions. ``work`` does the tasks.

    Raises UserError if ``steps`` is no such range, or if it is not said of which arm.
    """
    first, last = _steps_of(steps, job.train.max_steps)
    if job.study is not None and arm is None:
        raise UserError(f"--steps: of which arm? Name one with --arm: {', '.join(job.study.arms)}")
    runs, tasks = _runs(job, arm)
    done = work(_up_to(tasks, [runs[0].plan]))
    corpus = Corpus.of(done["prepare"])
    plan = open_plan(done[runs[0].plan], corpus)
    at_once = max(1, _ROWS_AT_ONCE // plan.batch_size)
    for start in range(first, last, at_once):
        rows = plan.rows_of(range(plan.lanes), start, min(at_once, last - start))
        texts = corpus.read_mixed(plan.languages, rows.language, rows.row, ("id", "question"))
        names = np.array(plan.languages)[rows.language]
        numbers = (column.tolist() for column in (rows.step, rows.lane, names, rows.row))
        words = (texts.column(name).to_pylist() for name in ("id", "question"))
        for row in zip(*numbers, *words, strict=True):
            yield PlannedRow(*row)


def _runs(job: Job, arm: str | None) -> tuple[list[_Run], list[Task]]:
    """Each arm of a study with its first seed, or the one run; and all tasks of the job."""
    if job.study is None:
        if arm is not None:
            raise UserError("--arm chooses an arm of a study, and the job has none")
        return [_Run("train.mix", "plan", "model")], chain(one_run(job))
    if arm not in (None, *job.study.arms):
        raise UserError(f"--arm: the study has no {arm}; it has {', '.join(job.study.arms)}")
    first = {run.arm: run for run in reversed(runs_of(job, job.study))}
    return [_of_arm(first[name]) for name in job.study.arms if arm in (None, name)], tasks_of(job)


def _of_arm(run: ArmRun) -> _Run:
    return _Run(f"{run.arm}, seed {run.seed}", f"{run.name}/plan", f"seed:{run.seed}/model")


def _up_to(tasks: list[Task], last: Iterable[str]) -> list[Task]:
    wanted = {task.name for name in last for task in up_to(tasks, name)}
    return [task for task in tasks if task.name in wanted]


def _tokens_a_pair(job: Job, prepared: Artifact, model: Artifact, languages: Iterable[str]) -> dict[str, float]:
    """Mean tokens of question and answer of each language, over its first rows (the corpus is shuffled)."""
    corpus, (rules, _) = Corpus.of(prepared), token_rules(job, model)
    found = {}
    for language in languages:
        sample = tokenised(corpus.first_rows(language, SAMPLE, ("question", "answer")), rules)
        tokens = sum(len(pc.list_flatten(sample.column(name))) for name in ("query", "passage"))
        found[language] = tokens / sample.num_rows
    return found


def _steps_of(text: str, max_steps: int) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]+):([0-9]+)", text)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not first < last <= max_steps:
        raise UserError(
            f"--steps {text}: give a:b, the first step and one past the last, within 0:{max_steps} (train.max_steps)"
        )
    return first, last
