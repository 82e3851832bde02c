"""Progress of long work: a bar on a terminal, a line every few seconds in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 5.0

Advance = Callable[[int, str], None]


@contextmanager
def counting(title: str, unit: str, total: int | None, start: int = 0) -> Iterator[Advance]:
    """Shows how far some work is; yields ``advance(n, note)``, which adds n to what is done."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console, title, unit, total, start) as advance:
            yield advance
    else:
        yield _lines(title, unit, total, start)


@contextmanager
def _bar(console: Console, title: str, unit: str, total: int | None, start: int) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=total, completed=start, note="")
        yield lambda n, note: progress.update(task, advance=n, note=note)


def _lines(title: str, unit: str, total: int | None, start: int) -> Advance:
    done, last = start, 0.0
    of = f"/{total:,}" if total else ""

    def advance(n: int, note: str) -> None:
        nonlocal done, last
        done += n
        now = time.monotonic()
        if now - last >= LINE_EVERY_S or (total is not None and done >= total and n):
            last = now
            print(f"{title}: {done:,}{of} {unit} {note}".rstrip(), file=sys.stderr, flush=True)

    return advance
