"""What the comparison of two runs shows on the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raytrain.compare_runs import Compared, PairResult
from raytrain.report.rows import DASH, MARKS, language_name
from raytrain.study.results import Comparison, System

COLUMNS = ("questions", "A", "B", "B − A [95 % interval]", "p flips", "Holm", "p t-test", "detectable")
LEGEND = (
    "p flips: sign flips of questions (▲ B better, ▼ worse, by it after Holm); p t-test: the paired one beside it, not "
    "corrected; detectable: the least true difference that these questions show at .05 with power .8. All of it speaks "
    "of these two rankings, not of what another training run would give."
)


def print_compared(console: Console, compared: Compared) -> None:
    """Prints what was compared, what to bear in mind, and a table a benchmark."""
    for name in ("A", "B"):
        console.print(Text(f"{name}: {compared.sources[name]['uri']}"), soft_wrap=True)
    for note in compared.notes:
        console.print(Text(note, "yellow"), soft_wrap=True)
    for benchmark in compared.benchmarks:
        console.print(_table(benchmark, compared.metric))
        console.print(_means(benchmark))
    console.print(Text(LEGEND), soft_wrap=True)


def _table(benchmark: PairResult, metric: str) -> Table:
    table = Table("", title=Text(f"{benchmark.name}: {metric}".removeprefix(": ")), box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(Text(column), justify="right")
    for c in benchmark.comparisons:
        language = c.over == "language"
        questions = sum(benchmark.questions[x] for x in ([c.name] if language else benchmark.groups[c.name]))
        name = f"{c.name} {language_name(c.name)}".rstrip() if language else c.name
        scores = [f"{_mean(s, c.over, c.name, metric):.4f}" for s in benchmark.systems]
        table.add_row(*map(Text, (name, f"{questions:,}", *scores, _difference(c), *_ps(c))))
    return table


def _means(benchmark: PairResult) -> Table:
    """All metrics, over the averages; of one language over that."""
    names = [("group", name) for name in benchmark.groups] or [("language", name) for name in benchmark.questions]
    table = Table("", box=None, pad_edge=False)
    for _, name in names:
        for system in benchmark.systems:
            table.add_column(Text(f"{system.name}, {name}"), justify="right")
    metrics = next(iter(benchmark.systems[0].languages.values()))
    for metric in metrics:
        cells = [f"{_mean(s, over, name, metric):.4f}" for over, name in names for s in benchmark.systems]
        table.add_row(*map(Text, (metric, *cells)))
    return table


def _mean(system: System, over: str, name: str, metric: str) -> float:
    return (system.languages if over == "language" else system.groups)[name][metric].mean


def _difference(c: Comparison) -> str:
    return f"{c.difference:+z.4f} [{c.low:+z.4f}, {c.high:+z.4f}] {MARKS[c.finding]:1}"


def _ps(c: Comparison) -> list[str]:
    least = DASH if c.detectable is None else f"{c.detectable:.4f}"
    return [_p(c.p_questions), _p(c.p_questions_holm), _p(c.p_t), least]


def _p(p: float | None) -> str:
    if p is None:
        return DASH
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
