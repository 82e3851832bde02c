"""Checkpoints scored on a small benchmark while training goes on: a task of Ray for each, one at a time.

validation/step-000000200.json    the score of each language and their mean, of the chosen metric
"""

import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raytrain.artifact import Artifact, digest
from raytrain.config import Model, Train, Validate
from raytrain.errors import DamagedError, UserError, one_line, user_error_in
from raytrain.evaluate.held_out import check_files as check_benchmark
from raytrain.evaluate.held_out import held_out_of, with_questions
from raytrain.evaluate.metrics import MEASURES, Hits, score
from raytrain.evaluate.sample import Sample, sample
from raytrain.storage import Location
from raytrain.train.checkpoint import (
    SCORES,
    Checkpoint,
    check_files,
    committed_steps,
    read_checkpoint,
    score_file,
    steps_done,
)
from raytrain.train.choice import Choice, choose, steps_to_validate
from raytrain.train.trained import write_trained

TRIES = 3  # of one checkpoint
PAUSE_S = 5.0  # between them

Say = Callable[[str], None]


def read_scores(run: Location) -> dict[int, float | None]:
    """Step → score, of the checkpoints that were scored; None for one that was lost before."""
    return {found["step"]: found["score"] for found in scores_by_step(run)}


def decided_scores(run: Location, rules: Validate, last: int) -> dict[int, float | None]:
    """Step → score, of all that is decided: None for a checkpoint that is gone without one, whatever the reason."""
    there = committed_steps(run)
    steps = steps_to_validate(rules.every, last)
    gone = (step for step in steps if there and step < there[-1] and step not in there)
    return dict.fromkeys(gone) | read_scores(run)


def scores_by_step(run: Location) -> list[dict[str, Any]]:
    """What ``score_checkpoint`` wrote, in order of steps."""
    place = run / SCORES
    names = (info.path for info in place.list())
    return [_read_score(place / name) for name in names if re.fullmatch(r"step-\d+\.json", name)]


def _read_score(file: Location) -> dict[str, Any]:
    """Raises DamagedError if it is not what ``score_checkpoint`` wrote."""
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
        written = found.pop("digest")
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise DamagedError(f"{file.uri}: damaged: delete it, and the checkpoint is scored again") from error
    if written != digest(found):
        raise DamagedError(f"{file.uri}: damaged: delete it, and the checkpoint is scored again")
    return found


@dataclass(frozen=True)
class Validated:
    """What it takes to score a checkpoint of a run. Travels to the task that does."""

    run: Location
    model: Artifact  # that training started from
    benchmark: Artifact
    rules: Model
    train: Train

    @property
    def validate(self) -> Validate:
        """The section of the config."""
        assert self.train.validate_on
        return self.train.validate_on

    @property
    def steps(self) -> list[int]:
        """After which steps checkpoints are scored."""
        return steps_to_validate(self.validate.every, self.train.max_steps)

    def scores(self) -> dict[int, float | None]:
        """As ``decided_scores``."""
        return decided_scores(self.run, self.validate, self.train.max_steps)

    def choice(self) -> Choice | None:
        """The best checkpoint of those that are kept."""
        there, scores = committed_steps(self.run), self.scores()
        kept = {step: score if step in there else None for step, score in scores.items()}
        return choose(kept, self.validate, self.train.max_steps)


def score_checkpoint(given: Validated, step: int) -> dict[str, Any]:
    """The scores of one checkpoint by language, and their mean as ``score``; writes them down."""
    from raytrain.model.embedder import Embedder

    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        checkpoint = read_checkpoint(given.run, step)
        write_trained(given.run, checkpoint, given.model, given.rules, given.train, folder)
        embedder = Embedder(folder, given.rules, given.train.tokens_per_chunk, given.validate.threads)
    languages = {}
    for part in with_questions(held_out_of(given.benchmark)):
        check_benchmark(given.benchmark, part, "questions.parquet", "passages.parquet", "qrels.trec")
        whole = Sample(part.read_questions(), part.read_passages(), part.read_relevant())
        few = sample(whole, given.validate.questions, given.validate.passages)
        vectors = embedder.queries(list(few.questions.values())), embedder.passages(list(few.passages.values()))
        best = _best(*vectors, list(few.passages), MEASURES[given.validate.metric].depth)
        scores = score(few.relevant, dict(zip(few.questions, best, strict=True)), [given.validate.metric])
        languages[part.language] = float(np.mean([found[given.validate.metric] for found in scores.values()]))
    mean = float(np.mean(list(languages.values())))
    found = {"step": step, "metric": given.validate.metric, "score": mean, "languages": languages}
    write_score(given.run, found)
    return found


