"""Progress of long work: a bar on a terminal, a line every few seconds in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

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
    first: tuple[float, int] | None = None  # when the first piece was done, which may have waited long; and how many
    of = f"/{total:,}" if total else ""

    def advance(n: int, note: str) -> None:
        nonlocal done, last, first
        done += n
        now = time.monotonic()
        if n and first is None:
            first = now, done
        if now - last >= LINE_EVERY_S or (total is not None and done >= total and n):
            last = now
            left = time_left(now - first[0], done - first[1], total - done) if total and first else ""
            print(f"{title}: {done:,}{of} {unit} {note}{left}".rstrip(), file=sys.stderr, flush=True)

    return advance


def time_left(seconds: float, done: int, left: int) -> str:
    """How long the rest takes at the pace so far, ", 1:02:03 left"; nothing where no pace is known or nothing left."""
    return f", {timedelta(seconds=round(seconds / done * left))} left" if done and left else ""
