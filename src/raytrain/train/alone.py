"""The same training without Ray, under PyTorch's own launcher: what Ray costs is measured against it.

    raytrain plan JOB.yaml
    torchrun --nproc-per-node 2 -m raytrain.train.alone JOB.yaml [section.key=value …] [--out DIR]

Corpus, plan and model must be finished artifacts of the job. Checkpoints and log go to DIR, by default
ROOT/alone/HASH, where HASH is that of the train artifact that Ray would make; a run that was interrupted goes on
from the last checkpoint there. Ranks are those of the launcher, and ``cluster`` says their threads and GPUs. Every
rank reads all rows and keeps its own: with many ranks, make the token ids before (`raytrain tokenise`).
"""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

import pyarrow as pa
import torch
import torch.distributed as dist
import typer

from raytrain.cluster import threads_of
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import load_job
from raytrain.pipeline import Inputs, options_of, root_of, status, up_to
from raytrain.progress import counting
from raytrain.stages.chain import chain, one_run
from raytrain.stages.train import feed_of
from raytrain.storage import Location
from raytrain.train.board import note
from raytrain.train.checkpoint import newest_whole, read_checkpoint, steps_done
from raytrain.train.rank import train_on
from raytrain.train.run import Run
from raytrain.train.skipped import check_skipped
from raytrain.train.stream import Feed, read_token_round

OWNER = "run.txt"  # the hash of the train artifact that Ray would make
MAKES = {"prepare": "prepare", "plan": "plan", "model": "plan", "tokens": "tokenise"}  # artifact → command


def rank_blocks(feed: Feed, rank: int, world_size: int) -> Iterator[pa.Table]:
    """The blocks of a rank, as the stream would bring them; a round is read ahead in another thread."""
    rounds = feed.rounds(world_size)
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read_token_round, feed, 0, world_size)
        for number in range(len(rounds)):
            table = ahead.result()
            if number + 1 < len(rounds):
                ahead = reader.submit(read_token_round, feed, number + 1, world_size)
            for start in range(rank * rounds.block_rows, table.num_rows, world_size * rounds.block_rows):
                yield table.slice(start, rounds.block_rows)


def finished_inputs(job: Job, command: str) -> tuple[Inputs, str]:
    """What training starts from, by its role; and the hash of the train artifact that would come of it.

    Raises UserError that says how to make what is not there; ``command`` is the job file and its overrides.
    """
    tasks = up_to(chain(one_run(job)), "train")
    states = {state.name: state for state in status(tasks)}
    inputs = {}
    for role, name in tasks[-1].inputs.items():
        artifact = states[name].artifact
        if artifact is None:
            raise UserError(f"train: no finished {role} ({states[name].why}): run raytrain {MAKES[role]} {command}")
        inputs[role] = artifact
    location = states["train"].location
    assert location is not None  # all that its hash is taken of is there
    return inputs, location.name


def check_owner(folder: Location, name: str) -> None:
    """Raises UserError for a folder with another run: its checkpoints are of another config, corpus or model."""
    owner = folder / OWNER
    if not owner.put_if_absent(name.encode()) and owner.read_text() != name:
        raise UserError(
            f"--out {folder.uri}: there is a run of another job ({owner.read_text()}, and this is {name}): "
            "name another folder, or delete that one"
        )


def run_of(job: Job, inputs: Inputs, folder: Location, first_step: int) -> Run:
    """What each rank needs from a step on, whose checkpoint is in the folder."""
    feed, pad_id = feed_of(job, inputs)
    feed = replace(feed, first_step=first_step)
    gpu = job.cluster.gpus_per_worker > 0
    return Run(folder, inputs["model"], job.model, pad_id, job.train, feed, threads_of(job.cluster), gpu)


