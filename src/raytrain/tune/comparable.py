"""Which trials of a sweep can be compared, and after how many steps: those stopped early have no score at the end."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from raytrain.tune.results import Sweep, Trial

REACHED = 0.9  # of the trials; a later step only the better ones reach, which hides what made the others worse


@dataclass(frozen=True)
class Comparable:
    """``scores``: number of a trial → its objectives, after ``step`` steps; None: at the end of each.

    ``left_out``: why trials are not among them → how many.
    """

    step: int | None
    scores: dict[int, dict[str, float]]
    left_out: dict[str, int]


def comparable(sweep: Sweep) -> Comparable:
    """Trials at their ends if none was stopped early; else all at the last step that nine of ten were validated at.

    A score at the end of a stopped trial is one of fewer steps: beside finished ones it would make every setting look
    bad that the scheduler gave less time. Trials that failed, wait or run are left out, as are scores that are no
    number.
    """
    out = Counter(_WHY[trial.state] for trial in sweep.trials if trial.state in _WHY)
    ended = [trial for trial in sweep.trials if trial.state not in _WHY]
    if not any(trial.state == "stopped" for trial in ended):
        return _kept(sweep, None, {trial.number: trial.values for trial in ended}, out)
    points = {trial.number: _points(trial) for trial in ended}
    validated = [number for number, found in points.items() if found]
    reached = Counter(step for number in validated for step in points[number])
    common = [step for step, trials in reached.items() if trials >= REACHED * len(validated)]
    if not common:
        finished = {trial.number: trial.values for trial in ended if trial.state == "finished"}
        out["stopped early, without a step in common with the others"] = len(ended) - len(finished)
        return _kept(sweep, None, finished, out)
    step = max(common)
    at = {number: found[step] for number, found in points.items() if step in found}
    out[f"not validated at step {step:,}"] = len(points) - len(at)
    return _kept(sweep, step, at, out)


_WHY = {"failed": "failed", "waiting": "not begun", "running": "still running"}


def _points(trial: Trial) -> dict[int, dict[str, float]]:
    found = {point.step: point.values for point in trial.curve}
    return found | ({trial.step: trial.values} if trial.step is not None and trial.values else {})


def _kept(sweep: Sweep, step: int | None, scores: Mapping[int, dict[str, float]], left_out: Counter[str]) -> Comparable:
    known = {
        number: values
        for number, values in scores.items()
        if all(math.isfinite(values.get(objective, math.nan)) for objective in sweep.objectives)
    }
    left_out["without a score"] += len(scores) - len(known)
    return Comparable(step, known, {why: count for why, count in left_out.items() if count})
