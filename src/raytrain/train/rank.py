"""What a rank does, whoever started it: from a run's folder to the checkpoint of its last step. Knows no Ray."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import torch
import torch.distributed as dist

from raytrain.artifact import download_folder
from raytrain.config import Train
from raytrain.errors import FileMissingError, OvertakenError, UserError
from raytrain.losses.config import KL, Loss, MarginMSE
from raytrain.model.encoder import BiEncoder, load_backbone
from raytrain.model.prepare import prepare_encoder
from raytrain.plan import lanes_of
from raytrain.storage import Location
from raytrain.train.batches import rank_batches
from raytrain.train.checkpoint import Checkpoint, committed_steps, load_state, prune, read_checkpoint
from raytrain.train.choice import steps_to_keep
from raytrain.train.engine import Engine, make_engine
from raytrain.train.exchange import wait_for_others
from raytrain.train.graph_memory import kept_tokens
from raytrain.train.loop import Report, Warn, train_rank
from raytrain.train.run import Run
from raytrain.train.trainee import Trainee
from raytrain.train.validation import decided_scores


def train_on(
    run: Run,
    blocks: Iterator[pa.Table],
    device: torch.device,
    report: Report,
    warn: Warn,
    asked: Callable[[], bool],
) -> None:
    """Trains from the checkpoint of ``run.feed.first_step`` to the last step, or until it is asked to end.

    Every rank of the process group calls it. ``blocks`` are the rank's own, of token ids, from that step on.
    ``report``, ``warn`` and ``asked`` as in train_rank. Raises UserError for what the model or the corpus can't do,
    before the first step, OvertakenError if the checkpoint is gone, and what training raises.
    """
    torch.set_num_threads(run.threads)
    patience = 1_800 + run.folder.options.give_up_after
    wait_for_others(patience)
    begun = begin(run, device)
    wait_for_others(patience)  # in DeepSpeed's own groups too
    config, plan, start = begun.config, run.feed.plan, run.feed.first_step
    lanes = lanes_of(dist.get_rank(), dist.get_world_size(), plan.lanes)
    train_rank(
        begun.engine,
        rank_batches(blocks, plan, lanes, start, config.negatives_per_row),
        config=config,
        plan=plan,
        run=run.folder,
        pad_id=run.pad_id,
        kept_tokens=begun.kept_tokens,
        packed=begun.packed,
        checkpoint=begun.checkpoint,
        report=report,
        warn=warn,
        asked=asked,
        committed=lambda checkpoint: prune_old(run.folder, config, warn),
    )


@dataclass(frozen=True)
class Begun:
    """A rank that is ready for its first step. ``kept_tokens`` and ``packed`` as in StepRules."""

    engine: Engine
    checkpoint: Checkpoint | None  # whose state the engine has
    config: Train  # with chunks no larger than what may be held
    kept_tokens: int
    packed: bool


def begin(run: Run, device: torch.device) -> Begun:
    """The engine with the weights to start from, or those of the checkpoint to go on from. Raises as ``train_on``.

    A function of its own, so that nothing of the checkpoint is held when the steps begin.
    """
    config = run.train
    trainee = load_trainee(run)
    checkpoint, state = load_checkpoint(run.folder, run.feed.first_step) if run.feed.first_step else (None, {})
    if checkpoint:
        prefix = "weight/"
        trainee.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    trainee.to(device)
    prepare_encoder(
        trainee.encoder,
        attention=config.attention,
        bf16=config.bf16,
        device=device,
        gradient_checkpointing=config.gradient_checkpointing,
        compile=config.compile,
    )
    gib = graph_gib_on(device) if config.graph_gib is None else config.graph_gib
    kept = kept_tokens(
        trainee.encoder,
        graph_gib=gib,
        bf16=config.bf16,
        length=max(run.rules.query_max_len, run.rules.passage_max_len),
        tokens_per_chunk=config.tokens_per_chunk,
        device=device,
    )
    if gib:
        # A chunk that is gone back through is held whole: none may be larger than all that may be held.
        config = config.model_copy(update={"tokens_per_chunk": min(config.tokens_per_chunk, max(kept, 1))})
    engine = make_engine(trainee, config, device.type)
    if checkpoint:
        engine.load_state(state, checkpoint.updates)
    return Begun(engine, checkpoint, config, kept, trainee.encoder.first_position is not None)


def load_checkpoint(folder: Location, step: int) -> tuple[Checkpoint, dict[str, torch.Tensor]]:
    """A committed checkpoint and its state. Raises OvertakenError if it has gone since, and DamagedError."""
    try:
        checkpoint = read_checkpoint(folder, step)
        return checkpoint, load_state(folder, checkpoint)
    except FileMissingError as error:  # what outlived an earlier attempt has committed newer ones, and tidied up
        raise OvertakenError(f"{error}: the checkpoint of step {step:,} is gone") from error


def prune_old(folder: Location, config: Train, warn: Warn) -> None:
    """Deletes the checkpoints of a run that neither a restart nor validation needs; what fails is only told."""
    rules = config.validate_on
    try:
        scores = decided_scores(folder, rules, config.max_steps) if rules else {}
        prune(folder, steps_to_keep(committed_steps(folder), config.keep_checkpoints, scores, rules, config.max_steps))
    except UserError as error:
        warn(f"train: old checkpoints stay: {error}")


def graph_gib_on(device: torch.device) -> float:
    """GiB for graphs where the job names none: it must be the same on every start, so it is not what is free now."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory) / 2**31
    return 2.0


def load_trainee(run: Run) -> Trainee:
    """The model that the run starts from, in fp32. Raises UserError if it or the corpus can't have the losses."""
    with tempfile.TemporaryDirectory() as temp:
        backbone = load_backbone(
            download_folder(run.model, "model", Path(temp)), attention_dropout=run.train.attention_dropout
        )
    check_losses(run.train.losses, backbone.config.hidden_size, run.feed.corpus.training_rows)
    return Trainee(BiEncoder(backbone, run.rules.pooling), run.train.losses)


def check_losses(losses: Mapping[str, Loss], width: int, scored: bool) -> None:
    """Raises UserError for a loss that vectors ``width`` wide, or rows that a teacher has not scored, can't have.

    ``scored``: whether the corpus has more than pairs (``Corpus.training_rows``); rows without scores are left out by
    distillation, and where there are no others it would train on nothing.
    """
    for name, loss in losses.items():
        for dim in loss.matryoshka.dims if loss.matryoshka else []:
            if dim > width:
                raise UserError(
                    f"train.losses.{name}.matryoshka.dims: {dim} is more than the {width} of the model's vectors"
                )
        if isinstance(loss, MarginMSE | KL) and not scored:
            raise UserError(
                f"train.losses.{name}: {loss.kind} needs a teacher's scores, and the corpus has only pairs: give it "
                "rows with positive_scores, negatives and negative_scores, or leave the term out"
            )