def device_of(job: Job, local_rank: int) -> torch.device:
    """The device of a rank. Raises UserError if the machine lacks a GPU for it."""
    if not job.cluster.gpus_per_worker:
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise UserError(
            f"cluster.gpus_per_worker: this machine has {torch.cuda.device_count()} GPUs: "
            "lower --nproc-per-node, or set it to 0"
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device


def train_alone(job_file: str, overrides: Sequence[str], out: str | None) -> None:
    """Trains as one rank of those that the launcher started. Raises UserError."""
    if "LOCAL_RANK" not in os.environ:
        raise UserError("raytrain.train.alone: start it with torchrun --nproc-per-node N -m raytrain.train.alone …")
    job = load_job(job_file, overrides)
    world = int(os.environ["WORLD_SIZE"])
    if world > job.train.lanes:
        raise UserError(f"train.lanes: {world} ranks are more than its {job.train.lanes}: a rank owns at least one")
    if job.train.validate_on:
        raise UserError("train.validate_on: checkpoints are scored by tasks of Ray; leave it out here")
    inputs, name = finished_inputs(job, shlex.join([job_file, *overrides]))
    folder = Location.of(out, options_of(job)) if out else root_of(job) / "alone" / name
    check_owner(folder, name)
    if steps_done(folder) == job.train.max_steps:
        last = read_checkpoint(folder, job.train.max_steps)
        check_skipped(last.skipped, job.train.max_skipped, folder)
        _say(f"train: all {job.train.max_steps:,} steps are done already: {folder.uri}")
        return
    device = device_of(job, int(os.environ["LOCAL_RANK"]))
    patience = timedelta(seconds=1_800 + folder.options.give_up_after)  # a rank may wait for storage
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=patience)
    run = run_of(job, inputs, folder, first_step_of_all(folder))
    if run.feed.first_step:
        begun = read_checkpoint(folder, run.feed.first_step)
        check_skipped(begun.skipped, job.train.max_skipped, folder)
    with progress(job, run) as report, asked_by_signal() as asked:
        train_on(run, rank_blocks(run.feed, dist.get_rank(), world), device, report, _say, asked)
    dist.destroy_process_group()
    if steps_done(folder) < job.train.max_steps:
        _say("train: interrupted after a checkpoint; run the same command again to go on")
        raise typer.Exit(130)


def first_step_of_all(folder: Location) -> int:
    """Where all ranks go on: rank 0 looks for the newest checkpoint that is whole. Raises UserError on every rank."""
    found: list[int | UserError] = [0]
    if dist.get_rank() == 0:
        try:
            whole = newest_whole(folder, _say)
            found = [whole.step if whole else 0]
        except UserError as error:
            found = [error]
    dist.broadcast_object_list(found, src=0)
    (step,) = found
    if isinstance(step, UserError):
        raise step
    return step


@contextmanager
def asked_by_signal() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM has come, which the launcher hands on: it waits half a minute before it kills."""
    asked: list[int] = []
    before = {kind: signal.signal(kind, lambda kind, _: asked.append(kind)) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def progress(job: Job, run: Run) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Rank 0 shows how far it is, and at the end the pairs a second; takes the metrics of each step."""
    if dist.get_rank():
        yield lambda metrics: None
        return
    seconds: list[float] = []
    with counting("train", "steps", job.train.max_steps, run.feed.first_step) as advance:

        def report(metrics: dict[str, Any]) -> None:
            seconds.append(metrics["seconds"] + metrics["data_wait_seconds"])
            advance(1, note(metrics, job.train.batch_size))

        yield report
    rate = len(seconds) * job.train.batch_size / sum(seconds)
    _say(f"train: {len(seconds):,} steps at {rate:.1f} pairs/s on {dist.get_world_size()} ranks: {run.folder.uri}")


def _say(line: str) -> None:
    if os.environ["RANK"] == "0":
        print(line, file=sys.stderr, flush=True)


def main(
    job: Annotated[str, typer.Argument(metavar="JOB.yaml", help="the job file")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[section.key=value …]")] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="default: ROOT/alone/HASH")] = None,
) -> None:
    """Trains a job without Ray, as one of the ranks that torchrun starts."""
    try:
        train_alone(job, overrides or [], out)
    except UserError as error:
        # By every rank: the launcher ends the others as soon as one has failed.
        print(f"raytrain: {error}", file=sys.stderr, flush=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
