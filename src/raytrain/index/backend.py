"""The faiss library, CPU or GPU: imported when it is needed, with as many threads as a task was given."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raytrain.errors import UserError

Vectors = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def faiss_module(threads: int | None = None) -> Any:
    """The library; ``threads`` are set for this process. Raises UserError if there is none."""
    try:
        import faiss
    except ImportError as error:
        raise UserError(
            f"index: no faiss here ({error}): pip install 'raytrain[cpu]', or 'raytrain[gpu]' on GPU nodes"
        ) from error
    if threads is not None:
        faiss.omp_set_num_threads(threads)
    return faiss


def gpus_of(faiss: Any) -> int:
    """GPUs that this build of the library can use here; 0 with the CPU wheel."""
    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0
