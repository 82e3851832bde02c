"""Shards on GPUs, with the GPU wheel of FAISS: spread over them, or a copy of each on every one."""

from typing import Any, Literal

from raytrain.errors import UserError, one_line
from raytrain.index.backend import faiss_module, gpus_of

Placement = Literal["sharded", "replicated"]

MOST = 2_048  # hits, and lists looked into, that the kernels can give
WIDE_CODES = 56  # from here on the tables of product codes fit the GPU's shared memory in half precision only


class OnGpus:
    """Copies of shards on the GPUs of this machine, made when they are first searched, and kept."""

    def __init__(self, placement: Placement) -> None:
        """Raises UserError where this build of FAISS sees no GPU."""
        faiss = faiss_module()
        self._count = gpus_of(faiss)
        if not self._count:
            raise UserError(
                "index: FAISS sees no GPU here: install raytrain[gpu] in place of raytrain[cpu] on a machine with one, "
                "or search on CPUs (raytrain doctor tells which build there is)"
            )
        self._placement = placement
        self._resources = [faiss.StandardGpuResources() for _ in range(self._count)]
        self._copies: dict[int, Any] = {}

    def copy_of(self, number: int, shard: Any, nprobe: int | None) -> Any:
        """Shard ``number`` on its GPU or on all; ``nprobe`` of its lists are looked into, if it has some."""
        faiss = faiss_module()
        if number not in self._copies:
            self._copies[number] = self._copied(faiss, number, shard)
        copy = self._copies[number]
        if nprobe is not None:
            faiss.GpuParameterSpace().set_index_parameter(copy, "nprobe", nprobe)
        return copy

    def _copied(self, faiss: Any, number: int, shard: Any) -> Any:
        try:
            if self._placement == "replicated":
                options = self._options(faiss.GpuMultipleClonerOptions(), shard)
                return faiss.index_cpu_to_gpu_multiple_py(self._resources, shard, options)
            device = number % self._count
            options = self._options(faiss.GpuClonerOptions(), shard)
            return faiss.index_cpu_to_gpu(self._resources[device], device, shard, options)
        except RuntimeError as error:  # memory, and product codes that the kernels do not know
            raise UserError(
                f"index: shard {number} can't be copied to a GPU: {one_line(error, 10**6)[-300:]}; search on CPUs, or "
                'with gpus="sharded" over more of them'
            ) from error

    @staticmethod
    def _options(options: Any, shard: Any) -> Any:
        codes = getattr(shard, "pq", None)
        options.useFloat16LookupTables = codes is not None and codes.M >= WIDE_CODES
        return options
