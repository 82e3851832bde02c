"""The engine: DeepSpeed with AdamW and ZeRO around a trainee; and its state as plain tensors, whatever the stage."""

import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from raytrain.config import Train
from raytrain.losses.config import learned_temperatures
from raytrain.train.trainee import Trainee

MOMENTS = ("exp_avg", "exp_avg_sq")
MOST_REDUCED_AT_ONCE = 200_000_000  # gradients that ranks add up in one call


def prepare_deepspeed(device: str) -> None:
    """Makes DeepSpeed start quietly, for a type of device (``cpu``, ``cuda``), and without a compiler.

    To be called before threads that may import mlflow: it can't be meanwhile.

    On a CPU it would build its shared-memory operator with g++ at the first start, and abort where there is none.
    gloo does the same work, so the operator is switched off.
    """
    os.environ["DS_ACCELERATOR"] = device  # else it would take a GPU that this worker was not given
    if "deepspeed" not in sys.modules:
        with _hidden("mlflow"):  # its autotuner imports it where it is installed, which takes a worker's start seconds
            import deepspeed
    import deepspeed.ops
    import deepspeed.runtime.bf16_optimizer

    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)  # after the import, which sets it too
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    # It prints the memory in use a dozen times, after a garbage collection each.
    deepspeed.runtime.bf16_optimizer.see_memory_usage = lambda *args, **kwargs: None


