"""The rows of a report and what stands in them: shared by the page, its plots and the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import langcodes

from raytrain.study.results import BenchmarkResult, Comparison, Estimate, System

DASH = "–"
UNSCORED = "no question with a gold passage"
MARKS = {"better": "▲", "worse": "▼", "no verdict": ""}

Over = Literal["language", "group"]


@dataclass(frozen=True)
class Section:
    """Rows that belong together: languages, or groups of them."""

    title: str
    over: Over
    names: list[str]


def sections(benchmark: BenchmarkResult) -> list[Section]:
    """The rows of a benchmark: languages never trained, trained and without a scored question, and averages."""
    counts = benchmark.languages
    scored = [name for name in sorted(counts) if counts[name].questions]
    found = [
        Section("never trained", "language", [name for name in scored if not counts[name].trained]),
        Section("trained", "language", [name for name in scored if counts[name].trained]),
        Section(UNSCORED, "language", [name for name in sorted(counts) if name not in scored]),
        Section("averages", "group", list(benchmark.groups)),
    ]
    return [section for section in found if section.names]


def in_columns(parts: Sequence[Section]) -> list[list[Section]]:
    """Two columns of about as many rows, where one would be long; between sections, if that is not too uneven."""
    total = sum(len(part.names) for part in parts)
    if total <= 6:
        return [list(parts)]
    ends = {sum(len(part.names) for part in parts[: index + 1]) for index in range(len(parts))}
    room = min(range(1, total), key=lambda cut: abs(cut - total / 2) + (0 if cut in ends else total / 8))
    left: list[Section] = []
    right: list[Section] = []
    for part in parts:
        fits = min(room, len(part.names))
        room -= fits
        if fits:
            left.append(Section(part.title, part.over, part.names[:fits]))
        if part.names[fits:]:
            right.append(Section(f"{part.title}, continued" if fits else part.title, part.over, part.names[fits:]))
    return [left, right]


def language_name(label: str) -> str:
    """The English name of a language, or of question and answer's («German → English»); nothing if there is none."""
    names = [_name(code) for code in label.split("-")]
    return " → ".join(names) if all(names) else ""


def _name(code: str) -> str:
    try:
        name = str(langcodes.get(code).display_name())
    except ValueError:  # no language tag at all
        return ""
    return "" if name.startswith("Unknown language") else name


def estimate_of(system: System, over: Over, name: str, metric: str) -> Estimate | None:
    """What a system reached in a language or group; None where it was not scored there."""
    return (system.languages if over == "language" else system.groups).get(name, {}).get(metric)


def questions_of(benchmark: BenchmarkResult, over: Over, name: str) -> int:
    """Scored questions of a language, or of all languages of a group."""
    languages = [name] if over == "language" else benchmark.groups[name]
    return sum(benchmark.languages[language].questions for language in languages)


def compared(benchmark: BenchmarkResult) -> list[str]:
    """The arms that were compared with the baseline, in the order of the systems."""
    arms = {comparison.system for comparison in benchmark.comparisons}
    return [system.name for system in benchmark.systems if system.name in arms]


def comparison_of(benchmark: BenchmarkResult, system: str, over: Over, name: str) -> Comparison | None:
    """An arm against the baseline, in a language or group; None where they were not compared."""
    found = (c for c in benchmark.comparisons if (c.system, c.over, c.name) == (system, over, name))
    return next(found, None)
