"""Embedding and building on two nodes of a real Ray: both work, and losing one costs only what it had not finished."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from embedded import embedded, finished, unit_vectors
from jobs import WORDS, small_job
from raytrain.artifact import Artifact, upload_folder
from raytrain.cluster import running_ray, stop_ray
from raytrain.config import FromScratch, Job
from raytrain.evaluate.held_out import write_held_out
from raytrain.evaluate.retrieval import Retrieval
from raytrain.index.pieces import plan_pieces
from raytrain.jobfile import job_from
from raytrain.model.encoder import random_backbone
from raytrain.model.tokenizer import save_tokenizer, train_tokenizer
from raytrain.pipeline import Outcome
from raytrain.stages.embed import EMBED
from raytrain.stages.index import INDEX
from raytrain.storage import Location
from torture import Nodes, _tree, several_nodes

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PASSAGES, ROWS = 6_000, 120_000


def job(address: str, **index: object) -> Job:
    data = small_job("/raw", "/root") | {"index": {"piece_rows": 50, "shard_rows": 5_000, **index}}
    data["cluster"] = {"address": address, "workers": 2, "cpus_per_worker": 1}
    return job_from(data, "test")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer(WORDS, 600)
    save_tokenizer(tokenizer, folder, 32)
    config = FromScratch(layers=2, hidden=64, heads=2)
    random_backbone(config, tokenizer.get_vocab_size(), 0, 32, seed=1).save_pretrained(folder)
    stored = Location.of(str(tmp_path_factory.mktemp("stored")))
    return finished(stored, "export", upload_folder(folder, stored, "model"), {})


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    place, rng = Location.of(str(tmp_path_factory.mktemp("benchmark"))), np.random.default_rng(1)
    texts = {f"p{i}": " ".join(rng.choice(WORDS, 25)) for i in range(PASSAGES)}
    files, counts = write_held_out("bench", Retrieval("fin", {}, texts, {}), place)
    return finished(place, "benchmark", files, {"benchmarks": {"bench": {"fin": counts}}})


class Watch:
    """Which nodes have done some work, while it is done; once both have, one of them may be killed."""

    def __init__(self, nodes: Nodes, word: str, begun: Callable[[], bool], *, kill: bool) -> None:
        self.worked: set[str] = set()
        self.killed = False
        self._over = threading.Event()
        self._args = nodes, word, begun, kill
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        nodes, word, begun, kill = self._args
        while not self._over.wait(0.01):
            at_work = [
                node for node in nodes.cluster.list_all_nodes() if any(word in line for line in _lines(_tree(node)))
            ]
            self.worked |= {node.node_id for node in at_work}
            doomed = [node for node in at_work if node in nodes.cluster.worker_nodes]
            if kill and not self.killed and len(self.worked) > 1 and doomed and begun():
                for process in _tree(doomed[0]):
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                self.killed = True

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _lines(processes: list[psutil.Process]) -> list[str]:
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found.append(" ".join(process.cmdline()))
    return found


def built_at(place: Location, pattern: str) -> dict[str, int]:
    """When each file was written whose record is there."""
    root = place.local_path
    records = {path.stem for path in root.glob("records/**/*.json")}
    return {p.name: p.stat().st_mtime_ns for p in root.glob(pattern) if p.name.split("-")[0] in records}


@pytest.mark.parametrize("kill", [False, True])
def test_both_nodes_embed(tmp_path: Path, model: Artifact, benchmark: Artifact, kill: bool) -> None:
    place = Location.of(str(tmp_path))
    pieces = len(plan_pieces_of(benchmark))
    with several_nodes(2) as nodes:
        made = job(nodes.address)
        running_ray(made.cluster)
        try:
            some = lambda: len(list(place.local_path.glob("records/**/*.json"))) > pieces // 8  # noqa: E731
            with Watch(nodes, "_Embedding", some, kill=kill) as watch:
                outcome = EMBED.run(made, {"benchmark": benchmark, "export": model}, place, lambda line: None)
        finally:
            stop_ray()
    assert len(watch.worked) > 1
    assert watch.killed == kill
    assert outcome.rows is not None
    assert outcome.rows.kept == PASSAGES
    assert len(outcome.files) == 2 * pieces


def plan_pieces_of(benchmark: Artifact) -> list[object]:
    from raytrain.evaluate.held_out import held_out_of

    return list(plan_pieces(held_out_of(benchmark), 50))


@pytest.mark.parametrize("kill", [False, True])
def test_both_nodes_build(tmp_path: Path, kill: bool) -> None:
    vectors = unit_vectors(1, ROWS, 32)
    embeddings = embedded(tmp_path / "e", {"fin": ([f"{i}" for i in range(ROWS)], vectors)}, piece_rows=5_000)
    nothing = {"benchmarks": {}}
    others = {name: finished(Location.of(str(tmp_path / name)), name, [], nothing) for name in ("export", "passages")}
    place = Location.of(str(tmp_path / "i"))
    before: dict[str, int] = {}

    def some() -> bool:
        before.update(built_at(place, "shards/*.faiss"))
        return len(before) > 3

    with several_nodes(2) as nodes:
        made = job(nodes.address, kind="IVF256,Flat")
        running_ray(made.cluster)
        try:
            with Watch(nodes, "ray::_build", some, kill=kill) as watch:
                outcome: Outcome = INDEX.run(made, {"embed": embeddings.artifact, **others}, place, lambda line: None)
        finally:
            stop_ray()
    after = built_at(place, "shards/*.faiss")
    assert len(watch.worked) > 1
    assert watch.killed == kill
    assert len(outcome.summary["index"]["shards"]) == len(after) >= 24
    assert {name: after[name] for name in before} == before  # no finished shard was built again
