"""The Ray Train job: workers placed by Ray, rows streamed by Ray Data, restarted from the last checkpoint."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
import ray.data
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raytrain.artifact import Artifact
from raytrain.cluster import labelled, threads_of
from raytrain.config import Job
from raytrain.errors import OvertakenError, UserError, one_line, user_error_in
from raytrain.placing import Say, place_workers, resources_of_worker
from raytrain.storage import Location, tell_with
from raytrain.train.board import Board, Line
from raytrain.train.checkpoint import Checkpoint, newest_whole, steps_done
from raytrain.train.placement import Look, asking_for_more, changed_cluster
from raytrain.train.run import Run
from raytrain.train.splits import DATASET, PlannedRows, shard_blocks
from raytrain.train.stream import Feed, read_token_round
from raytrain.train.watch import watch

if TYPE_CHECKING:
    from raytrain.train.validation import Validation


def fit(
    job: Job,
    rows: Feed,
    model: Artifact,
    pad_id: int,
    folder: Location,
    begun: Checkpoint | None,
    validation: "Validation | None",
    say: Say,
) -> None:
    """Trains until the checkpoint of the last step is committed; goes on from ``begun``, the newest that is whole.

    ``validation`` is asked every so often, and may give a reason to end earlier.

    ``rows`` feeds the whole run. Workers that die are started again, up to ``cluster.max_failures`` times without
    progress between, on as many as there is room for; Ray's own retry would also repeat errors that come again each
    time. Raises UserError for those, and KeyboardInterrupt, after a checkpoint, when the user asked to end.
    """
    failures, start, own = 0, begun.step if begun else 0, set[str]()
    patient = begun is not None
    look: Look = validation.look if validation else lambda: ""
    while start < job.train.max_steps and not look():
        workers = place_workers(job.cluster, own, say, patient)
        patient = True
        gpu = job.cluster.gpus_per_worker > 0
        feed = replace(rows, first_step=start)
        run = Run(folder, model, job.model, pad_id, job.train, feed, threads_of(job.cluster), gpu)
        try:
            _attempt(job, run, workers, own, look, say)
        # The second is of Ray's own actor that holds the workers.
        except (ray.train.TrainingFailedError, ray.exceptions.RayActorError) as error:
            failures = _failures(error, failures, job, folder, start, say)
        whole = newest_whole(folder, say)
        start = whole.step if whole else 0
        if validation:
            validation.anew()


def _failures(error: Exception, failures: int, job: Job, folder: Location, start: int, say: Say) -> int:
    """How many attempts have failed in a row, now that one which began at ``start`` did. Raises UserError for what
    the user can mend, and when there were too many."""
    mendable = user_error_in(error)
    if mendable is not None and not isinstance(mendable, OvertakenError):
        raise mendable from error
    if isinstance(error, ray.train.PreemptionError):  # Ray says so also where all ended in time
        say("train: nodes go away, as was announced; goes on elsewhere from the last checkpoint")
        return failures
    last = one_line(mendable or error, 10**6)[-600:]
    failures = 1 if steps_done(folder) > start else failures + 1
    if failures > job.cluster.max_failures:
        raise UserError(
            f"train: workers failed {failures} times in a row at step {steps_done(folder)}; the last "
            f"checkpoint is kept, run again to go on; the last failure: {last}"
        ) from error
    say(f"train: workers failed ({last[-200:]}); starts them again from the last checkpoint")
    return failures


def _attempt(job: Job, run: Run, workers: int, own: set[str], look: Look, say: Say) -> None:
    """Trains until the last step, or until the workers are asked to end. Adds its placement groups to ``own``."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    board = ray.remote(num_cpus=0, scheduling_strategy=here)(Board).remote()
    cluster, labels = job.cluster, labelled(job.cluster).labels
    config = _run_config(job, run.folder / "ray")
    trainer = TorchTrainer(
        _worker,
        train_loop_config={"run": run, "board": board, "job": job},
        scaling_config=ScalingConfig(
            num_workers=workers,
            use_gpu=cluster.gpus_per_worker > 0,
            resources_per_worker=resources_of_worker(cluster),
            placement_strategy="PACK",
            label_selector=dict(labels.train) or None,
        ),
        datasets={DATASET: ray.data.range(1)},  # a name to ask for; PlannedRows builds the real one
        dataset_config=PlannedRows(run.feed, read_token_round, labels.data),
        run_config=config,
    )
    start, train = run.feed.first_step, job.train
    with asking_for_more(cluster, workers) as asked:
        own |= asked
        changed = changed_cluster(board, cluster, workers, asked)
        with watch(board, train.max_steps, start, train.batch_size, lambda: look() or changed(), say):
            try:
                _until_done(trainer.fit, board, say)
            finally:
                with suppress(ray.exceptions.RayError):  # the board may have gone with Ray
                    own |= ray.get(board.places.remote(), timeout=5)[1]


