"""Published numbers as the report shows them: tables of their own, and for the terminal a line a system."""

from collections.abc import Sequence
from dataclasses import dataclass

from raytrain.evaluate.published import Published, PublishedSystem
from raytrain.report.rows import DASH, language_name
from raytrain.report.tables import Cell, Column, Part, Row, Table
from raytrain.study.results import BenchmarkResult


@dataclass(frozen=True)
class PublishedView:
    """What is published on a benchmark. ``title``: which one and which split; ``sources``: a line each."""

    title: str
    tables: list[Table]
    sources: list[str]


def published_views(
    benchmark: BenchmarkResult, published: Sequence[Published], metrics: Sequence[str]
) -> list[PublishedView]:
    """A view for each published table, with the metrics that are measured here too."""
    return [
        PublishedView(_title(found), tables, _sources(found))
        for found in published
        if (tables := [table for metric in metrics if (table := _table(benchmark, found, metric))])
    ]


def published_lines(benchmark: BenchmarkResult, published: Sequence[Published]) -> list[str]:
    """Averages over the groups whose every language is published, a line a system and metric."""
    return [
        f"published, {_title(found)}: {_named(system)}: {metric} {', '.join(means)} ({system.source})"
        for found in published
        for system in found.systems
        for metric, scores in system.scores.items()
        if (means := [f"{group} {mean:.3f}" for group, mean in _means(benchmark, scores).items()])
    ]


def _title(found: Published) -> str:
    return f"{found.name}, {found.split}"


def _named(system: PublishedSystem) -> str:
    return f"{system.name} (trained on {', '.join(system.trained_on)})" if system.trained_on else system.name


def _sources(found: Published) -> list[str]:
    by_source: dict[str, list[str]] = {}
    for system in found.systems:
        by_source.setdefault(f"{system.source}: {system.url}", []).append(system.name)
    return [f"{'; '.join(names)}: {source}" for source, names in by_source.items()]


def _table(benchmark: BenchmarkResult, found: Published, metric: str) -> Table | None:
    """Languages, and groups whose every language is there, by systems; None without a number."""
    systems = [system for system in found.systems if system.scores.get(metric)]
    if not systems:
        return None
    under = [f"trained on {', '.join(system.trained_on)}" if system.trained_on else "" for system in systems]
    columns = [Column(system.name, note) for system, note in zip(systems, under, strict=True)]
    languages = [
        Row(language_name(name) or name, name, [_cell(system.scores[metric].get(name)) for system in systems])
        for name in sorted(found.questions)
    ]
    means = [_means(benchmark, system.scores[metric]) for system in systems]
    named = dict.fromkeys(group for mean in means for group in mean)
    groups = [Row(group, "", [_cell(mean.get(group)) for mean in means]) for group in named]
    parts = [Part("averages", groups)] if groups else []
    parts.append(Part("languages", languages))
    caption = f"{metric}, published. {_title(found)}."
    return Table(metric, caption, "language", columns, parts)


def _means(benchmark: BenchmarkResult, scores: dict[str, float]) -> dict[str, float]:
    """The mean over each group of the benchmark that has a published number in every language."""
    return {
        group: sum(scores[language] for language in languages) / len(languages)
        for group, languages in benchmark.groups.items()
        if all(language in scores for language in languages)
    }


def _cell(value: float | None) -> Cell:
    return Cell(DASH, tone="mute") if value is None else Cell(f"{value:.3f}")
