"""The quantizer of an index: trained once, on a sample, and shared by all shards, which so are one index in parts."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raytrain.artifact import File, Record, sha256_of
from raytrain.errors import DamagedError, UserError
from raytrain.index.backend import Ints, Vectors, faiss_module, gpus_of
from raytrain.index.embeddings import Embeddings
from raytrain.index.kinds import Kind
from raytrain.records import upload_by_content
from raytrain.storage import Location

PATTERN = "quantizer-{sha}.faiss"  # its path in the artifact
SEED = 20_260  # of the sample and of k-means
ITERATIONS = 10


class QuantizerRecord(Record):
    """What was trained, on how many vectors, and whether k-means ran on a GPU."""

    file: File
    sample: int
    on_gpu: bool

    @property
    def files(self) -> tuple[File, ...]:
        """The one file."""
        return (self.file,)


@dataclass(frozen=True)
class Quantizer:
    """A trained index without vectors, and the inverted file in it. ``transform`` turns what is searched, if it does.

    Shards are stored without the centroids, which would be most of a small one, and get these.
    """

    index: Any
    file: File

    @property
    def ivf(self) -> Any:
        """The inverted file, which knows the centroids."""
        return faiss_module().extract_index_ivf(self.index)

    def rotated(self, vectors: Vectors) -> Vectors:
        """Vectors as the inverted file takes them."""
        faiss = faiss_module()
        if not isinstance(self.index, faiss.IndexPreTransform):
            return np.ascontiguousarray(vectors)
        for step in range(self.index.chain.size()):
            vectors = faiss.downcast_VectorTransform(self.index.chain.at(step)).apply(vectors)
        return vectors

    def nearest(self, rotated: Vectors, lists: int) -> tuple[Vectors, Ints]:
        """The ``lists`` nearest lists of each vector: inner products with their centroids, and numbers (n, lists)."""
        scores, numbers = self.ivf.quantizer.search(rotated, lists)
        return scores, numbers


def sample_rows(embeddings: Embeddings, count: int) -> Ints:
    """Which rows are learned from: ``count`` of all, spread evenly over chance, in order; the same each time."""
    if count >= embeddings.rows:
        return np.arange(embeddings.rows)
    rng = np.random.default_rng(SEED)
    # One of each of ``count`` equal stretches: no list of all rows is needed.
    bounds = np.arange(count + 1) * embeddings.rows // count
    return bounds[:-1] + (rng.random(count) * np.diff(bounds)).astype(np.int64)


def sample(embeddings: Embeddings, count: int) -> Vectors:
    """The vectors of ``sample_rows``, fp32 (count, d). One piece is in memory at a time."""
    return embeddings.take(sample_rows(embeddings, count))


def train_quantizer(kind: Kind, vectors: Vectors, folder: Location, threads: int) -> QuantizerRecord:
    """Learns centroids and codes from a sample (n, d) and writes them. With the GPU wheel, k-means runs on a GPU.

    Raises UserError if faiss can't learn such an index from it.
    """
    faiss = faiss_module(threads)
    try:
        index = faiss.index_factory(vectors.shape[1], kind.factory, faiss.METRIC_INNER_PRODUCT)
        ivf = faiss.extract_index_ivf(index)
        ivf.cp.seed, ivf.cp.niter = SEED, ITERATIONS
        if kind.parts:
            faiss.downcast_index(
                ivf
            ).do_polysemous_training = False  # codes in an order that only a search by Hamming distance uses
        ivf.cp.min_points_per_centroid = 1  # that there are few is told in words
        ivf.cp.max_points_per_centroid = max(256, -(-len(vectors) // ivf.nlist))
        if gpus_of(faiss):
            ivf.clustering_index = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(ivf.d))
        index.train(vectors)
    except RuntimeError as error:
        reason = str(error).rsplit("Error: ", 1)[-1].split("\n")[0]
        raise UserError(
            f"index.kind: {kind.factory} can't be trained on {len(vectors):,} passages: {reason}"
        ) from error
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / "quantizer.faiss"
        faiss.write_index(index, str(local))
        file = upload_by_content(local, folder, PATTERN)
    return QuantizerRecord(file=file, sample=len(vectors), on_gpu=gpus_of(faiss) > 0)


def load_quantizer(folder: Location, file: File) -> Quantizer:
    """What ``train_quantizer`` wrote. Raises DamagedError if it is something else now."""
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / "quantizer.faiss"
        (folder / file.path).download(local)
        if sha256_of(local) != file.sha256:
            raise DamagedError(f"{(folder / file.path).uri}: damaged: its bytes are not those that were written")
        return read_quantizer(local, file)


def read_quantizer(local: Path, file: File) -> Quantizer:
    """The quantizer of a local file whose bytes were compared."""
    return Quantizer(faiss_module().read_index(str(local)), file)
