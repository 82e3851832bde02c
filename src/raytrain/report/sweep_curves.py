"""Learning curves: the objectives of every trial by step."""

from typing import Any

from matplotlib.ticker import MaxNLocator

from raytrain.report.drawing import FOOT, RULE, axes_of, drawing, figure_of, short, svg
from raytrain.report.sweep_palette import shades
from raytrain.report.sweep_trials import DEFAULT, STYLES, objective_name, score_of, special
from raytrain.tune.results import Sweep, Trial

_WIDTH, _HEIGHT, _LEFT, _TOP = 528.0, 280.0, 48.0, 26.0


def curves(sweep: Sweep, key: str) -> list[str]:
    """A panel an objective; nothing if no trial was validated while it ran."""
    trials = [trial for trial in sweep.trials if trial.curve]
    return [_panel(sweep, trials, objective, f"{key}-{i}") for i, objective in enumerate(sweep.objectives) if trials]


def _panel(sweep: Sweep, trials: list[Trial], objective: str, key: str) -> str:
    ended = {t.number: s for t in trials if t.state == "finished" and (s := score_of(t, objective)) is not None}
    colours = shades(ended)
    marked = special(sweep)
    with drawing():
        figure = figure_of(_WIDTH, _HEIGHT)
        axes = axes_of(figure, _LEFT, _TOP, _WIDTH - _LEFT - 16, _HEIGHT - _TOP - FOOT)
        axes.set(xlabel="step", xlim=(0, max(point.step for trial in trials for point in trial.curve) * 1.02))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(True, color=RULE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_title(short(objective_name(objective), 40), loc="left", fontsize=12, fontweight="bold")
        for trial in sorted(trials, key=lambda t: (t.number in marked, t.number in ended, ended.get(t.number, 0))):
            steps = [point.step for point in trial.curve]
            values = [point.values.get(objective, float("nan")) for point in trial.curve]
            axes.plot(steps, values, **look_of(trial, marked, colours))
        return svg(figure, f"{sweep.metric}, {objective_name(objective)}, by step, of {len(trials)} trials", key)


def look_of(trial: Trial, marked: dict[int, str], colours: dict[int, Any]) -> dict[str, Any]:
    """How a curve is drawn. One that ended early has a point at its end, as it may have no other."""
    if trial.number in marked:
        line = "--" if trial.number == DEFAULT else "-"
        return {"color": STYLES[marked[trial.number]].colour, "linewidth": 2.4, "linestyle": line, "zorder": 4}
    if trial.number in colours:
        return {"color": colours[trial.number], "linewidth": 1.1, "alpha": 0.85, "zorder": 3}
    style = STYLES["failed" if trial.state == "failed" else "stopped early"]
    end = {"marker": style.marker, "markevery": [-1], "markersize": 4.5, "markeredgewidth": 0}
    return {"color": style.colour, "linewidth": 0.9, "zorder": 2, **end}
