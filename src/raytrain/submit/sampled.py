"""How long the texts of a job are, from a sample of what is prepared: after ``raytrain plan`` all of it is there."""

import numpy as np

from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut, held_out_of
from raytrain.model.tokenizer import encode
from raytrain.model.tokens import TokenRules
from raytrain.pipeline import Task, status, up_to
from raytrain.planned import planned_mixes
from raytrain.stages.chain import tasks_of
from raytrain.stages.tokens import token_rules

PLACES, TEXTS = (
    8,
    32,
)  # of a language's passages: so many places, and so many texts at each; they are in no random order


def done(tasks: list[Task]) -> dict[str, Artifact]:
    """The artifacts of tasks that are all finished. Works on nothing; raises UserError that names one that is not."""
    found = {state.name: state.artifact for state in status(tasks)}
    missing = [name for name, artifact in found.items() if artifact is None]
    if missing:
        raise UserError(f"{missing[0]} is not done: raytrain plan does it, on CPUs")
    return {name: artifact for name, artifact in found.items() if artifact is not None}


def sampled_pairs(job: Job) -> list[float]:
    """Mean tokens of a pair, question and answer, as each arm of a study (or the one run) takes them by language.

    Raises UserError where the plan, or what it is made of, is not finished.
    """
    means = []
    for mix in planned_mixes(job, None, done):
        pairs = sum(line.pairs for line in mix.lines)
        means.append(sum(line.pairs * line.tokens for line in mix.lines) / pairs)
    return means


def sampled_passages(job: Job) -> float:
    """Mean tokens of a passage of the benchmarks. Raises UserError where they, or the tokenizer, are not there."""
    tasks = tasks_of(job)
    model = next(task.name for task in tasks if task.stage.name == "model")
    needed = {task.name for name in ("benchmark", model) for task in up_to(tasks, name)}
    artifacts = done([task for task in tasks if task.name in needed])
    rules, _ = token_rules(job, artifacts[model])
    parts = held_out_of(artifacts["benchmark"])
    return sum(part.passages * _mean(part, rules) for part in parts) / sum(part.passages for part in parts)


def _mean(part: HeldOut, rules: TokenRules) -> float:
    places = sorted({part.passages * place // PLACES for place in range(PLACES)})
    texts = [text for first in places for text in part.read_passages(first, TEXTS).values()]
    lengths = np.diff(encode(rules.tokenizer, texts, rules.passage_prompt, rules.passage_max_len).offsets.to_numpy())
    return float(lengths.mean())
