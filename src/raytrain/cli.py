"""The commands; no logic."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from raytrain.artifact import Artifact
from raytrain.commands.builds import builds_app
from raytrain.commands.common import Arm, ArmSeed, JobFile, Overrides, say, wide_console
from raytrain.commands.submit import add_to
from raytrain.errors import UserError
from raytrain.pipeline import Task

HELP = """Trains and evaluates multilingual dense retrievers on a Ray cluster.

One job file is one experiment. Its stages are benchmark, prepare, plan, model, tokens, train, export, bm25,
untrained-embed, untrained, other-model, other-embed, other, embed, evaluate, fused, study, index and report; each
leaves an artifact under ROOT/STAGE/HASH, and is skipped where that is finished. Start with:

    raytrain run jobs/demo.yaml
    raytrain search jobs/demo.yaml "Which currency is used in Hungary?"

and change any value on the way:  raytrain run jobs/demo.yaml train.max_steps=100 root=s3://bucket/demo
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _work(tasks: list[Task]) -> dict[str, Artifact]:
    from raytrain.cluster import ray_runs, stop_ray
    from raytrain.pipeline import root_of, run
    from raytrain.storage import check_writable

    check_writable(root_of(tasks[0].job))
    had_ray = ray_runs()
    try:
        return run(tasks, say)
    except KeyboardInterrupt:  # here, for typer would end without a word
        say("raytrain: interrupted; run the same command again to go on")
        raise typer.Exit(130) from None
    finally:
        if not had_ray:  # a program that calls this command keeps the Ray it had
            stop_ray()


def _run_to(job_file: str, overrides: list[str] | None, last: str) -> Artifact:
    """Works on one training run, with ``train.mix``, up to a stage."""
    from raytrain.jobfile import load_job
    from raytrain.pipeline import up_to
    from raytrain.serving import serve
    from raytrain.stages.chain import chain, one_run

    job = one_run(load_job(job_file, overrides or []))
    tasks = chain(job)
    if last not in [task.name for task in tasks]:
        raise UserError(f"evaluate.benchmarks: names none, and {last} needs one: demo:cldr, beir:DIR …")
    needed = up_to(tasks, last)
    done = _work(needed)
    serve(job, needed, done)
    return done[last]


def _show(artifact: Artifact) -> None:
    """The last words of a command: the report, or where the artifact lies."""
    from raytrain.report.prepared import print_prepared
    from raytrain.report.terminal import print_report
    from raytrain.stages.report import PAGE, read_report

    if artifact.manifest.stage == "report":
        print_report(read_report(artifact), (artifact.location / PAGE).uri)
    else:
        if artifact.manifest.stage == "prepare":
            print_prepared(wide_console(), artifact)
        folder = "/model" if artifact.manifest.stage in ("model", "train", "export") else ""
        print(f"{artifact.manifest.stage}: {artifact.location.uri}{folder}")


@app.command()
def run(job: JobFile, overrides: Overrides = None) -> None:
    """Everything: one training run and its evaluation, or all of a study; ends with the report.

    What is finished is skipped, what is partial is resumed.
    """
    from raytrain.jobfile import load_job
    from raytrain.serving import serve
    from raytrain.stages.chain import tasks_of

    loaded = load_job(job, overrides or [])
    tasks = tasks_of(loaded)
    done = _work(tasks)
    serve(loaded, tasks, done)
    _show(done[tasks[-1].name])


@app.command()
def prepare(job: JobFile, overrides: Overrides = None) -> None:
    """Raw question-answer pairs to a shuffled corpus; shows where the rows of each language went, and why."""
    _show(_run_to(job, overrides, "prepare"))


@app.command()
def plan(
    job: JobFile,
    overrides: Overrides = None,
    steps: Annotated[str | None, typer.Option(metavar="A:B", help="list the rows of steps A to B-1 instead")] = None,
    arm: Annotated[str | None, typer.Option(help="of a study: only this arm; default: all of them")] = None,
) -> None:
    """Which rows make up each step: pairs, passes and expected tokens of each language. Does the stages before it."""
    from raytrain.jobfile import load_job
    from raytrain.planned import planned_mixes, planned_rows
    from raytrain.report.mix import print_mix, print_row
    from raytrain.stages.plan import PLOT

    loaded, console = load_job(job, overrides or []), wide_console()
    if steps is not None:
        for row in planned_rows(loaded, arm, steps, _work):
            print_row(console, row)
        return
    for mix in planned_mixes(loaded, arm, _work):
        for title, lines in [*mix.segments, (mix.title, mix.lines)]:
            print_mix(console, title, lines)
        print(f"plan: {mix.plan.location.uri}\nplot: {(mix.plan.location / PLOT).uri}\n")
    train = loaded.train
    total = train.max_steps * train.batch_size
    print(f"budget of each run: {train.max_steps:,} steps of {train.batch_size} = {total:,} pairs")


@app.command()
def tokenise(job: JobFile, overrides: Overrides = None) -> None:
    """The token ids of all pairs, once: training reads them where they are. Does the stages before it if need be."""
    _show(_run_to(job, [*(overrides or []), "corpus.tokenise=true"], "tokens"))


@app.command()
def train(job: JobFile, overrides: Overrides = None) -> None:
    """Trains the model; goes on from the last checkpoint. Does the stages before it if need be."""
    _show(_run_to(job, overrides, "train"))


@app.command()
def export(
    job: JobFile,
    overrides: Overrides = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="copy it there (s3:// too), with the scores known by now in its card"),
    ] = None,
) -> None:
    """The trained model as a folder that SentenceTransformer(path) loads, with a model card.

    Does the stages before it if need be. The card is filled from the manifests: languages, mix, losses, corpus.
    """
    if to is None:
        _show(_run_to(job, overrides, "export"))
        return
    from raytrain.export_to import export_to
    from raytrain.jobfile import load_job
    from raytrain.stages.chain import one_run

    print(f"export: {export_to(one_run(load_job(job, overrides or [])), to, _work).uri}")