class Engine:
    """Forward, backward and update of a trainee, the same for every ZeRO stage. All ranks call it alike.

    Under ZeRO 2 and 3 each backward communicates, under ZeRO 3 each forward too: ranks must make equally many, and
    each backward must reach the same parameters on all ranks.
    """

    def __init__(self, deepspeed_engine: Any, learning_rate: float, max_norm: float) -> None:
        self._engine = deepspeed_engine
        self._learning_rate = learning_rate
        self._max_norm = max_norm
        self._world = dist.get_world_size()
        self.device = torch.device(deepspeed_engine.device)

    def embed(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A forward pass, with a graph unless gradients are switched off. A graph need not be gone back through.

        Token ids and mask, both (n, length), to unit vectors (n, d) and the learned temperatures (k,).
        """
        return self._engine(input_ids, attention_mask)  # type: ignore[no-any-return]

    def backward(self, value: torch.Tensor, last: bool) -> None:
        """Adds the gradient of a scalar. ``step`` takes the sum over all calls and all ranks.

        ``last`` says that the step has no further call; ZeRO 0 and 1 exchange gradients only then.
        """
        self._engine.set_gradient_accumulation_boundary(last)
        self._engine.backward(value * self._world)  # DeepSpeed takes the mean over ranks

    def step(self, factor: float, learning_rate: float | None = None) -> float:
        """Clips and updates, each parameter group with its peak learning rate × ``factor``.

        That of the encoder's groups is ``learning_rate``, by default the one of the config; learned temperatures have
        peaks of their own.
        Gives the norm of the whole gradient before clipping. If it is not finite, then nothing was updated, on any
        rank. Gradients are cleared either way.
        """
        for group in self._engine.optimizer.param_groups:
            group["lr"] = group.get("peak", learning_rate or self._learning_rate) * factor
        if _is_zero(self._engine):
            self._engine.step()  # ZeRO leaves out a step by itself if the norm is not finite, clipping or not
            return float(self._engine.get_global_grad_norm())
        parameters = [p for p in self._engine.module.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if not math.isfinite(norm):
            self._engine.zero_grad()
            return float(norm)
        if self._max_norm > 0:
            torch.nn.utils.clip_grads_with_norm_(parameters, self._max_norm, norm)
        self._engine.step()
        return float(norm)

    def state(self) -> dict[str, torch.Tensor]:
        """Weights (fp32) and moments on the CPU, by name: whole tensors, of every parameter on one rank.

        Every rank must call it: shards are put together one parameter at a time. The states of all ranks together,
        in any order, are what ``load_state`` takes.
        """
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        state: dict[str, torch.Tensor] = {}
        held = [0] * self._world  # elements, so that each rank writes about as much
        for name, parameter in self._engine.module.named_parameters():
            if _is_sharded(parameter):
                values = {"weight": safe_get_full_fp32_param(parameter)}
                values |= {moment: safe_get_full_optimizer_state(parameter, moment) for moment in MOMENTS}
            else:
                moments = self._engine.basic_optimizer.state[parameter]
                values = {"weight": parameter.data} | {moment: moments[moment] for moment in MOMENTS}
            owner = held.index(min(held))
            held[owner] += values["weight"].numel()
            if owner == dist.get_rank():
                # A copy of its own: in fp32 on a CPU the tensor would otherwise go on changing with the next step.
                state |= {f"{kind}/{name}": value.detach().float().cpu().clone() for kind, value in values.items()}
        return state

    def load_state(self, state: Mapping[str, torch.Tensor], updates: int) -> None:
        """Puts weights and moments of ``state()`` back, at any world size; ``updates`` counts AdamW's steps done.

        The engine must have been made from a trainee with these weights.
        """
        for name, parameter in self._engine.module.named_parameters():
            weight, *moments = (state[f"{kind}/{name}"].to(self.device) for kind in ("weight", *MOMENTS))
            _set_weight(parameter, weight)
            for moment, value in zip(MOMENTS, moments, strict=True):
                _set_moment(self._engine, parameter, moment, value)
        for flat in _flat_parameters(self._engine):
            self._engine.basic_optimizer.state[flat]["step"].fill_(updates)


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Meanwhile the package can't be imported, as if it were not installed; nothing where it has been already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # Python's own way of saying so
    try:
        yield
    finally:
        del sys.modules[package]


def make_engine(trainee: Trainee, config: Train, device: str) -> Engine:
    """An engine in training mode over the current process group.

    The trainee must hold the weights to start from, in fp32, on the device.
    """
    prepare_deepspeed(device)
    import deepspeed

    # With bf16 the engine casts the module first and would take its fp32 masters from the rounded weights.
    exact = {n: p.detach().to("cpu", copy=True) for n, p in trainee.named_parameters()} if config.bf16 else {}
    engine, *_ = deepspeed.initialize(
        model=trainee.train(),
        # The rate is set before each step; 0 so that ZeRO's trial step at the start changes nothing.
        optimizer=torch.optim.AdamW(_parameter_groups(trainee, config), lr=0.0, betas=(0.9, 0.999)),
        dist_init_required=False,
        config=_deepspeed_config(config, sum(p.numel() for p in trainee.parameters())),
    )
    _start_moments(engine)
    for name, parameter in engine.module.named_parameters():
        if name in exact:
            _set_weight(parameter, exact[name].to(engine.device))
    return Engine(engine, config.learning_rate, config.max_grad_norm)


def _deepspeed_config(config: Train, parameters: int) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": 1,  # of no meaning here: batches are made by the plan
        "gradient_accumulation_steps": 1,
        # DeepSpeed 0.19.8 clips at 1.0 when this is not written. At stage 0 the engine clips itself, as it has the
        # norm at hand anyway.
        "gradient_clipping": config.max_grad_norm if config.zero_stage else 0.0,
        "bf16": {"enabled": config.bf16, "check_grad_overflow": True},
        # Over many backward calls a bf16 sum loses what is small beside it.
        "data_types": {"grad_accum_dtype": "fp32"},
        "zero_optimization": {
            "stage": config.zero_stage,
            "overlap_comm": False,
            # A buffer of so many elements is held whole, however small the model.
            "reduce_bucket_size": min(MOST_REDUCED_AT_ONCE, parameters),
        },
        "steps_per_print": 2**31,
    }


def _parameter_groups(trainee: Trainee, config: Train) -> list[dict[str, Any]]:
    """Matrices, which decay; vectors, which do not; and each learned temperature, at its own rate."""
    encoder = [p for p in trainee.encoder.parameters() if p.requires_grad]
    learned = learned_temperatures(config.losses).values()
    return [
        {"params": [p for p in encoder if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in encoder if p.ndim <= 1], "weight_decay": 0.0},
        *(
            {"params": [parameter], "weight_decay": 0.0, "peak": temperature.learning_rate}
            for parameter, temperature in zip(trainee.temperatures.parameters(), learned, strict=True)
        ),
    ]


def _flat_parameters(engine: Any) -> list[torch.Tensor]:
    """The tensors that the inner AdamW updates: whole parameters, or this rank's flat shards of them."""
    optimizer = engine.optimizer
    for name in (
        "single_partition_of_fp32_groups",
        "fp32_partitioned_groups_flat",
        "fp32_groups_flat_partition",
    ):
        if hasattr(optimizer, name):
            return list(getattr(optimizer, name))
    return [p for group in optimizer.param_groups for p in group["params"]]


def _start_moments(engine: Any) -> None:
    """Gives AdamW its zero moments before the first step, so that every stage starts alike and can be set."""
    state = engine.basic_optimizer.state
    for flat in _flat_parameters(engine):
        state[flat] = {"step": torch.tensor(0.0), **{name: torch.zeros_like(flat.data) for name in MOMENTS}}
    if hasattr(engine.optimizer, "_lazy_init_hp_params_optimizer_state"):
        engine.optimizer._lazy_init_hp_params_optimizer_state()


def _is_zero(engine: Any) -> bool:
    return any(_is_sharded(parameter) for parameter in engine.module.parameters())


def _is_sharded(parameter: nn.Parameter) -> bool:
    return hasattr(parameter, "ds_id") or hasattr(parameter, "_hp_mapping")


def _set_weight(parameter: nn.Parameter, value: torch.Tensor) -> None:
    """Sets what AdamW updates of a parameter: fp32, and of a sharded one this rank's part."""
    from deepspeed.utils import safe_set_full_fp32_param, safe_set_local_fp32_param

    if hasattr(parameter, "ds_id"):
        safe_set_local_fp32_param(parameter, _own_part(parameter, value))
    elif _is_sharded(parameter):
        safe_set_full_fp32_param(parameter, value)
    else:
        parameter.data.copy_(value)


def _set_moment(engine: Any, parameter: nn.Parameter, moment: str, value: torch.Tensor) -> None:
    from deepspeed.utils import safe_set_full_optimizer_state, safe_set_local_optimizer_state

    if hasattr(parameter, "ds_id"):
        safe_set_local_optimizer_state(parameter, _own_part(parameter, value), moment)
    elif _is_sharded(parameter):
        safe_set_full_optimizer_state(parameter, value, moment)
    else:
        engine.basic_optimizer.state[parameter][moment].copy_(value)


def _own_part(parameter: Any, value: torch.Tensor) -> torch.Tensor:
    """This rank's part under ZeRO 3. DeepSpeed 0.19.8's own cut fails where the ranks do not divide the size."""
    size = parameter.ds_tensor.numel()
    filled = torch.nn.functional.pad(value.flatten(), (0, size * dist.get_world_size() - value.numel()))
    return filled[dist.get_rank() * size :][:size]
