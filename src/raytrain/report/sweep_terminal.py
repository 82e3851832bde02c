"""What a sweep shows on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raytrain.report import sweep_words
from raytrain.report.rows import DASH
from raytrain.report.sweep_trials import (
    DEFAULT,
    best_first,
    marks,
    objective_name,
    score_of,
    setting_text,
    short_keys,
    step_of,
    winners,
)
from raytrain.report.terminal import print_benchmark
from raytrain.study.results import Results
from raytrain.tune.results import Sweep, Trial

SHOWN = 20  # trials; the page and trials.csv have all
_WIDEST = 40  # characters of a setting, as of a mix of many languages


def print_sweep(console: Console, sweep: Sweep, confirmation: Results | None = None) -> None:
    """Prints the best trials and all that stand out, why others failed, what came out, and what is left of it with
    new seeds, or that this is not known."""
    console.print(Text(sweep.name, "bold"))
    console.print(Text(sweep_words.states(sweep) + (f"; {sweep.why_ended}" if sweep.why_ended else "")), soft_wrap=True)
    shown = _shown(sweep)
    if shown:
        console.print(_table(sweep, shown))
    rest = sum(trial.state != "waiting" for trial in sweep.trials) - len(shown)
    if rest:
        console.print(Text(f"and {rest:,} more (see the page and trials.csv)", "dim"))
    for line in sweep_words.failures(sweep):
        console.print(Text(line, "red"), soft_wrap=True)
    for line in sweep_words.outcome(sweep):
        console.print(Text(line, "bold"), soft_wrap=True)
    for unit, spent in sweep.spent.items():
        if unit in sweep.budget:
            console.print(Text(f"spent: {spent:,.6g} of {sweep.budget[unit]:,.6g} {_unit(unit, sweep)}"))
    if confirmation is not None:
        console.print()
        for benchmark in confirmation.benchmarks:
            print_benchmark(console, benchmark, confirmation.primary)
    for caveat in sweep_words.caveats(sweep, confirmation is not None):
        console.print(Text(caveat, "yellow"), soft_wrap=True)


def _shown(sweep: Sweep) -> list[Trial]:
    """The best finished trials, then the others by their last score, at most SHOWN; and those that stand out."""
    begun = [trial for trial in sweep.trials if trial.state != "waiting"]
    order = best_first([t for t in begun if t.state == "finished"], sweep.objectives[0])
    order += best_first([t for t in begun if t.state != "finished"], sweep.objectives[0])
    special = {DEFAULT, *winners(sweep)}
    return [trial for place, trial in enumerate(order) if place < SHOWN or trial.number in special]


def _table(sweep: Sweep, trials: Sequence[Trial]) -> Table:
    keys = short_keys([axis.key for axis in sweep.space])
    special = marks(sweep)
    table = Table(box=None, pad_edge=False)
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for objective in sweep.objectives:
        table.add_column(Text(objective_name(objective)), justify="right", no_wrap=True)
    for name in keys.values():
        table.add_column(Text(name), max_width=_WIDEST)
    table.add_column("step", justify="right", no_wrap=True)
    for trial in trials:
        state = "" if trial.state == "finished" else trial.state
        scores = [score_of(trial, objective) for objective in sweep.objectives]
        step = step_of(trial)
        cells = [
            str(trial.number),
            ", ".join(filter(None, (special.get(trial.number), state))),
            *(DASH if score is None else f"{score:.4f}" for score in scores),
            *(setting_text(trial.settings.get(key)) for key in keys),
            DASH if step is None else f"{step:,}",
        ]
        table.add_row(*map(Text, cells), style="bold" if trial.number in winners(sweep) else "dim" if state else "")
    return table


def _unit(unit: str, sweep: Sweep) -> str:
    return sweep.currency if unit == "money" else unit.replace("gpu_hours", "GPU-hours")
