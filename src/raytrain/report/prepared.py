"""What ``raytrain prepare`` shows of a corpus: where the pairs of each language went, and what was found in them."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raytrain.artifact import Artifact, RowAccount
from raytrain.report.account import (
    KINDS,
    account_of,
    kinds_found,
    most_read_first,
    reasons_in_order,
    total_of,
    with_benchmark_texts,
)
from raytrain.report.rows import DASH
from raytrain.study.results import CorpusAccount

GAP = 2  # characters between columns
REST = "other reasons"
QUARANTINE = "quarantine"


def print_prepared(console: Console, artifact: Artifact) -> None:
    """A line a language, most rows first, and their sum; what was found of the benchmarks; where bad rows lie."""
    account = account_of(artifact.manifest)
    _print_account(console, account)
    if account.search is None:
        console.print(Text("not searched for texts of benchmarks"), soft_wrap=True)
    else:
        _print_matches(console, account)
    if any(file.path.startswith(f"{QUARANTINE}/") for file in artifact.manifest.files):
        # Not through rich, which would break a long path.
        print(f"{QUARANTINE}: {(artifact.location / QUARANTINE).uri}")


def _print_account(console: Console, account: CorpusAccount) -> None:
    """Reasons stand in columns as far as the terminal is wide, those with the most rows; the rest is told below."""
    total = total_of(account.languages.values())
    labels = most_read_first(account)
    shown = _fitting(total, max(map(len, ["language", *labels])), console.width)
    rest = [reason for reason in reasons_in_order(total.dropped) if reason not in shown]
    table = Table("language", box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for title in ("read", "kept", "%", *map(_title, shown), *([REST] if rest else [])):
        table.add_column(title.replace(" ", "\n"), justify="right", vertical="bottom")
    for label in labels:
        table.add_row(Text(label), *map(Text, _cells(account.languages[label], shown, rest)))
    table.add_section()
    table.add_row(*(Text(cell, "bold") for cell in ("all", *_cells(total, shown, rest))))
    console.print(table)
    if rest:
        told = ", ".join(f"{_title(reason)} {total.dropped[reason]:,}" for reason in rest)
        console.print(Text(f"{REST}: {told}"), soft_wrap=True)


def _fitting(total: RowAccount, names: int, width: int) -> list[str]:
    """The reasons that have room, in the order of the steps: of all those with the most rows."""
    common = sorted(total.dropped, key=lambda reason: (-total.dropped[reason], reason))
    first = (("read", total.taken), ("kept", total.kept), ("100.0", 0))
    used = names + GAP + sum(_width(title, most) + GAP for title, most in first)
    widths = {reason: _width(_title(reason), total.dropped[reason]) + GAP for reason in common}
    if used + sum(widths.values()) <= width:
        return reasons_in_order(common)
    used += _width(REST, total.taken) + GAP
    shown: list[str] = []
    for reason in common:
        used += widths[reason]
        if used > width:
            break
        shown.append(reason)
    return reasons_in_order(shown)


def _width(title: str, most: int) -> int:
    """Characters of a column: titles are broken between words, numbers are not."""
    return max(*map(len, title.split()), len(f"{most:,}"))


def _title(reason: str) -> str:
    return reason.replace("_", " ")


def _cells(account: RowAccount, shown: Sequence[str], rest: Sequence[str]) -> list[str]:
    numbers = [account.dropped.get(reason, 0) for reason in shown]
    if rest:
        numbers.append(sum(account.dropped.get(reason, 0) for reason in rest))
    share = f"{account.kept / account.taken:.1%}".rstrip("%") if account.taken else DASH
    return [f"{account.taken:,}", f"{account.kept:,}", share, *(f"{n:,}" if n else DASH for n in numbers)]


def _print_matches(console: Console, account: CorpusAccount) -> None:
    found = with_benchmark_texts(account)
    console.print(Text(f"\nfound of the benchmarks, and removed: {found:,} pairs"))
    if not account.matches:
        return
    table = Table("benchmark", "languages", box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for what, how in KINDS.values():
        table.add_column(f"{what}, {how}", justify="right")
    for benchmark, labels in account.matches.items():
        numbers = kinds_found(account, benchmark, list(labels))
        table.add_row(Text(benchmark), str(len(labels)), *(f"{n:,}" if n else DASH for n in numbers))
    console.print(table)
