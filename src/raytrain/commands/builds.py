"""raytrain builds: which indexes there are and which is served."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from raytrain.commands.common import Arm, ArmSeed, JobFile, Overrides, wide_console

builds_app = typer.Typer(
    help="""The builds of a job's indexes. Each is immutable; a name (the job's, or JOB/ARM/SEED of a study) points to
    the one that is served. raytrain index and raytrain run move it to what they build.""",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@builds_app.command("list")
def list_builds(job: JobFile, overrides: Overrides = None) -> None:
    """All builds: which are served, of what kind they are, their recall against exact search, and their size."""
    from raytrain.builds import builds_of
    from raytrain.jobfile import load_job

    table = Table("build", "served as", "finished", "kind", "passages", "recall", "MiB", box=None, pad_edge=False)
    for build in builds_of(load_job(job, overrides or [])):
        passages = "" if build.passages is None else f"{build.passages:,}"
        recall = "" if build.recall is None else f"{build.recall:.4f}"
        cells = (build.build, build.served, build.created, build.kind, passages, recall, f"{build.size / 2**20:,.1f}")
        table.add_row(*map(Text, cells))
    wide_console().print(table)


@builds_app.command()
def rollback(
    job: JobFile,
    overrides: Overrides = None,
    to: Annotated[str | None, typer.Option(metavar="BUILD", help="default: the one that was current before")] = None,
    arm: Arm = None,
    seed: ArmSeed = None,
) -> None:
    """Serves an earlier build again. Searches that are open stay with what they have."""
    from raytrain.builds import go_back
    from raytrain.jobfile import load_job

    print(f"index: {go_back(load_job(job, overrides or []), to, arm, seed).build} is served")


@builds_app.command()
def collect(
    job: JobFile,
    overrides: Overrides = None,
    grace: Annotated[str, typer.Option(help="how long a build must have been unneeded: 12h, 7d …")] = "7d",
    delete: Annotated[bool, typer.Option("--delete", help="delete them; without it they are only listed")] = False,
) -> None:
    """Builds that are neither served under any name nor the one before it, and leftovers of builds that died."""
    from raytrain.builds import garbage_of
    from raytrain.jobfile import load_job

    found = garbage_of(load_job(job, overrides or []), grace, delete=delete)
    for one in found:
        print(f"{one.build}  {one.size / 2**20:,.1f} MiB  {one.why}, since {one.since:%Y-%m-%d %H:%M}")
    total = f"{len(found)} builds, {sum(one.size for one in found) / 2**20:,.1f} MiB"
    print(f"deleted {total}" if delete else f"would delete {total}: add --delete to do it")
