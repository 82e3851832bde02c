"""What a sweep says in sentences: shared by its page and the terminal."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from raytrain.report.sweep_trials import DEFAULT, finished, objective_name, score_of, setting_text, winners
from raytrain.tune.results import Sweep, Trial

OBJECTIVES = {
    "average": "the mean over the languages",
    "worst": "the language with the lowest score",
    "trained": "the mean over the languages that trials may train on",
    "never_trained": "the mean over the languages that no trial trains on",
}
NAMED = 8  # trials in a sentence
_CONFIRMED = "The confirmation says what is left of it with new seeds."
_UNCONFIRMED = (
    "No confirmation has been run: until the winner is trained anew with new seeds, beside the default, the gain is "
    "not known."
)
_STATES = {
    "finished": "finished",
    "stopped": "stopped early",
    "failed": "failed",
    "running": "running",
    "waiting": "not begun",
}


def caveats(sweep: Sweep, confirmed: bool) -> list[str]:
    """What to bear in mind of the scores: that they chose the best, and whether the sweep is over."""
    found = []
    number = len(finished(sweep))
    if number > 1:
        what = "The best score" if sweep.best is not None else "A score on the front"
        found.append(
            f"{what} of a sweep is an optimistic estimate: it is the best of {number} draws, each with some luck, and "
            f"measured on the questions that chose it. {_CONFIRMED if confirmed else _UNCONFIRMED}"
        )
    open_: Counter[str] = Counter(trial.state for trial in sweep.trials if trial.state in ("running", "waiting"))
    if open_:
        found.append(f"The sweep is not over: {_counted(open_)}.")
    return found


def states(sweep: Sweep) -> str:
    """How many trials there are, by state."""
    found: Counter[str] = Counter(trial.state for trial in sweep.trials)
    trials = "1 trial" if len(sweep.trials) == 1 else f"{len(sweep.trials):,} trials"
    return f"{trials}: {_counted(found)}" if found else "no trial yet"


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{found[state]:,} {word}" for state, word in _STATES.items() if found.get(state))


def outcome(sweep: Sweep) -> list[str]:
    """What came out, in a sentence or two."""
    trials = {trial.number: trial for trial in sweep.trials}
    ended = finished(sweep)
    if not ended:
        return ["No trial has finished, so there is no best one."]
    names = " and ".join(map(objective_name, sweep.objectives))
    if sweep.best is None and len(sweep.objectives) == 1:
        return [f"No finished trial has a score by {names} that is a number, so there is no best one."]
    if sweep.best is None:
        front = f"{', '.join(map(str, sweep.front[:NAMED]))}{' …' if len(sweep.front) > NAMED else ''}"
        where = f"{len(sweep.front)} of {len(ended)} finished trials are on the Pareto front of {names}"
        known = [f"{where}: {front}. No trial beats one of these in all objectives."] if sweep.front else []
        return [*known, *(_default_on_front(sweep) if trials.get(DEFAULT) in ended else [])]
    return [_best(sweep, trials[sweep.best], trials.get(DEFAULT), sweep.objectives[0])]


def _best(sweep: Sweep, best: Trial, default: Trial | None, objective: str) -> str:
    score = score_of(best, objective)
    base = score_of(default, objective) if default and default.state == "finished" else None
    by = f"{objective_name(objective)} {sweep.metric}"
    reached = "" if score is None else f": {score:.4f}"
    if best.number == DEFAULT:
        return f"The default (trial 0) is best by {by}{reached}; no trial beats it."
    told = f"Trial {best.number} is best by {by}{reached}"
    if score is None or base is None:
        return f"{told}. The default (trial 0) has not finished, and can't be compared."
    difference = f"{score - base:+z.4f}".replace("-", "−")
    return f"{told}, the default (trial 0) {base:.4f}: {difference}."


def _default_on_front(sweep: Sweep) -> list[str]:
    if DEFAULT in sweep.front:
        return ["The default (trial 0) is one of them."]
    return ["The default (trial 0) is not: some trial is as good in all objectives, and better in one."]


def failures(sweep: Sweep) -> list[str]:
    """Why trials failed, the most frequent reason first, with their numbers."""
    found: dict[str, list[int]] = {}
    for trial in sweep.trials:
        if trial.state == "failed":
            found.setdefault(trial.why or "no reason known", []).append(trial.number)
    return [
        f"{len(numbers)} failed: {why} (trial{'' if len(numbers) == 1 else 's'} {_numbers(numbers)})"
        for why, numbers in sorted(found.items(), key=lambda item: -len(item[1]))
    ]


def _numbers(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:NAMED])) + (" …" if len(numbers) > NAMED else "")


def way(described: Mapping[str, Any]) -> str:
    """A searcher or scheduler in one line: its kind, and what it was told."""
    rest = ", ".join(
        f"{objective_name(key)} {setting_text(value)}"
        for key, value in described.items()
        if key != "kind" and value is not None
    )
    kind = str(described.get("kind", "–"))
    return f"{kind} ({rest})" if rest else kind


def commands(sweep: Sweep) -> list[tuple[str, str]]:
    """How to train the winners, at most three, and the default: which trial, and the command."""
    of_trial = "raytrain tune JOB.yaml --best --trial {0} --to trial-{0}.yaml && raytrain train trial-{0}.yaml"
    found = [(f"trial {number}", of_trial.format(number)) for number in winners(sweep)[:3] if number != DEFAULT]
    default = [("trial 0 (default)", "raytrain train JOB.yaml")]
    return [*found, *(default if any(trial.number == DEFAULT for trial in sweep.trials) else [])]
