"""The two that are compared: raytrain's step, and sentence-transformers' trainer. The same rows in the same batches.

Both make token ids as they go: raytrain in the process that trains, sentence-transformers there or in its loaders.
"""

import itertools
import os
import tempfile
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.distributed as dist
from real_pairs import PAD, Task
from turns import Turns

from raytrain.config import Train
from raytrain.losses.config import InfoNCE
from raytrain.model.encoder import BiEncoder, load_backbone
from raytrain.model.prepare import prepare_encoder
from raytrain.train.engine import Engine, make_engine
from raytrain.train.graph_memory import kept_tokens
from raytrain.train.step import StepRules, take_step
from raytrain.train.trainee import Trainee

TEMPERATURE = 0.05
LEARNING_RATE = 2e-5


@dataclass(frozen=True)
class Raytrain:
    """One rank: ``take_step`` and ``Engine.step``."""

    task: Task
    batch_size: int
    tokens_per_chunk: int
    graph_gib: float
    device: str = "cpu"
    bf16: bool = False
    attention: Literal["auto", "padded", "packed"] = "auto"

    def train(self, turns: Turns) -> None:
        """Trains until the turns end."""
        engine, rules = self.start()
        batches = self.task.batches(self.batch_size)
        go_on = turns.begin()
        for step in itertools.count():
            if not go_on:
                break
            take_step(engine, batches.batch(step), rules)
            engine.step(1.0)
            go_on = turns.go_on()
        dist.destroy_process_group()

    def start(self) -> tuple[Engine, StepRules]:
        """The engine, in a process group of its own, and the rules of its steps."""
        config = Train(
            losses={"info_nce": InfoNCE(temperature=TEMPERATURE)},
            learning_rate=LEARNING_RATE,
            bf16=self.bf16,
            tokens_per_chunk=self.tokens_per_chunk,
            graph_gib=self.graph_gib,
        )
        os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}  # as a launcher does
        backend = "nccl" if self.device == "cuda" else "gloo"
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
        device = torch.device(self.device)
        trainee = Trainee(BiEncoder(load_backbone(self.task.model), "mean"), config.losses).to(device)
        prepare_encoder(
            trainee.encoder,
            attention=self.attention,
            bf16=self.bf16,
            device=device,
            gradient_checkpointing=False,
            compile=False,
        )
        kept = kept_tokens(
            trainee.encoder,
            graph_gib=self.graph_gib,
            bf16=self.bf16,
            length=max(self.task.lengths.query_max_len, self.task.lengths.passage_max_len),
            tokens_per_chunk=self.tokens_per_chunk,
            device=device,
        )
        languages = self.task.batches(self.batch_size).languages
        packed = trainee.encoder.first_position is not None
        rules = StepRules(config.losses, languages, PAD, self.tokens_per_chunk, kept, config.seed, packed)
        return make_engine(trainee, config, self.device), rules


@dataclass(frozen=True)
class SentenceTransformers:
    """SentenceTransformerTrainer, with nothing logged, evaluated or saved.

    MultipleNegativesRankingLoss, or its cached form where ``mini_batch`` (rows) or ``mini_batch_tokens`` is given.
    Each of ``loader_workers`` makes a batch ahead, also while others have their turn: so many batches of a turn come
    for nothing. More would be made ahead by default (``dataloader_prefetch_factor`` is 2).
    """

    task: Task
    batch_size: int
    mini_batch: int | None = None
    mini_batch_tokens: int | None = None
    loader_workers: int = 0
    device: str = "cpu"
    bf16: bool = False

    def train(self, turns: Turns) -> None:
        """Trains until the turns end."""
        from datasets import Dataset
        from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
        from sentence_transformers.base.sampler import DefaultBatchSampler
        from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
        from torch.utils.data import SequentialSampler
        from transformers import TrainerCallback

        class Taking(TrainerCallback):  # type: ignore[misc]
            """Hands the turns to the trainer."""

            def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                turns.begin()

            def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                control.should_training_stop = not turns.go_on()

        def in_order(dataset: Any, batch_size: int, drop_last: bool, **rest: Any) -> DefaultBatchSampler:
            return DefaultBatchSampler(SequentialSampler(dataset), batch_size=batch_size, drop_last=drop_last)

        model = SentenceTransformer(str(self.task.exported), device=self.device)
        with tempfile.TemporaryDirectory() as folder:
            SentenceTransformerTrainer(
                model=model,
                args=SentenceTransformerTrainingArguments(
                    output_dir=folder,
                    use_cpu=self.device == "cpu",
                    bf16=self.bf16,
                    per_device_train_batch_size=self.batch_size,
                    max_steps=1_000_000,
                    learning_rate=LEARNING_RATE,
                    lr_scheduler_type="constant",
                    weight_decay=0.01,
                    max_grad_norm=1.0,
                    batch_sampler=in_order,
                    dataloader_drop_last=True,
                    dataloader_num_workers=self.loader_workers,
                    dataloader_persistent_workers=self.loader_workers > 0,
                    dataloader_prefetch_factor=1 if self.loader_workers else None,
                    # Without a route a question would be cut at the answers' length.
                    router_mapping={"question": "query", "answer": "document"},
                    eval_strategy="no",
                    save_strategy="no",
                    logging_strategy="no",
                    report_to="none",
                    disable_tqdm=True,
                ),
                train_dataset=Dataset.from_dict(self.task.rows().select(["question", "answer"]).to_pydict()),
                loss=self.loss(model),
                callbacks=[Taking()],
            ).train()

    def loss(self, model: Any) -> torch.nn.Module:
        """The loss module; the scale is 1 ÷ temperature."""
        from sentence_transformers.sentence_transformer.losses import (
            CachedMultipleNegativesRankingLoss,
            MultipleNegativesRankingLoss,
        )

        if self.mini_batch is None and self.mini_batch_tokens is None:
            return MultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE)
        rows = {} if self.mini_batch is None else {"mini_batch_size": self.mini_batch}
        return CachedMultipleNegativesRankingLoss(
            model, scale=1 / TEMPERATURE, mini_batch_num_tokens=self.mini_batch_tokens, **rows
        )
