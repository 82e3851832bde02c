"""The DeepSpeed engine: a model, AdamW and ZeRO; and its state as plain tensors, whatever the stage."""

import logging
import os
from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from raytrain.config import Train

MOMENTS = ("exp_avg", "exp_avg_sq")


def prepare_deepspeed(device: str) -> None:
    """Makes DeepSpeed import quietly, for a type of device (``cpu``, ``cuda``), and start without a compiler.

    On a CPU it would build its shared-memory operator with g++ at the first start, and abort where there is none.
    gloo does the same work, so the operator is switched off.
    """
    os.environ["DS_ACCELERATOR"] = device  # else it would take a GPU that this worker was not given
    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def make_engine(model: nn.Module, config: Train, device: str) -> Any:
    """A DeepSpeed engine over the current process group; its gradients are the mean over ranks.

    The model must hold the weights to start from, in fp32, on the device.
    """
    prepare_deepspeed(device)
    import deepspeed

    # With bf16 the engine casts the model first and would take its fp32 masters from the rounded weights.
    exact = {name: p.detach().clone() for name, p in model.named_parameters()} if config.bf16 else {}

    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    # The rate is set before each step (learning_rate.py); 0 so that ZeRO's trial step at the start changes nothing.
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=0.0,
        betas=(0.9, 0.999),
    )
    engine, *_ = deepspeed.initialize(
        model=model,
        optimizer=optimizer,
        dist_init_required=False,
        config={
            "train_micro_batch_size_per_gpu": 1,  # of no meaning here: batches are made by the plan
            "gradient_accumulation_steps": 1,
            # DeepSpeed 0.19.8 clips at 1.0 when this is not written.
            "gradient_clipping": config.max_grad_norm,
            "bf16": {"enabled": config.bf16},
            "zero_optimization": {"stage": config.zero_stage, "overlap_comm": False},
            "steps_per_print": 2**31,
        },
    )
    _start_moments(engine)
    for name, parameter in engine.module.named_parameters():
        if name in exact:
            deepspeed.utils.safe_set_full_fp32_param(parameter, exact[name])
    return engine


def set_learning_rate(engine: Any, rate: float) -> None:
    """The rate of the next step, for all parameter groups."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate


def step_engine(engine: Any) -> float:
    """Clips, updates the weights, and gives the norm of the gradient of the whole batch before clipping."""
    if any(_is_sharded(parameter) for parameter in engine.module.parameters()):
        engine.step()
        return float(engine.get_global_grad_norm())
    # Stage 0 in fp32 keeps no norm; here every rank still has all gradients, reduced.
    gradients = [p.grad for p in engine.module.parameters() if p.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients))
    engine.step()
    return norm


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


def _is_sharded(parameter: nn.Parameter) -> bool:
    return hasattr(parameter, "ds_id") or hasattr(parameter, "_hp_mapping")


def engine_state(engine: Any) -> dict[str, torch.Tensor]:
    """Weights (fp32) and moments of all parameters on the CPU, by name; whole on rank 0, empty on others.

    Every rank must call it: shards are put together one parameter at a time.
    """
    from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

    keep = dist.get_rank() == 0
    state: dict[str, torch.Tensor] = {}
    for name, parameter in engine.module.named_parameters():
        if _is_sharded(parameter):
            values = {"weight": safe_get_full_fp32_param(parameter)}
            values |= {moment: safe_get_full_optimizer_state(parameter, moment) for moment in MOMENTS}
        else:
            moments = engine.basic_optimizer.state[parameter]
            values = {"weight": parameter.data} | {moment: moments[moment] for moment in MOMENTS}
        if keep:
            # A copy of its own: in fp32 on a CPU the tensor would otherwise go on changing with the next step.
            state |= {f"{kind}/{name}": value.detach().float().cpu().clone() for kind, value in values.items()}
    return state


def load_engine_state(engine: Any, state: Mapping[str, torch.Tensor], step: int) -> None:
    """Puts weights and moments of ``engine_state`` back, at any world size; ``step`` counts AdamW's steps done.

    The engine must have been made from a model with these weights.
    """
    from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

    for name, parameter in engine.module.named_parameters():
        if _is_sharded(parameter):
            device = engine.device
            safe_set_full_fp32_param(parameter, state[f"weight/{name}"].to(device))
            for moment in MOMENTS:
                safe_set_full_optimizer_state(parameter, state[f"{moment}/{name}"].to(device), moment)
        else:
            parameter.data.copy_(state[f"weight/{name}"])
            for moment in MOMENTS:
                engine.basic_optimizer.state[parameter][moment].copy_(state[f"{moment}/{name}"])
    for flat in _flat_parameters(engine):
        engine.basic_optimizer.state[flat]["step"].fill_(step)
