"""The tables of a sweep: what was searched, what it cost, and every trial."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from raytrain.report.rows import DASH, language_name
from raytrain.report.sweep_trials import (
    DEFAULT,
    best_first,
    languages_of_trial,
    marks,
    number_text,
    objective_name,
    score_of,
    setting_text,
    short_keys,
    winners,
)
from raytrain.report.tables import Cell, Column, Part, Row, Table
from raytrain.tune.coordinates import Coordinate, coordinates_of
from raytrain.tune.results import Axis, Cost, Sweep, Trial

UNITS = {
    "trials": "trials",
    "least_steps": "steps, at least",
    "steps": "steps",
    "pairs": "pairs",
    "hours": "hours",
    "gpu_hours": "GPU-hours",
    "money": "money",
}
STATES = {
    "finished": "finished, the best first",
    "stopped": "stopped early",
    "running": "running",
    "failed": "failed",
    "waiting": "not begun",
}
_IN_A_LINE = 5  # languages
_NONE = Cell(DASH, tone="mute")


def space_table(sweep: Sweep) -> Table:
    """Every setting that was searched, where, and what the default and the best (or the front's) have there."""
    trials = {trial.number: trial for trial in sweep.trials}
    named = [(DEFAULT, "default"), *((number, f"trial {number}") for number in winners(sweep)[:3] if number)]
    columns = [Column("searched", kind="words"), *(Column(name, kind="words") for _, name in named)]
    rows = [
        Row(axis.key, "", [Cell(_searched(axis)), *(_setting(trials.get(number), axis.key) for number, _ in named)])
        for axis in sweep.space
    ]
    caption = "What was searched, beside what the job file has (the default) and what scored best."
    return Table("search space", caption, "setting", columns, [Part("", rows)])


def _searched(axis: Axis) -> str:
    if axis.kind == "mix":
        return f"shares of {', '.join(axis.languages)}"
    if axis.kind == "choice":
        return f"one of {'; '.join(map(setting_text, axis.options))}"
    ends = " to ".join(DASH if end is None else number_text(end) for end in (axis.low, axis.high))
    words = [word for word, is_so in (("on a log scale", axis.log), ("whole numbers", axis.whole)) if is_so]
    return ", ".join([ends, *words])


def _setting(trial: Trial | None, key: str) -> Cell:
    return Cell(setting_text(trial.settings.get(key))) if trial else _NONE


def budget_table(sweep: Sweep) -> Table | None:
    """Budget, estimate and what was spent, by unit; nothing where none of it is known."""
    found = (sweep.budget, sweep.estimated, sweep.spent)
    units = [
        unit
        for unit in dict.fromkeys([*UNITS, *(u for part in found for u in part)])
        if any(unit in part for part in found)
    ]
    if not units:
        return None
    rows = [Row(_unit(unit, sweep), "", [_amount(part, unit) for part in found]) for unit in units]
    columns = [Column("budget"), Column("estimated", "before the start"), Column("spent")]
    return Table("budget", "What the sweep might take, and took.", "", columns, [Part("", rows)])


def _unit(unit: str, sweep: Sweep) -> str:
    return sweep.currency if unit == "money" else UNITS.get(unit, unit)


def _amount(amounts: Mapping[str, float], unit: str) -> Cell:
    if unit not in amounts:
        return _NONE
    amount = amounts[unit]
    return Cell(f"{amount:,.0f}" if amount == round(amount) or amount >= 1000 else f"{amount:,.2f}")


def trials_table(sweep: Sweep) -> Table:
    """Every trial by its state: scores, settings, how far it got, what it cost, and why it ended early."""
    keys = short_keys([axis.key for axis in sweep.space])
    kinds = {axis.key: kind_of(axis) for axis in sweep.space}
    costs = _costs(sweep)
    tries, why = any(trial.tries > 1 for trial in sweep.trials), any(trial.why for trial in sweep.trials)
    columns = [
        *(Column(objective_name(objective), sweep.metric) for objective in sweep.objectives),
        *(Column(short, kind=kinds[key]) for key, short in keys.items()),
        Column("steps"),
        *(Column(name) for name, _ in costs),
        *([Column("tries")] if tries else []),
        *([Column("why", kind="words")] if why else []),
    ]

    def cells(trial: Trial) -> list[Cell]:
        return [
            *(_score(score_of(trial, objective)) for objective in sweep.objectives),
            *(Cell(setting_text(trial.settings.get(key))) for key in keys),
            Cell(f"{trial.cost.steps:,}"),
            *(Cell(text(trial.cost)) for _, text in costs),
            *([Cell(str(trial.tries))] if tries else []),
            *([Cell(trial.why)] if why else []),
        ]

    caption = f"All {len(sweep.trials)} trials. Scores of those that did not finish are of their last validation."
    return Table("trials", caption, "trial", columns, _parts(sweep, sweep.trials, cells))


def kind_of(axis: Axis) -> Literal["number", "text", "words"]:
    """How the values of a setting are set: shares of many languages do not fit into a line."""
    if axis.kind == "mix":
        return "words" if len(axis.languages) > _IN_A_LINE else "text"
    numbers = all(isinstance(option, int | float) for option in axis.options)
    return "number" if numbers else "text"


def _costs(sweep: Sweep) -> list[tuple[str, Callable[[Cost], str]]]:
    """The columns of what a trial took: GPU-hours where any were used, money where any is known."""
    costs = [trial.cost for trial in sweep.trials]
    found: list[tuple[str, Callable[[Cost], str]]] = [
        ("pairs", lambda cost: f"{cost.pairs:,}"),
        ("minutes", lambda cost: f"{cost.seconds / 60:,.1f}"),
    ]
    if any(cost.gpu_hours for cost in costs):
        found.append(("GPU-hours", lambda cost: f"{cost.gpu_hours:,.2f}"))
    if any(cost.money is not None for cost in costs):
        found.append((sweep.currency, lambda cost: DASH if cost.money is None else f"{cost.money:,.2f}"))
    return found


def languages_table(sweep: Sweep) -> Table | None:
    """The metric of each language, of every trial; nothing if none was validated."""
    found = {trial.number: languages_of_trial(trial) for trial in sweep.trials}
    languages = list(dict.fromkeys([*sweep.languages, *(name for scores in found.values() for name in scores)]))
    validated = [trial for trial in sweep.trials if found[trial.number]]
    if not validated:
        return None
    best = {
        name: max((found[t.number].get(name, 0.0) for t in sweep.trials if t.state == "finished"), default=None)
        for name in languages
    }

    def cells(trial: Trial) -> list[Cell]:
        scores = found[trial.number]
        marked = {n: trial.state == "finished" and scores.get(n) == best[n] for n in languages}
        return [_score(scores.get(name), "better" if marked[name] else "") for name in languages]

    columns = [Column(name, language_name(name)) for name in languages]
    outside = [name for name in languages if name not in sweep.languages]
    caption = f"{sweep.metric} of each language; the best of finished trials in bold."
    caption += f" No objective counts {', '.join(outside)}." if outside else ""
    return Table("scores by language", caption, "trial", columns, _parts(sweep, validated, cells))


def shares_table(sweep: Sweep) -> Table | None:
    """The mix of every trial, a column a language; nothing where no mix is searched."""
    shares = [setting for setting in coordinates_of(sweep) if setting.language]
    if not shares:
        return None

    def cells(trial: Trial) -> list[Cell]:
        return [_share(share, trial) for share in shares]

    several = len({share.key for share in shares}) > 1
    columns = [Column(share.language, share.key if several else language_name(share.language)) for share in shares]
    return Table(
        "mixes",
        "The share of each language, after normalisation.",
        "trial",
        columns,
        _parts(sweep, sweep.trials, cells),
    )


def models_table(sweep: Sweep) -> Table | None:
    """Where the models of the winners and the default lie; of the others trials.csv says it."""
    wanted = {DEFAULT, *winners(sweep)}
    trials = [trial for trial in sweep.trials if trial.number in wanted and trial.artifact]
    if not trials:
        return None
    special = marks(sweep)
    rows = [Row(str(trial.number), special[trial.number], [Cell(trial.artifact)]) for trial in trials]
    return Table("models", "Models of trials.", "trial", [Column("artifact", kind="long")], [Part("", rows)])


def _share(share: Coordinate, trial: Trial) -> Cell:
    value = share.value(trial.settings)
    return _NONE if value is None else Cell(f"{value:.1%}")


def _parts(sweep: Sweep, all_trials: Sequence[Trial], cells: Callable[[Trial], list[Cell]]) -> list[Part]:
    """A row a trial, by state."""
    special, found = marks(sweep), []
    for state, title in STATES.items():
        trials = best_first([trial for trial in all_trials if trial.state == state], sweep.objectives[0])
        if trials:
            rows = [Row(str(trial.number), special.get(trial.number, ""), cells(trial)) for trial in trials]
            found.append(Part(f"{title} ({len(trials)})", rows))
    return found


def _score(score: float | None, tone: str = "") -> Cell:
    return _NONE if score is None else Cell(f"{score:.4f}", tone=tone)
