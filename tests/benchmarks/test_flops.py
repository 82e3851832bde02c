"""The arithmetic of the benchmarks of the step."""

import sys
from pathlib import Path

import numpy as np
import pytest
from transformers import XLMRobertaConfig

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from flops import by_kind, forward_flops, matmul_parameters, training_flops

XLM_R_BASE = XLMRobertaConfig(
    vocab_size=250_002, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3_072
)


def test_xlm_r_base_has_the_known_cost() -> None:
    assert matmul_parameters(XLM_R_BASE) == 84_934_656
    for length in (1, 128, 256):
        a_token = forward_flops(XLM_R_BASE, np.full(7, length)) / (7 * length)
        assert a_token == pytest.approx(2 * 84_934_656 + 36_864 * length)


def test_texts_of_unlike_length_cost_what_they_cost_apart() -> None:
    apart = sum(forward_flops(XLM_R_BASE, np.array([length])) for length in (3, 40, 256))
    assert forward_flops(XLM_R_BASE, np.array([3, 40, 256])) == pytest.approx(apart)
    assert training_flops(XLM_R_BASE, np.array([3, 40, 256])) == pytest.approx(3 * apart)


def test_kernels_are_added_up_by_what_they_do() -> None:
    kernels = {
        "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64": 50.0,
        "nvjet_tst_128x256_64x4_1x2_h_bz_coopA_TNT": 20.0,
        "void pytorch_flash::flash_fwd_kernel<...cutlass::bfloat16_t>": 40.0,
        "void at::native::vectorized_elementwise_kernel<4, ...>": 5.0,
        "Memcpy DtoD (Device -> Device)": 1.0,
        "void something_else()": 2.0,
    }
    assert by_kind(kernels) == {
        "matrix products": 70.0,
        "attention": 40.0,
        "elementwise and sums": 5.0,
        "other": 2.0,
        "copies": 1.0,
    }
