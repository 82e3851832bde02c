"""Several objectives: the Pareto front, and what being best by one costs by the others."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from raytrain.report.drawing import FOOT, MUTE, RULE, axes_of, drawing, figure_of, short, svg
from raytrain.report.rows import DASH
from raytrain.report.sweep_trials import DEFAULT, STYLES, best_first, finished, objective_name, score_of
from raytrain.report.tables import Cell, Column, Part, Row, Table
from raytrain.tune.results import Sweep, Trial

_WIDTH, _HEIGHT, _LEFT, _TOP = 420.0, 340.0, 60.0, 12.0
_NOTE: dict[str, Any] = {"fontsize": 9, "color": MUTE, "fontstyle": "italic"}
_NAMED = 12  # points of a front; more have no room for their numbers


def fronts(sweep: Sweep, key: str) -> list[str]:
    """A panel for each pair of objectives; nothing with one objective, or before a trial has finished."""
    trials = [t for t in finished(sweep) if all(score_of(t, o) is not None for o in sweep.objectives)]
    pairs = list(combinations(sweep.objectives, 2)) if trials else []
    return [_panel(sweep, trials, *pair, f"{key}-{index}") for index, pair in enumerate(pairs)]


def _panel(sweep: Sweep, trials: list[Trial], across: str, up: str, key: str) -> str:
    front = sorted((t.values[across], t.values[up], t.number) for t in trials if t.number in sweep.front)
    rest = [(t.values[across], t.values[up]) for t in trials if t.number not in {DEFAULT, *sweep.front}]
    known = [t for t in trials if t.number in {DEFAULT, *sweep.front}]
    with drawing():
        figure = figure_of(_WIDTH, _HEIGHT)
        axes = axes_of(figure, _LEFT, _TOP, _WIDTH - _LEFT - 24, _HEIGHT - _TOP - FOOT)
        axes.set(xlabel=short(objective_name(across), 40), ylabel=short(objective_name(up), 40))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(True, color=RULE, linewidth=0.7)
        axes.set_axisbelow(True)
        left, bottom = (_limit(axes.set_xlim, trials, known, across), _limit(axes.set_ylim, trials, known, up))
        near = [(x, y) for x, y in rest if x >= left and y >= bottom]
        if len(near) < len(rest):
            beyond = f"{len(rest) - len(near)} more, worse than can be shown"
            axes.text(0.01, 0.02, beyond, transform=axes.transAxes, **_NOTE)
        if near:
            faint = STYLES["stopped early"].colour
            axes.plot(*zip(*near, strict=True), "o", color=faint, markersize=5, markeredgewidth=0)
        best = STYLES["best"].colour
        if front and len(sweep.objectives) == 2:  # what a pair of more hides is better by a third
            axes.step([x for x, _, _ in front], [y for _, y, _ in front], where="pre", color=best, linewidth=1.2)
        for x, y, number in front:
            axes.plot([x], [y], "o", color=best, markersize=7, markeredgecolor="white")
            if len(front) <= _NAMED:
                axes.annotate(str(number), (x, y), (5, 5), textcoords="offset points", fontsize=10, color=best)
        for default in (t for t in trials if t.number == DEFAULT):
            at = default.values[across], default.values[up]
            axes.plot(*([value] for value in at), "s", color=STYLES["default"].colour, markersize=8)
        names = f"{objective_name(up)} over {objective_name(across)}"
        return svg(figure, f"{sweep.metric}, {names}: {len(front)} of {len(trials)} trials on the front", key)


def _limit(set_limits: Callable[[float, float], Any], trials: list[Trial], known: list[Trial], objective: str) -> float:
    """Where an axis begins: below most trials and all that are ``known``, as a few bad ones would crowd the rest."""
    scores = [trial.values[objective] for trial in trials]
    low = min([float(np.quantile(scores, 0.25)), *(trial.values[objective] for trial in known)])
    pad = (max(scores) - low) * 0.1 or 0.01
    set_limits(low - pad, max(scores) + pad)
    return low - pad


def front_table(sweep: Sweep) -> Table | None:
    """The trials of the front and the default, by all objectives; nothing without a front."""
    trials = {trial.number: trial for trial in sweep.trials}
    shown = [trials[number] for number in sweep.front if number in trials]
    if not shown:
        return None
    best = {o: max(s for t in shown if (s := score_of(t, o)) is not None) for o in sweep.objectives}
    parts = [Part("on the front", [_row(t, best) for t in best_first(shown, sweep.objectives[0])])]
    if DEFAULT in trials and DEFAULT not in sweep.front:
        parts.append(Part("default", [_row(trials[DEFAULT], best)]))
    columns = [Column(objective_name(objective)) for objective in sweep.objectives]
    caption = f"{sweep.metric} of the trials that no other one beats in all objectives; the best in bold."
    return Table("front", caption, "trial", columns, parts)


def payoff_table(sweep: Sweep) -> Table | None:
    """What is gained and lost by each objective if one alone chose the trial; nothing with one objective."""
    trials = finished(sweep)
    if len(sweep.objectives) < 2 or not trials:
        return None
    best = {o: max((s for t in trials if (s := score_of(t, o)) is not None), default=0.0) for o in sweep.objectives}
    chosen = [(o, best_first(trials, o)[0]) for o in sweep.objectives]
    rows = [Row(objective_name(o), f"trial {trial.number}", _row(trial, best).cells) for o, trial in chosen]
    columns = [Column(objective_name(objective)) for objective in sweep.objectives]
    caption = f"{sweep.metric} of the trial that is best by one objective alone, by all of them (the payoff table)."
    return Table("payoff table", caption, "best by", columns, [Part("", rows)])


def _row(trial: Trial, best: dict[str, float]) -> Row:
    cells = []
    for objective, top in best.items():
        score = score_of(trial, objective)
        tone = "better" if score == top else ""
        cells.append(Cell(DASH, tone="mute") if score is None else Cell(f"{score:.4f}", tone=tone))
    return Row(str(trial.number), "", cells)
