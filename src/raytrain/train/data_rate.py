"""How many CPUs the data of a worker needs: pairs a second of its step, by operations, over those of the stream.

An estimate: how fast a device really is shows in the run, and so does whether it waits (``data_wait_seconds``).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it brings DeepSpeed
    from raytrain.train.memory import Device, Encoder

TRAINING = 3  # the backward pass costs two forward passes
REACHED = 0.4  # of a device's peak, in matrix products of this size
CPU_PEAK = 1e11  # operations a second of a CPU in fp32: what a core with AVX-512 has
# Of GPUs in bf16 and fp32, without sparsity (NVIDIA's data sheets); the first whose name is in the device's.
GPU_PEAKS = {
    "B200": (2250e12, 75e12),
    "H200": (989e12, 67e12),
    "H100": (989e12, 67e12),
    "A100": (312e12, 19.5e12),
    "L40S": (362e12, 92e12),
    "L4": (121e12, 30e12),
    "A10G": (70e12, 31e12),
}
OTHERWISE = "A100"
# Of text a second and CPU, measured (docs/benchmarks.md, the stream): rows of 450 bytes in two workers on two CPUs.
TEXT_A_CPU = {False: 450 * 11_602 / 2, True: 450 * 121_510 / 2}  # made into token ids on the way; made before


def peak_of(device: "Device", name: str, bf16: bool, cpus: float) -> float:
    """Operations a second that a worker's device could make: its GPU, called ``name``, or its ``cpus``."""
    if device == "cpu":
        return CPU_PEAK * cpus
    known = next((gpu for gpu in GPU_PEAKS if gpu in name), OTHERWISE)
    return GPU_PEAKS[known][0 if bf16 else 1]


def pairs_a_second(encoder: "Encoder", tokens: float, length: float, peak: float) -> float:
    """Pairs a worker trains on in a second, if its device reaches ``REACHED`` of its peak.

    ``tokens`` of a pair in all, in texts of ``length`` tokens.
    """
    forward = forward_flops(encoder.parameters - encoder.looked_up, encoder.layers, encoder.width, length)
    return REACHED * peak / (TRAINING * forward * tokens)


def forward_flops(weights: float, layers: int, width: int, length: float) -> float:
    """Operations of embedding a token of a text of ``length``; ``weights`` are those that tokens are multiplied with.

    A weight costs two, attention 4 · width for each layer and token of the text (PaLM, arXiv 2204.02311, appendix B).
    """
    return 2 * weights + 4 * layers * width * length


def data_cpus(pairs: float, row_bytes: float, tokenised: bool) -> float:
    """CPUs that read so many pairs a second; ``tokenised``: whether their token ids were made before."""
    return pairs * row_bytes / TEXT_A_CPU[tokenised]