def _run_config(job: Job, folder: Location) -> RunConfig:
    """Where Ray Train keeps its own notes, and what it does about failures: nothing."""
    config = RunConfig(
        # A name of its own: the state of a run is in our checkpoints, and Ray must not resume one of its own.
        name=f"{job.name}-{time.time_ns()}",
        storage_path=folder.path,
        storage_filesystem=None if folder.is_local else folder.filesystem,
        # ``fit`` starts again, from the newest checkpoint and with as many workers as there is room for.
        failure_config=FailureConfig(max_failures=0, max_preemption_failures=0, controller_failure_limit=0),
    )
    # Ray writes there when it first looks at this, and waits for nothing; afterwards it has been looked at.
    folder.patiently("write to", lambda: config.storage_context)
    return config


def _until_done(work: Callable[[], Any], board: Any, say: Say) -> None:
    """Does some work in another thread, and waits for it. At the first Ctrl-C the run is asked to end.

    In the main thread Ray Train would take Ctrl-C for itself, for the rest of the process, and exit with 0.
    """
    outcome: Future[Any] = Future()

    def do() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # handed to who waits
            outcome.set_exception(error)

    threading.Thread(target=do, name="raytrain-fit", daemon=True).start()
    try:
        outcome.result()
    except KeyboardInterrupt:
        try:
            if ray.get(board.newest.remote(), timeout=5)[0]:  # else no step was made, and there is nothing to save
                say("train: ends with a checkpoint; Ctrl-C again stops at once")
                ray.get(board.ask_to_end.remote())
                outcome.result()
        except (ray.train.TrainingFailedError, ray.exceptions.RayError) as error:
            say(f"train: ended without a checkpoint: {one_line(user_error_in(error) or error, 10**6)[-200:]}")
        raise


def _worker(config: dict[str, Any]) -> None:
    """What each rank runs.

    It imports here what training takes: Ray's own processes import this module too, each for some seconds otherwise.
    And only once it has asked for its rows: the process that deals them out starts meanwhile.
    """
    blocks = shard_blocks(ray.train.get_dataset_shard(DATASET))
    import torch

    from raytrain.track.tracking import tracking
    from raytrain.train.engine import prepare_deepspeed
    from raytrain.train.rank import train_on

    run: Run = config["run"]
    job: Job = config["job"]
    line = Line(config["board"])
    group = ray.util.get_current_placement_group()
    config["board"].join.remote(ray.get_runtime_context().get_node_id(), group.id.hex() if group else "")
    device = ray.train.torch.get_device() if run.gpu else torch.device("cpu")
    if ray.train.get_context().get_world_rank():
        train_on(run, blocks, device, lambda metrics: None, lambda line: None, line.asked)
        return
    tell_with(line.warn)
    start = run.feed.first_step
    prepare_deepspeed(device.type)  # before there are threads of trackers
    with tracking(
        job.track, run.folder, job_name=job.name, config=job.model_dump(mode="json"), first_step=start, warn=line.warn
    ) as track:

        def report(metrics: dict[str, Any]) -> None:
            line.report(metrics)
            track(metrics)

        train_on(run, blocks, device, report, line.warn, line.asked)