def write_score(run: Location, found: dict[str, Any]) -> None:
    """Writes a score down, with its ``step``."""
    score_file(run, found["step"]).write_bytes(json.dumps({**found, "digest": digest(found)}, indent=1).encode())


def lost(run: Location, step: int) -> str:
    """Why a committed checkpoint can't be used, or "" if it is whole. If it can't, it is neither scored nor chosen.

    But not for the newest: a run that is started again goes on from before it, and comes to it once more.
    """
    if step == steps_done(run):
        return ""
    try:
        check_files(run, read_checkpoint(run, step))
    except DamagedError as error:
        write_score(run, {"step": step, "score": None, "why": str(error)})
        return str(error)
    return ""


def best_whole(given: "Validated", say: Say) -> tuple[Choice | None, Checkpoint | None]:
    """The choice and its checkpoint, or None twice where none was scored. Damaged ones are said aloud and passed by."""
    while choice := given.choice():
        why = lost(given.run, choice.step)
        if not why:
            return choice, read_checkpoint(given.run, choice.step)
        say(f"validation: {why}; the best of the others is taken")
    return None, None


def _best(questions: Any, passages: Any, ids: list[str], depth: int) -> list[Hits]:
    """The best passages of each question by inner product; equal ones by id, descending. ``ids`` are sorted."""
    found = []
    for row in questions @ passages.T:
        order = np.lexsort((-np.arange(len(ids)), -row))[:depth]
        found.append([(ids[i], float(row[i])) for i in order])
    return found


class Validation:
    """Scores the checkpoints of a run, as they come. ``look`` is called every so often and waits for nothing."""

    def __init__(self, given: Validated, say: Say) -> None:
        self._given = given
        self._say = say
        self._scores = given.scores()
        self._task: Any = None
        self._step = 0
        self._looking = threading.Lock()
        self._failures = 0  # in a row
        self._not_before = 0.0
        self._error: UserError | None = None

    def anew(self) -> None:
        """Training goes on from another checkpoint, perhaps an earlier one: what was scored is read again."""
        with self._looking:
            self._scores = self._given.scores()

    def look(self) -> str:
        """Takes a score that has come, and begins with the next checkpoint. Gives a reason to end the run, or ""."""
        if not self._looking.acquire(blocking=False):
            return ""  # another thread of the driver does
        try:
            return self._look()
        finally:
            self._looking.release()

    def _look(self) -> str:
        import ray

        if self._task is not None and ray.wait([self._task], timeout=0)[0]:
            self._take()
        waiting = self._waiting()
        if self._task is None and waiting and time.monotonic() >= self._not_before:
            self._step = waiting[0]
            # Beside the workers, on CPUs that nobody counts: it must not wait until training is over.
            self._task = ray.remote(num_cpus=0, max_retries=2)(score_checkpoint).remote(self._given, self._step)
        best = choose(self._scores, self._given.validate, self._given.train.max_steps)
        if best and best.ended:
            return f"validation: no better one in {self._given.validate.patience} after step {best.step:,}"
        return ""

    def finish(self) -> None:
        """Waits until every checkpoint that decides is scored. Raises UserError for one that can't be."""
        while self._task is not None or self._waiting():
            self.look()
            time.sleep(1)  # each look lists the checkpoints
        if self._error:
            raise self._error

    def _waiting(self) -> list[int]:
        rules, last = self._given.validate, self._given.train.max_steps
        best = choose(self._scores, rules, last)
        if self._error or (best and best.ended):
            return []
        committed = set(committed_steps(self._given.run))
        return [step for step in self._given.steps if step in committed and step not in self._scores]

    def _take(self) -> None:
        import ray

        task, self._task = self._task, None
        try:
            found: Mapping[str, Any] = ray.get(task)
        except ray.exceptions.RayError as error:
            met = user_error_in(error)
            if isinstance(met, DamagedError) and (why := lost(self._given.run, self._step)):
                self._say(f"validation: {why}; step {self._step:,} is left out")
                self._scores[self._step] = None
                return
            told = one_line(met or error, 10**6)[-300:]
            self._failures += 1
            if self._failures == TRIES:  # training goes on; at its end this is raised
                self._error = UserError(f"validation: step {self._step:,} can't be scored: {told}; run again to try")
            self._say(f"validation: step {self._step:,} was not scored: {told}")
            self._not_before = time.monotonic() + PAUSE_S
            return
        self._failures = 0
        self._scores[self._step] = found["score"]
        best = choose(self._scores, self._given.validate, self._given.train.max_steps)
        where = "the best so far"
        if best and best.step != self._step:
            where = f"best: {best.score:.4f} at step {best.step:,}"
        self._say(f"validation: step {self._step:,}: {found['metric']} {found['score']:.4f} ({where})")
