"""The tables of a benchmark: scores of all systems with their intervals, and comparisons with the baseline."""

from collections.abc import Sequence

from raytrain.report.rows import DASH, MARKS, Over, Section, comparison_of, estimate_of, language_name, questions_of
from raytrain.report.tables import Cell, Column, Part, Row, Table, count_cell
from raytrain.study.results import BenchmarkResult, Comparison, System


def overview(benchmark: BenchmarkResult, metric: str) -> Table:
    """Systems by groups: the claim, at a glance."""
    rows = []
    for system in benchmark.systems:
        cells = []
        for group in benchmark.groups:
            cells.append(_estimate(system, "group", group, metric))
            if benchmark.comparisons:
                cells.append(_difference(comparison_of(benchmark, system.name, "group", group)))
        rows.append(Row(system.name, _seeds_of(system), cells))
    columns = []
    for group, languages in benchmark.groups.items():
        columns.append(Column(group, f"{len(languages)} {'language' if len(languages) == 1 else 'languages'}"))
        if benchmark.comparisons:
            columns.append(Column("difference", f"to {benchmark.comparisons[0].baseline}"))
    caption = f"{metric}, averaged over the languages of each group, with 95 % intervals."
    return Table(metric, caption, "system", columns, [Part("", rows)])


def _seeds_of(system: System) -> str:
    if not system.seeds:
        return ""
    return f"{'seed' if len(system.seeds) == 1 else 'seeds'} {', '.join(map(str, system.seeds))}"


def scores(benchmark: BenchmarkResult, metric: str, parts: Sequence[Section]) -> Table:
    """Every system in every language and group, on one metric."""
    columns = [Column("questions"), Column("passages"), *(Column(system.name) for system in benchmark.systems)]

    def cells(over: Over, name: str) -> list[Cell]:
        languages = [name] if over == "language" else benchmark.groups[name]
        passages = sum(benchmark.languages[language].passages for language in languages)
        counts = [count_cell(questions_of(benchmark, over, name)), count_cell(passages)]
        return counts + [_estimate(system, over, name, metric) for system in benchmark.systems]

    caption = f"{metric} of every system, with its 95 % interval."
    rows = [_part(part, [cells(part.over, n) for n in part.names]) for part in parts]
    return Table(metric, caption, "language", columns, rows)


def seeds(benchmark: BenchmarkResult, metric: str) -> Table | None:
    """The mean of every training run, where a system has more than one."""
    if not any(len(system.seeds) > 1 for system in benchmark.systems):
        return None
    parts = []
    for system in (s for s in benchmark.systems if s.seeds):
        rows = []
        for index, seed in enumerate(system.seeds):
            found = [estimate_of(system, "group", group, metric) for group in benchmark.groups]
            rows.append(Row(f"seed {seed}", "", [Cell(f"{e.by_seed[index]:.3f}" if e else DASH) for e in found]))
        parts.append(Part(system.name, rows))
    caption = f"{metric} of every training run: what a new seed changes, beside what an arm changes."
    return Table(f"{metric} of every seed", caption, "run", [Column(group) for group in benchmark.groups], parts)


def comparisons(benchmark: BenchmarkResult, arm: str, parts: Sequence[Section]) -> Table:
    """An arm minus the baseline, in every language and group."""
    found = benchmark.comparisons
    tests = {kind: sum(c.over == kind and c.p_holm is not None for c in found) for kind in ("language", "group")}
    columns = [
        Column("difference"),
        Column("95 % interval"),
        Column("p", "questions"),
        Column("p", "t-test"),
        Column("p", "new seeds too"),
        Column("p", "Holm"),
        Column("detectable"),
        Column("finding", kind="text"),
    ]

    def cells(c: Comparison | None) -> list[Cell]:
        if c is None:
            return [Cell(DASH, tone="mute")] * len(columns)
        finding = Cell(f"{MARKS[c.finding]} {c.finding}".strip(), tone=_tone(c))
        interval = Cell(_interval(c.low, c.high, signed=True))
        least = Cell(DASH, tone="mute") if c.detectable is None else Cell(f"{c.detectable:.3f}")
        return [Cell(_signed(c.difference)), interval, *map(_p, (c.p_questions, c.p_t, c.p, c.p_holm)), least, finding]

    caption = f"{found[0].metric} of {arm} minus {found[0].baseline}."
    if any(tests.values()):
        caption += (
            f" Holm corrects over {tests['language']} comparisons of languages, and over {tests['group']} of the "
            "averages that the study asks about."
        )
    rows = [_part(part, [cells(comparison_of(benchmark, arm, part.over, n)) for n in part.names]) for part in parts]
    return Table(arm, caption, "language", columns, rows)


def _part(part: Section, cells: Sequence[list[Cell]]) -> Part:
    if part.over == "group":
        return Part(part.title, [Row(name, "", row) for name, row in zip(part.names, cells, strict=True)])
    rows = [Row(language_name(n) or n, n, row) for n, row in zip(part.names, cells, strict=True)]
    return Part(part.title, rows)


def _estimate(system: System, over: Over, name: str, metric: str) -> Cell:
    e = estimate_of(system, over, name, metric)
    return Cell(f"{e.mean:.3f}", _interval(e.low, e.high)) if e else Cell(DASH, tone="mute")


def _difference(c: Comparison | None) -> Cell:
    if c is None:
        return Cell("")
    return Cell(f"{_signed(c.difference)} {MARKS[c.finding]}".rstrip(), _interval(c.low, c.high, signed=True), _tone(c))


def _tone(c: Comparison) -> str:
    return "mute" if c.finding == "no verdict" else c.finding


def _interval(low: float, high: float, signed: bool = False) -> str:
    return f"[{_signed(low)}, {_signed(high)}]" if signed else f"[{low:.3f}, {high:.3f}]"


def _signed(number: float) -> str:
    return f"{number:+z.3f}".replace("-", "−")


def _p(p: float | None) -> Cell:
    if p is None:
        return Cell(DASH, tone="mute")
    return Cell("< 0.0001" if p < 0.0001 else f"{p:.4f}")
