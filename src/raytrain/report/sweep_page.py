"""The report of a sweep as one HTML page that needs nothing else: no network, no script, the same bytes for the same
sweep."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from raytrain.report import benchmark_tables, plots, sweep_words
from raytrain.report.rows import compared, sections
from raytrain.report.sweep_changes import changes, changes_table
from raytrain.report.sweep_cost import costs
from raytrain.report.sweep_curves import curves
from raytrain.report.sweep_front import front_table, fronts, payoff_table
from raytrain.report.sweep_importance import importance_plot, importance_table
from raytrain.report.sweep_mix import mixes
from raytrain.report.sweep_parallel import parallel
from raytrain.report.sweep_tables import (
    budget_table,
    languages_table,
    models_table,
    shares_table,
    space_table,
    trials_table,
)
from raytrain.report.sweep_trials import STYLES, finished, objective_name
from raytrain.report.tables import Table
from raytrain.report.templates import environment
from raytrain.study.results import BenchmarkResult, Results
from raytrain.tune.comparable import Comparable, comparable
from raytrain.tune.importance import Importance, importances
from raytrain.tune.results import Sweep

_LEGENDS = {  # section → the marks in its plots
    "front": ("default", "best", "dominated"),
    "settings": ("default", "best", "stopped early", "failed"),
    "mix": ("default", "best", "stopped early"),
    "curves": ("default", "best", "stopped early", "failed"),
    "changes": ("best", "stopped early", "failed"),  # a population has no default
}
FOLDED = 60  # trials; the table of more is folded away at first


@dataclass(frozen=True)
class Confirmed:
    """The confirmation on one benchmark."""

    name: str
    verdicts: list[str]
    overview: Table
    comparisons: list[Table]
    forest: list[Markup]


@dataclass(frozen=True)
class Mattered:
    """What mattered for one objective. ``plot`` is empty where no setting differs."""

    name: str
    found: Importance
    plot: Markup
    table: Table | None


def sweep_page(sweep: Sweep, confirmation: Results | None) -> str:
    """The page. Its plots are inline SVG, its style is inline CSS, and all text of the sweep is escaped."""
    mattered = [_mattered(found, f"importance-{i}") for i, found in enumerate(importances(sweep))]
    return (
        environment()
        .get_template("sweep.html.j2")
        .render(
            sweep=sweep,
            caveats=sweep_words.caveats(sweep, confirmation is not None),
            question=_question(sweep),
            facts=[sweep_words.states(sweep), *([sweep.why_ended] if sweep.why_ended else [])],
            outcome=sweep_words.outcome(sweep),
            failures=sweep_words.failures(sweep),
            confirmed=_confirmed(confirmation) if confirmation else [],
            how=_how(sweep),
            space=space_table(sweep),
            budget=budget_table(sweep),
            legends={section: _legend(sweep, section, names) for section, names in _LEGENDS.items()},
            fronts=_safe(fronts(sweep, "front")),
            front=front_table(sweep),
            payoff=payoff_table(sweep),
            mattered=mattered,
            any_importance=any(not one.found.why_not for one in mattered),
            basis=_basis(comparable(sweep)),
            parallel=Markup(parallel(sweep, "parallel")),
            mixes=_safe(mixes(sweep, "mix")),
            costs=_safe(costs(sweep, "cost")),
            curves=_safe(curves(sweep, "curve")),
            changes=_safe(changes(sweep, "change")),
            changed=changes_table(sweep),
            trials=trials_table(sweep),
            folded=len(sweep.trials) > FOLDED,
            languages=languages_table(sweep),
            shares=shares_table(sweep),
            models=models_table(sweep),
            commands=sweep_words.commands(sweep),
            names=[objective_name(objective) for objective in sweep.objectives],
            any_finished=bool(finished(sweep)),
        )
    )


def _safe(svgs: list[str]) -> list[Markup]:
    return [Markup(svg) for svg in svgs]


def _legend(sweep: Sweep, section: str, names: Sequence[str]) -> list[tuple[str, Markup]]:
    """Names of marks, with the marks; their ids begin with the section's."""
    styles = STYLES | {"dominated": STYLES["stopped early"]}
    if section == "front":
        styles |= {"best": plots.Style(STYLES["best"].colour, "o")}
    best = "best" if sweep.best is not None else "on the front"
    return [
        (best if name == "best" else name, Markup(plots.glyph(styles[name], f"{section}-mark-{i}")))
        for i, name in enumerate(names)
    ]


def _question(sweep: Sweep) -> str:
    names = " and ".join(map(objective_name, sweep.objectives))
    languages = "1 language" if len(sweep.languages) == 1 else f"{len(sweep.languages)} languages"
    return f"Which settings retrieve best, by {names} {sweep.metric} over {languages} of {sweep.benchmark}?"


def _how(sweep: Sweep) -> list[tuple[str, str]]:
    objectives = "; ".join(
        f"{objective_name(objective)}, {sweep_words.OBJECTIVES[objective]}"
        if objective in sweep_words.OBJECTIVES
        else objective_name(objective)
        for objective in sweep.objectives
    )
    return [
        ("objective" if len(sweep.objectives) == 1 else "objectives", f"{objectives}, of {sweep.metric}"),
        ("validated on", f"{sweep.benchmark}: {', '.join(sweep.languages)}"),
        ("searcher", sweep_words.way(sweep.search)),
        ("scheduler", sweep_words.way(sweep.schedule)),
        ("a trial", f"at most {sweep.max_steps:,} steps of {sweep.batch_size:,} pairs"),
    ]


def _basis(found: Comparable) -> str:
    """Which trials importance and correlations are of, and after how many steps."""
    at = "at their ends"
    if found.step is not None:
        at = f"each after {found.step:,} steps, as some were stopped early: the last step that nine of ten reached"
    trials = "1 trial" if len(found.scores) == 1 else f"{len(found.scores)} trials"
    out = "; ".join(f"{count} {why}" for why, count in found.left_out.items())
    early = "" if found.step is None else " What matters later may be something else."
    return f"{trials}, compared {at}.{early}" + (f" Left out: {out}." if out else "")


def _mattered(found: Importance, key: str) -> Mattered:
    plot = Markup(importance_plot(found, key))
    return Mattered(objective_name(found.objective), found, plot, importance_table(found))


def _confirmed(results: Results) -> list[Confirmed]:
    return [_confirmed_on(benchmark, results.primary, i) for i, benchmark in enumerate(results.benchmarks)]


def _confirmed_on(benchmark: BenchmarkResult, metric: str, index: int) -> Confirmed:
    parts = sorted(sections(benchmark), key=lambda part: part.over != "group")
    forest = plots.forest(benchmark, plots.styles_of(benchmark.systems), f"confirmed-{index}")
    tables = [benchmark_tables.comparisons(benchmark, arm, parts) for arm in compared(benchmark)]
    overview = benchmark_tables.overview(benchmark, metric)
    return Confirmed(benchmark.name, benchmark.verdicts, overview, tables, _safe(forest))
