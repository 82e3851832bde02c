"""The commands; no logic."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from raytrain.errors import UserError

HELP = """Trains and evaluates multilingual dense retrievers on a Ray cluster.

One job file is one experiment: its sections (corpus, model, train, evaluate, cluster) are the stages. A stage
leaves an artifact under ROOT/STAGE/HASH, and is skipped where that is finished. Start with:

    raytrain run jobs/demo.yaml

and change any value on the way:  raytrain run jobs/demo.yaml train.max_steps=100 root=s3://bucket/demo
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

JobFile = Annotated[str, typer.Argument(metavar="JOB.yaml", help="the job file")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[section.key=value …]", help="values that replace those of the job file"),
]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _run_to(job_file: str, overrides: list[str] | None, last: str) -> None:
    from raytrain.cluster import stop_ray
    from raytrain.jobfile import load_job
    from raytrain.pipeline import root_of, run, up_to
    from raytrain.results import print_result
    from raytrain.stages.chain import chain
    from raytrain.storage import check_writable

    job = load_job(job_file, overrides or [])
    check_writable(root_of(job))
    try:
        artifacts = run(job, up_to(chain(job), last), _say)
    except KeyboardInterrupt:  # here, for typer would end without a word
        _say("raytrain: interrupted; run the same command again to go on")
        raise typer.Exit(130) from None
    finally:
        stop_ray()
    print_result(artifacts, last)


@app.command()
def run(job: JobFile, overrides: Overrides = None) -> None:
    """The whole chain. What is finished is skipped, what is partial is resumed."""
    from raytrain.jobfile import load_job
    from raytrain.stages.chain import chain

    _run_to(job, overrides, chain(load_job(job, overrides or []))[-1].name)


@app.command()
def prepare(job: JobFile, overrides: Overrides = None) -> None:
    """Raw question-answer pairs to a shuffled corpus, every row accounted for."""
    _run_to(job, overrides, "prepare")


@app.command()
def plan(job: JobFile, overrides: Overrides = None) -> None:
    """Which rows make up each step: shows pairs and passes of each language. Prepares the corpus if need be."""
    _run_to(job, overrides, "plan")


@app.command()
def train(job: JobFile, overrides: Overrides = None) -> None:
    """Trains the model; goes on from the last checkpoint. Does the stages before it if need be."""
    _run_to(job, overrides, "train")


@app.command()
def export(job: JobFile, overrides: Overrides = None) -> None:
    """The trained model as a folder that SentenceTransformer(path) loads. Does the stages before it if need be."""
    _run_to(job, overrides, "export")


@app.command()
def config(job: JobFile, overrides: Overrides = None) -> None:
    """The resolved config as YAML, every default written out."""
    from raytrain.jobfile import dump_job, load_job

    print(dump_job(load_job(job, overrides or [])), end="")


@app.command()
def status(job: JobFile, overrides: Overrides = None) -> None:
    """Stages: done, partial, to do, and why a stage would run again. Works on nothing."""
    from raytrain.jobfile import load_job
    from raytrain.pipeline import status as examine
    from raytrain.stages.chain import chain

    loaded = load_job(job, overrides or [])
    table = Table("stage", "state", "where", "why", box=None, pad_edge=False)
    for state in examine(loaded, chain(loaded)):
        table.add_row(state.name, state.state, state.location.uri if state.location else "", state.why)
    _wide_console().print(table)


@app.command()
def doctor(
    job: Annotated[str | None, typer.Argument(metavar="[JOB.yaml]", help="checks its root too")] = None,
) -> None:
    """What this machine can do: devices, faiss build, Ray, DeepSpeed, compiler, object store."""
    from raytrain.doctor import examine
    from raytrain.jobfile import load_job

    table = Table("", "what", "found", box=None, pad_edge=False)
    findings = examine(load_job(job) if job else None)
    for finding in findings:
        table.add_row("ok" if finding.ok else "--", finding.what, finding.found)
    _wide_console().print(table)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


def _wide_console() -> Console:
    """A table is cut to the terminal, but not where its output goes to a file."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def main() -> None:
    """Runs a command. What the user can mend is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        _say(f"raytrain: {error}")
        raise SystemExit(2) from None