@app.command()
def embed(job: JobFile, overrides: Overrides = None) -> None:
    """The passages of the benchmarks as vectors of the model, with their ids. Does the stages before it if need be."""
    _show(_run_to(job, overrides, "embed"))


@app.command()
def index(job: JobFile, overrides: Overrides = None) -> None:
    """Passages (index.passages, or those of the benchmarks) in sharded FAISS, of the kind index.kind.

    Its recall is measured against exact search; index.min_recall refuses a build that misses it. When it is finished
    it becomes the current build of the job's name, which raytrain search asks; raytrain builds lists all, and goes
    back to another. Does the stages before it if need be.
    """
    _show(_run_to(job, overrides, "index"))


@app.command()
def evaluate(
    job: Annotated[str | None, typer.Argument(metavar="JOB.yaml", help="the job file")] = None,
    overrides: Overrides = None,
    runs: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="compare two rankings instead: evaluations' folders, or TREC runs"),
    ] = None,
    qrels: Annotated[
        str | None, typer.Option(metavar="FILE", help="of --runs: judgements to score them by; a folder for folders")
    ] = None,
    metric: Annotated[str, typer.Option(help="of --runs: what is compared")] = "nDCG@10",
    json: Annotated[str | None, typer.Option(metavar="FILE", help="of --runs: writes all numbers there")] = None,
) -> None:
    """One training run, with train.mix, scored beside its baselines; ends with its report.

    They are BM25, the untrained encoder, the models of evaluate.models, and BM25 fused with the trained model.
    Or with --runs any two rankings of the same questions: differences with their intervals, and tests.
    """
    if runs is None:
        if job is None or qrels or json:
            raise UserError("evaluate: name a job file, or two rankings with --runs A B [--qrels FILE] [--json FILE]")
        _show(_run_to(job, overrides, "report"))
        return
    if job is not None:
        raise UserError(f"evaluate: --runs takes two rankings and no job file: leave out {job}")
    from raytrain.compare_runs import compare_runs
    from raytrain.report.pair import print_compared
    from raytrain.storage import Location

    compared = compare_runs(*runs, qrels, metric)
    if json is not None:
        Location.of(json).write_bytes(compared.model_dump_json(indent=1).encode())
    print_compared(wide_console(), compared)


@app.command()
def mteb(job: JobFile, overrides: Overrides = None) -> None:
    """A script that scores an exported model on mteb's tasks of the job's benchmarks: > run_mteb.py."""
    from raytrain.evaluate.mteb_tasks import mteb_script
    from raytrain.jobfile import load_job

    loaded = load_job(job, overrides or [])
    print(mteb_script(loaded.name, loaded.evaluate.benchmarks, loaded.evaluate.languages), end="")


@app.command()
def search(
    job: JobFile,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="the question")],
    overrides: Overrides = None,
    lang: Annotated[str | None, typer.Option(help="only passages of this language; default: of all")] = None,
    k: Annotated[int, typer.Option(min=1, help="how many passages")] = 10,
    arm: Arm = None,
    seed: ArmSeed = None,
) -> None:
    """The passages nearest to a question, by the current index of the job or of an arm of its study."""
    from raytrain.jobfile import load_job
    from raytrain.search import find

    table = Table("", "score", "lang", "source", "passage", "text", box=None, pad_edge=False)
    for place, hit in enumerate(find(load_job(job, overrides or []), text, lang, k, arm, seed), 1):
        words = Text(" ".join(hit.text.split()))
        table.add_row(str(place), f"{hit.score:.4f}", hit.language, hit.source, Text(hit.passage), words)
    wide_console().print(table)


@app.command()
def tune(
    job: JobFile,
    overrides: Overrides = None,
    best: Annotated[bool, typer.Option("--best", help="write the job file of the winner, and work on nothing")] = False,
    trial: Annotated[int | None, typer.Option(metavar="N", help="of --best: of this trial instead")] = None,
    to: Annotated[str | None, typer.Option(metavar="FILE", help="of --best: where; default: the terminal")] = None,
) -> None:
    """Searches for better settings: trials over tune.space, each a training run, then the winner with new seeds.

    Goes on where it was interrupted: what has ended is not run again. A larger tune.budget continues a sweep. Then:

        raytrain tune JOB.yaml --best --to winner.yaml && raytrain run winner.yaml
    """
    from raytrain.jobfile import dump_job, load_job
    from raytrain.tuning import job_of_winner, tune_job

    loaded = load_job(job, overrides or [])
    if best:
        text = dump_job(job_of_winner(loaded, trial))
        if to is None:
            print(text, end="")
        else:
            Path(to).write_text(text, "utf-8")
        return
    if trial is not None or to is not None:
        raise UserError("tune: --trial and --to go with --best")
    tune_job(loaded, _work, wide_console())


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
    from raytrain.stages.chain import tasks_of

    table = Table("stage", "state", "where", "why", box=None, pad_edge=False)
    for state in examine(tasks_of(load_job(job, overrides or []))):
        table.add_row(state.name, state.state, Text(state.location.uri if state.location else ""), Text(state.why))
    wide_console().print(table)


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
        table.add_row("ok" if finding.ok else "--", finding.what, Text(finding.found))
    wide_console().print(table)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


app.add_typer(builds_app, name="builds")
add_to(app)


def main() -> None:
    """Runs a command. What the user can mend is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        say(f"raytrain: {error}")
        raise SystemExit(2) from None
