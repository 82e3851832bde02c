"""What the commands share: their arguments, and how they speak."""

import sys
from typing import Annotated

import typer
from rich.console import Console

JobFile = Annotated[str, typer.Argument(metavar="JOB.yaml", help="the job file")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[section.key=value …]", help="values that replace those of the job file"),
]

Arm = Annotated[str | None, typer.Option(help="of a study: the index of this arm")]
ArmSeed = Annotated[int | None, typer.Option(help="of the arm; default: its first")]


def say(line: str) -> None:
    """What a command tells on its way, beside its output."""
    print(line, file=sys.stderr, flush=True)


def wide_console() -> Console:
    """A table is cut to the terminal, but not where its output goes to a file."""
    console = Console()
    return console if console.is_terminal else Console(width=200)
