"""What a population changed while it ran: every setting over the steps, and from which step on each value held."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from raytrain.report.drawing import FOOT, MUTE, RULE, axes_of, drawing, figure_of, short, svg
from raytrain.report.sweep_curves import look_of
from raytrain.report.sweep_palette import shades
from raytrain.report.sweep_parallel import ticks_of
from raytrain.report.sweep_tables import kind_of
from raytrain.report.sweep_trials import score_of, setting_names, setting_text, short_keys, special
from raytrain.report.tables import Cell, Column, Part, Row, Table
from raytrain.tune.coordinates import Coordinate, coordinates_of
from raytrain.tune.results import Sweep, Trial

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT = 344.0, 220.0, 16.0, 26.0, 52.0


def changes(sweep: Sweep, key: str) -> list[str]:
    """A panel a setting that some trial changed, and a staircase a trial; nothing where none was changed."""
    ends = {trial.number: _end(trial) for trial in sweep.trials}
    trials = [trial for trial in sweep.trials if ends[trial.number]]
    settings = coordinates_of(sweep)
    names = setting_names(settings)
    moved = [s for s in settings if any(len({*_positions(s, trial)}) > 1 for trial in trials)]
    return [_panel(sweep, trials, ends, setting, names[setting], f"{key}-{i}") for i, setting in enumerate(moved)]


def changes_table(sweep: Sweep) -> Table | None:
    """Every change: of which trial, from which step on, and what held then; nothing where none was made."""
    keys = short_keys([axis.key for axis in sweep.space])
    parts = []
    for trial in sweep.trials:
        if trial.changes:
            held = [(0, trial.settings), *((change.at, change.settings) for change in trial.changes)]
            rows = [
                Row(f"{at:,}", "", [Cell(setting_text(settings.get(key))) for key in keys]) for at, settings in held
            ]
            parts.append(Part(f"trial {trial.number}", rows))
    columns = [Column(keys[axis.key], kind=kind_of(axis)) for axis in sweep.space]
    caption = "The settings of trials that went on from another's checkpoint, and of that one before."
    return Table("changes", caption, "from step", columns, parts) if parts else None


def _end(trial: Trial) -> int:
    """The last step that is known of it; 0 before its first score."""
    return max((*(point.step for point in trial.curve), *(change.at for change in trial.changes)), default=0)


def _positions(setting: Coordinate, trial: Trial) -> list[float | None]:
    """Where the setting was at first, and after each change."""
    held = [trial.settings, *(change.settings for change in trial.changes)]
    return [setting.position(settings) for settings in held]


def _panel(sweep: Sweep, trials: list[Trial], ends: dict[int, int], setting: Coordinate, name: str, key: str) -> str:
    objective = sweep.objectives[0]
    scores = {t.number: s for t in trials if t.state == "finished" and (s := score_of(t, objective)) is not None}
    colours, marked = shades(scores), special(sweep)
    with drawing():
        figure = figure_of(_WIDTH, _HEIGHT)
        axes = axes_of(figure, _LEFT, _TOP, _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - FOOT)
        axes.set(xlabel="step", xlim=(0, max(ends.values())), ylim=(-0.04, 1.04), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_title(short(f"{name}, log" if setting.log else name, 36), loc="left", fontsize=12, fontweight="bold")
        _draw_ticks(axes, setting)
        for trial in sorted(trials, key=lambda t: (t.number in marked, scores.get(t.number, -1.0))):
            steps = [0, *(change.at for change in trial.changes), ends[trial.number]]
            places = [float("nan") if p is None else p for p in _positions(setting, trial)]
            axes.step(steps, [*places, places[-1]], where="post", **look_of(trial, marked, colours))
        return svg(figure, f"{name} by step, of {len(trials)} trials", key)


def _draw_ticks(axes: Axes, setting: Coordinate) -> None:
    where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 10, "color": MUTE}
    for height, text in ticks_of(setting):
        axes.axhline(height, color=RULE, linewidth=0.7, zorder=0)
        axes.text(1.02, height, short(text, 8), clip_on=False, **where)
