"""The report as one HTML page that needs nothing else: no network, no script, the same bytes for the same report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import langcodes
import yaml
from markupsafe import Markup

from raytrain.report import benchmark_tables, corpus_plot, plots
from raytrain.report.account import total_of, with_benchmark_texts
from raytrain.report.corpus_tables import matches_table, reasons_table, steps_table
from raytrain.report.heat_map import heat_map
from raytrain.report.published import PublishedView, published_views
from raytrain.report.rows import (
    UNSCORED,
    compared,
    language_name,
    sections,
)
from raytrain.report.tables import Cell, Column, Part, Row, Table, count_cell
from raytrain.report.templates import environment
from raytrain.study.results import BenchmarkResult, CorpusAccount, Failure, Report, System
from raytrain.study.statistics import ALPHA

_KNOWN = ("job", "artifacts", "versions", "platform", "python", "command", "benchmarks")


@dataclass(frozen=True)
class CorpusView:
    """The raw pairs as the page shows them. ``facts`` and ``found`` are in words; ``legend``: step and its mark."""

    facts: list[str]
    legend: list[tuple[str, Markup]]
    panels: list[Markup]
    steps: Table
    reasons: Table | None
    found: list[str]
    matches: Table | None


@dataclass(frozen=True)
class View:
    """One benchmark as the page shows it. ``facts``: what there was to score, in words."""

    key: str
    name: str
    facts: list[str]
    verdicts: list[str]
    baseline: str
    systems: list[str]
    groups: dict[str, list[str]]
    unscored: list[str]
    overview: Table
    primary: Table
    seeds: Table | None
    comparisons: list[Table]
    others: list[Table]
    heat: Markup
    failures: list[tuple[str, list[Failure]]]
    notes: list[str] = field(default_factory=list)
    published: list[PublishedView] = field(default_factory=list)
    forest: list[Markup] = field(default_factory=list)
    dots: list[Markup] = field(default_factory=list)


def render(report: Report) -> str:
    """The page. Its plots are inline SVG, its style is inline CSS, and all text of the report is escaped."""
    found = environment()
    found.globals["tag"] = _tag
    found.globals["language_name"] = language_name
    results = report.results
    systems = _systems(report)
    styles = plots.styles_of(systems)
    trained = [system for system in systems if any(system.pairs.values())]
    return found.get_template("page.html.j2").render(
        report=report,
        primary=results.primary,
        question=_question(report),
        views=[_view(report, index, styles) for index in range(len(results.benchmarks))],
        corpus=_corpus(report.corpus) if report.corpus else None,
        legend=[(s, Markup(plots.glyph(styles[s.name], f"glyph-{i}"))) for i, s in enumerate(systems)],
        mix=Markup(plots.mix(trained, "mix")) if trained else "",
        pairs=_pairs(trained),
        losses=[Markup(svg) for svg in plots.losses(report.curves, styles, "loss")],
        provenance=_provenance(report.provenance),
        alpha=ALPHA,
        study=any(benchmark.comparisons for benchmark in results.benchmarks),
    )


def _systems(report: Report) -> list[System]:
    """The systems of all benchmarks, by name, in order."""
    found: dict[str, System] = {}
    for benchmark in report.results.benchmarks:
        for system in benchmark.systems:
            found.setdefault(system.name, system)
    return list(found.values())


def _question(report: Report) -> str:
    compared_with = [c.baseline for b in report.results.benchmarks for c in b.comparisons]
    if compared_with:
        return f"How does the training mix change retrieval in each language, against {compared_with[0]}?"
    systems = _systems(report)
    trained = sum(system.kind == "trained" for system in systems)
    beside = _listed([system.name for system in systems if system.kind == "baseline"])
    encoders = "How does the trained encoder" if trained == 1 else "How do the trained encoders"
    return f"{encoders} retrieve in each language{f', beside {beside}' if beside else ''}?"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _view(report: Report, index: int, styles: dict[str, plots.Style]) -> View:
    results, benchmark = report.results, report.results.benchmarks[index]
    key = f"benchmark-{index + 1}"
    parts = sorted(sections(benchmark), key=lambda part: part.over != "group")
    return View(
        key=key,
        name=benchmark.name,
        facts=_facts(benchmark),
        verdicts=benchmark.verdicts,
        baseline=benchmark.comparisons[0].baseline if benchmark.comparisons else "",
        systems=[system.name for system in benchmark.systems],
        groups=benchmark.groups,
        unscored=[name for part in parts if part.title == UNSCORED for name in part.names],
        overview=benchmark_tables.overview(benchmark, results.primary),
        primary=benchmark_tables.scores(benchmark, results.primary, parts),
        seeds=benchmark_tables.seeds(benchmark, results.primary),
        comparisons=[benchmark_tables.comparisons(benchmark, arm, parts) for arm in compared(benchmark)],
        others=[
            benchmark_tables.scores(benchmark, metric, parts) for metric in results.metrics if metric != results.primary
        ],
        heat=Markup(heat_map(benchmark, results.primary, f"{key}-heat")),
        failures=_failures(report, benchmark.name),
        notes=report.notes.get(benchmark.name, []),
        published=published_views(benchmark, report.published.get(benchmark.name, []), results.metrics),
        forest=[Markup(svg) for svg in plots.forest(benchmark, styles, f"{key}-forest")],
        dots=[Markup(svg) for svg in plots.dots(benchmark, results.primary, styles, f"{key}-dots")],
    )


def _failures(report: Report, benchmark: str) -> list[tuple[str, list[Failure]]]:
    """The worst questions of each system."""
    found = [failure for failure in report.failures if failure.benchmark == benchmark]
    systems = dict.fromkeys(failure.system for failure in found)
    return [(system, [failure for failure in found if failure.system == system]) for system in systems]


def _tag(label: str, side: int) -> str:
    """The language of a question (0) or passage (-1) as a browser knows it (BCP 47), "" if it has none."""
    try:
        return str(langcodes.standardize_tag(label.split("-")[side]))
    except ValueError:
        return ""


def _corpus(account: CorpusAccount) -> CorpusView:
    total = total_of(account.languages.values())
    without = [label for label, rows in account.languages.items() if not rows.kept]
    styles = corpus_plot.steps_shown(account)
    return CorpusView(
        facts=[
            f"{total.taken:,} rows read",
            f"{total.kept:,} pairs kept",
            f"{len(account.languages) - len(without)} languages",
            *([f"without a pair left: {', '.join(without)}"] if without else []),
        ],
        legend=[(step, Markup(plots.glyph(style, f"step-{i}"))) for i, (step, style) in enumerate(styles.items())],
        panels=[Markup(svg) for svg in corpus_plot.shares(account, "corpus")],
        steps=steps_table(account),
        reasons=reasons_table(account),
        found=_found(account, total.dropped.get("benchmark_other_passage", 0)),
        matches=matches_table(account),
    )


def _found(account: CorpusAccount, others: int) -> list[str]:
    """What was searched for, how, and how many pairs had it."""
    rules = account.search
    if rules is None:
        return ["Nothing was searched: whether the training pairs hold texts of the benchmarks is not known."]
    how = ["equal texts (case and punctuation aside)"] if rules.exact else []
    how += [f"texts whose three-word shingles overlap by {rules.near:g} or more (Jaccard)"] if rules.near else []
    said = []
    if how:
        where = "Questions were searched for among the benchmarks' questions of their language, and answers among "
        said.append(f"{where}the relevant passages of theirs: {_listed(how)}.")
    if rules.all_passages:
        said.append(f"Answers were compared with all other passages too, for equal texts: {others:,} pairs removed.")
    return [*said, f"{with_benchmark_texts(account):,} pairs were removed in all."]


def _facts(benchmark: BenchmarkResult) -> list[str]:
    counts = list(benchmark.languages.values())
    scored = [count for count in counts if count.questions]
    untrained = sum(not count.trained for count in scored)
    left_out = sum(count.left_out for count in counts)
    return [
        f"{len(scored)} {'language' if len(scored) == 1 else 'languages'}, {untrained} never trained",
        f"{sum(count.questions for count in counts):,} questions",
        f"{sum(count.passages for count in counts):,} passages",
        *([f"{left_out:,} questions left out, without a gold passage"] if left_out else []),
    ]


def _pairs(systems: Sequence[System]) -> Table:
    languages = sorted({language for system in systems for language in system.pairs})
    rows = [
        Row(language_name(name) or name, name, [count_cell(system.pairs.get(name, 0)) for system in systems])
        for name in languages
    ]
    total = Row("all", "", [count_cell(sum(system.pairs.values())) for system in systems])
    columns = [Column(system.name) for system in systems]
    return Table(
        "pairs",
        "Training pairs by language, over all seeds of an arm.",
        "language",
        columns,
        [Part("", [total, *rows])],
    )


def _provenance(found: dict[str, Any]) -> dict[str, Any]:
    """What is there of what is known, and as YAML whatever else there is."""
    machine = {key: found[key] for key in ("platform", "python") if found.get(key)}
    return {
        "command": found.get("command") or "",
        "machine": machine | (found.get("versions") or {}),
        "artifacts": _artifacts(found.get("artifacts") or []),
        "benchmarks": _files(found.get("benchmarks") or {}),
        "job": _yaml(found["job"]) if found.get("job") else "",
        "rest": {key: _yaml(value) for key, value in found.items() if key not in _KNOWN},
    }


def _artifacts(found: Sequence[dict[str, Any]]) -> Table | None:
    if not found:
        return None
    keys = [key for key in dict.fromkeys(key for artifact in found for key in artifact) if key != "name"]
    rows = [Row(str(a.get("name", "")), "", [Cell(str(a.get(key, ""))) for key in keys]) for a in found]
    longest = {key: max(len(str(artifact.get(key, ""))) for artifact in found) for key in keys}
    columns = [Column(key, kind="code" if longest[key] <= 24 else "long") for key in keys]
    return Table("artifacts", "The artifacts that went into this report.", "name", columns, [Part("", rows)])


def _files(found: dict[str, Any]) -> Table | None:
    if not found:
        return None
    parts = [
        Part(f"{label}: {read['source']}", [Row(path, "", [Cell(sha256)]) for path, sha256 in read["files"].items()])
        for label, read in found.items()
    ]
    return Table("benchmarks", "The files that were scored on.", "file", [Column("SHA-256", kind="long")], parts)


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
