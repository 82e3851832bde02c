"""raytrain submit, jobs, logs, stop: jobs on a cluster that is elsewhere."""

import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from raytrain.commands.common import JobFile, Overrides, say, wide_console
from raytrain.submit.request import Stage

Address = Annotated[
    str | None,
    typer.Option(metavar="URL", help="http://HOST:8265, its dashboard; default: RAY_API_SERVER_ADDRESS or RAY_ADDRESS"),
]
Which = Annotated[str, typer.Argument(metavar="ID | JOB.yaml", help="a submission, or the newest of a job file")]


def submit(
    job: JobFile,
    overrides: Overrides = None,
    stage: Annotated[Stage, typer.Option(help="the command that runs there")] = "run",
    address: Address = None,
    detach: Annotated[bool, typer.Option("--detach", help="send it and leave; raytrain logs shows the rest")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="send nothing: what it would take, in hours and money")] = False,
    again: Annotated[bool, typer.Option("--again", help="even if it has succeeded before")] = False,
) -> None:
    """Runs a job on a cluster: sends this raytrain and the resolved job file, follows the log, ends with its exit code.

    The same job, stage and source is sent once: who submits it again follows what runs. Ctrl-C leaves it running.
    """
    from raytrain.jobfile import load_job
    from raytrain.submit.client import dashboard_of, in_words, open_client, warnings_of
    from raytrain.submit.submitting import submit as send

    loaded = load_job(job, overrides or [])
    if plan:
        from raytrain.submit.plan import print_plan

        print_plan(wide_console(), loaded)
        return
    where = dashboard_of(address, loaded.cluster)
    client = open_client(where)
    with in_words(where):
        for warning in warnings_of(client, where):
            say(warning)
        sent = send(client, loaded, stage, again=again, say=say)
        if sent.state != "new":
            say(f"submit: {sent.submission_id} {'runs already' if sent.state == 'running' else 'has succeeded before'}")
    if detach:
        print(sent.submission_id)
        say(f"submit: follow it with: raytrain logs {sent.submission_id} --follow")
        return
    raise typer.Exit(_follow(client, sent.submission_id))


def jobs(address: Address = None) -> None:
    """What raytrain has submitted to a cluster, and how it stands."""
    from raytrain.submit.client import dashboard_of, in_words, open_client
    from raytrain.submit.listed import jobs_of

    where = dashboard_of(address)
    table = Table("id", "stage", "state", "began (UTC)", "took", "exit code", box=None, pad_edge=False)
    with in_words(where):
        for job in jobs_of(open_client(where)):
            code = "" if job.exit_code is None else str(job.exit_code)
            cells = (
                job.submission_id,
                job.stage,
                job.state.lower(),
                f"{job.began:%Y-%m-%d %H:%M}",
                str(job.took),
                code,
            )
            table.add_row(*map(Text, cells))
    wide_console().print(table)


def logs(
    job: Which,
    address: Address = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="until it ends, with its exit code; Ctrl-C leaves it")
    ] = False,
) -> None:
    """The log of a submitted job, from its beginning."""
    from raytrain.submit.client import dashboard_of, in_words, open_client
    from raytrain.submit.listed import find

    where = dashboard_of(address)
    client = open_client(where)
    with in_words(where):
        found = find(client, job)
        if not follow:
            print(client.get_job_logs(found.submission_id), end="")
            return
    raise typer.Exit(_follow(client, found.submission_id))


def stop(job: Which, address: Address = None) -> None:
    """Ends a submitted job, after a checkpoint if it trains; submitted again, it goes on from there."""
    from raytrain.submit.client import dashboard_of, in_words, open_client
    from raytrain.submit.listed import find
    from raytrain.submit.stopping import stop as end

    where = dashboard_of(address)
    client = open_client(where)
    with in_words(where):
        end(client, find(client, job), say)


def _follow(client: object, submission_id: str) -> int:
    from raytrain.submit.follow import follow

    try:
        return follow(client, submission_id, _write, say)
    except KeyboardInterrupt:
        say(
            f"submit: {submission_id} runs on; follow it again with: raytrain logs {submission_id} --follow; "
            f"end it with: raytrain stop {submission_id}"
        )
        return 130


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (submit, jobs, logs, stop):
        app.command()(command)
