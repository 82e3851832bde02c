"""The best objective so far over what the sweep had cost by then."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from raytrain.report.drawing import FOOT, RULE, axes_of, drawing, figure_of, short, svg
from raytrain.report.sweep_trials import DEFAULT, STYLES, objective_name, score_of
from raytrain.tune.results import Cost, Sweep, Trial

_WIDTH, _HEIGHT, _LEFT, _TOP = 344.0, 236.0, 52.0, 26.0


def costs(sweep: Sweep, key: str) -> list[str]:
    """A panel an objective and unit, trials in the order in which they began; nothing if none finished.

    Stopped and failed trials cost, and are no best. GPU-hours are there if any were used, money where it is known.
    """
    trials = sorted(sweep.trials, key=lambda trial: trial.number)
    units: list[tuple[str, Callable[[Cost], float]]] = [("pairs trained", lambda cost: float(cost.pairs))]
    if any(trial.cost.gpu_hours for trial in trials):
        units.append(("GPU-hours", lambda cost: cost.gpu_hours))
    spent = [trial.cost for trial in trials if trial.cost.steps]
    if spent and all(cost.money is not None for cost in spent):
        units.append((sweep.currency, lambda cost: cost.money or 0.0))
    found: list[str] = []
    for objective in sweep.objectives:
        for unit, amount in units:
            points = _points(trials, objective, amount)
            if points:
                found.append(_panel(sweep, objective, unit, points, f"{key}-{len(found)}"))
    return found


def _points(
    trials: Sequence[Trial], objective: str, amount: Callable[[Cost], float]
) -> list[tuple[float, float, Trial]]:
    """What all had cost when a trial had finished, its score, and the trial."""
    spent, found = 0.0, []
    for trial in trials:
        spent += amount(trial.cost)
        score = score_of(trial, objective)
        if trial.state == "finished" and score is not None:
            found.append((spent, score, trial))
    return found


def _limits(scores: Sequence[float], shown: Sequence[float]) -> tuple[float, float]:
    """From below most scores, and all of ``shown``, to above the best: a few bad trials would flatten the rest."""
    low, high = min(float(np.quantile(scores, 0.25)), *shown), max(scores)
    pad = (high - low) * 0.08 or 0.01
    return low - pad, high + pad


def _panel(sweep: Sweep, objective: str, unit: str, points: Sequence[tuple[float, float, Trial]], key: str) -> str:
    best: list[float] = []
    for _, score, _ in points:
        best.append(max([score, *best[-1:]]))
    xs = [spent for spent, _, _ in points]
    with drawing():
        figure = figure_of(_WIDTH, _HEIGHT)
        axes = axes_of(figure, _LEFT, _TOP, _WIDTH - _LEFT - 16, _HEIGHT - _TOP - FOOT)
        axes.set(xlim=(0, xs[-1] * 1.03 or 1), xlabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if xs[-1] >= 10 else f"{x:g}"))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(True, color=RULE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_title(short(f"{objective_name(objective)}", 30), loc="left", fontsize=12, fontweight="bold")
        default = next((score for _, score, trial in points if trial.number == DEFAULT), None)
        if default is not None:
            axes.axhline(default, color=STYLES["default"].colour, linewidth=1.4, linestyle="--")
        low, high = _limits([score for _, score, _ in points], [best[0], *([] if default is None else [default])])
        axes.set_ylim(low, high)
        look: dict[str, Any] = {"color": STYLES["finished"].colour, "markersize": 4.5, "alpha": 0.55}
        shown = [(x, score) for x, score, _ in points if score >= low]
        below = [(x, low) for x, score, _ in points if score < low]
        for mark, places in (("o", shown), ("v", below)):
            axes.plot([x for x, _ in places], [y for _, y in places], mark, markeredgewidth=0, clip_on=False, **look)
        axes.step([*xs, xs[-1] * 1.03], [*best, best[-1]], where="post", color=STYLES["best"].colour, linewidth=2)
        said = f"{sweep.metric}, {objective_name(objective)}: best so far, {best[-1]:.3f} in the end"
        return svg(figure, f"{said}, over {unit}", key)
