"""The stage index on a real Ray: every kind, its quality told, a build that misses its recall, and one that dies."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from embedded import embedded, finished, the_file, unit_vectors
from jobs import small_job
from raytrain.artifact import RowAccount
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.index.description import Description
from raytrain.index.kinds import parse_kind
from raytrain.index.quantizer import train_quantizer
from raytrain.jobfile import job_from
from raytrain.pipeline import Inputs, Outcome
from raytrain.records import write_record
from raytrain.stages.index import INDEX
from raytrain.storage import Location

pytestmark = pytest.mark.usefixtures("local_ray")

ROWS, DIMENSION = 2_400, 16


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    temp = tmp_path_factory.mktemp("inputs")
    vectors = unit_vectors(1, ROWS, DIMENSION)
    ids = [f"p{i}" for i in range(ROWS)]
    parts = {"fin": (ids[:1_000], vectors[:1_000]), "tel": (ids[1_000:], vectors[1_000:])}
    embeddings = embedded(temp / "embed", parts, piece_rows=300)
    nothing = {"benchmarks": {}}
    others = {name: finished(Location.of(str(temp / name)), name, [], nothing) for name in ("export", "passages")}
    return {"embed": embeddings.artifact, **others}


def job(**index: object) -> Job:
    return job_from(small_job("/raw", "/root") | {"index": {"shard_rows": 300, **index}}, "test")


def run(made: Job, inputs: Inputs, place: Location) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    return INDEX.run(made, inputs, place, said.append), said


def built_at(place: Location) -> dict[str, int]:
    root = place.local_path
    return {path.name: path.stat().st_mtime_ns for path in root.glob("shards/*.faiss")}


@pytest.mark.parametrize("kind", ["Flat", "IVF8,Flat", "IVF8,SQ8", "OPQ4,IVF8,PQ4"])
def test_every_kind_is_built_and_its_quality_is_told(tmp_path: Path, inputs: Inputs, kind: str) -> None:
    outcome, said = run(job(kind=kind), inputs, Location.of(str(tmp_path)))
    described = Description.model_validate(outcome.summary["index"])
    described.check("here")
    assert (described.kind, described.rows, len(described.shards)) == (kind, ROWS, 8)
    assert outcome.rows == RowAccount(taken=ROWS, kept=ROWS)
    assert {file.path for file in outcome.files} == {
        *(file.path for record in described.shards for file in record.files),
        *([described.quantizer.path] if described.quantizer else []),
    }
    quality = outcome.summary["quality"]
    assert (quality["asked"], quality["k"], quality["nprobe"]) == ("passages", 10, described.nprobe)
    assert quality["recall"] >= {"Flat": 1, "IVF8,Flat": 0.95, "IVF8,SQ8": 0.9}.get(kind, 0.2)
    assert any(f"recall@10 against exact search {quality['recall']:.4f}" in line for line in said)
    assert said[0].startswith(f"index: {kind}, as asked for")


def test_auto_says_why(tmp_path: Path, inputs: Inputs) -> None:
    outcome, said = run(job(), inputs, Location.of(str(tmp_path)))
    assert outcome.summary["kind"] == "Flat"
    assert "index: takes Flat: the most accurate that fits" in said


def test_a_build_that_misses_its_recall_fails_and_one_that_can_looks_into_more_lists(
    tmp_path: Path, inputs: Inputs
) -> None:
    with pytest.raises(UserError) as caught:
        run(job(kind="IVF8,PQ2", min_recall=0.99), inputs, Location.of(str(tmp_path / "a")))
    line = str(caught.value)
    assert line.startswith("index.min_recall: IVF8,PQ2 finds 0.")
    assert "and 0.99 is wanted: nothing was committed" in line
    assert "\n" not in line
    low, high = (
        run(job(kind="IVF8,Flat", min_recall=wanted), inputs, Location.of(str(tmp_path / f"{wanted}")))[0].summary
        for wanted in (0.5, 0.999)
    )
    assert low["quality"]["nprobe"] < high["quality"]["nprobe"]
    assert high["quality"]["recall"] >= 0.999


def test_what_does_not_fit_is_refused_before_any_work(tmp_path: Path, inputs: Inputs) -> None:
    with pytest.raises(UserError, match=r"index\.memory_gib"):
        run(job(kind="Flat", memory_gib=1e-4), inputs, Location.of(str(tmp_path)))
    assert Location.of(str(tmp_path)).list() == []


def test_memory_bounds_the_shards(tmp_path: Path, inputs: Inputs) -> None:
    """Two shards are built at once, in half of the memory each, with what lists take while they grow."""
    memory = 4 * ROWS * DIMENSION * 1.3
    outcome, _ = run(job(kind="Flat", memory_gib=memory / 2**30, shard_rows=10**6), inputs, Location.of(str(tmp_path)))
    rows = [record.rows for record in Description.model_validate(outcome.summary["index"]).shards]
    assert len(rows) > 1
    assert max(rows) * 2 * 4 * DIMENSION <= memory / 2


def test_only_what_is_missing_is_built(tmp_path: Path, inputs: Inputs) -> None:
    place = Location.of(str(tmp_path))
    first, _ = run(job(kind="IVF8,Flat"), inputs, place)
    before = built_at(place)
    (place / "records/shards/00003.json").delete()
    damaged = the_file(place, "shards/00005-*.faiss")
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(bytes(data))
    again, _ = run(job(kind="IVF8,Flat"), inputs, place)
    after = built_at(place)
    assert again.files == first.files
    assert {name.split("-")[0] for name in after if after[name] != before.get(name)} == {"00003", "00005"}


def test_with_another_quantizer_all_shards_are_built_again(tmp_path: Path, inputs: Inputs) -> None:
    place = Location.of(str(tmp_path))
    first, _ = run(job(kind="IVF8,Flat"), inputs, place)
    kind = parse_kind("IVF8,Flat")
    assert kind is not None
    other = train_quantizer(kind, unit_vectors(7, 600, DIMENSION), place, 1)  # as another machine may
    write_record(place, "records/quantizer.json", other)
    again = Description.model_validate(run(job(kind="IVF8,Flat"), inputs, place)[0].summary["index"])
    assert again.quantizer == other.file
    assert {record.quantizer for record in again.shards} == {other.file.sha256}
    assert not {record.shard.path for record in again.shards} & {file.path for file in first.files}


def test_a_damaged_quantizer_is_trained_again(tmp_path: Path, inputs: Inputs) -> None:
    place = Location.of(str(tmp_path))
    first, _ = run(job(kind="IVF8,Flat"), inputs, place)
    the_file(place, "quantizer-*.faiss").write_bytes(b"something else")
    again, _ = run(job(kind="IVF8,Flat"), inputs, place)
    assert again.files == first.files  # on the same sample


def test_a_task_that_is_killed_is_done_again_and_no_other(tmp_path: Path, inputs: Inputs) -> None:
    place = Location.of(str(tmp_path / "killed"))
    expected, _ = run(job(kind="IVF8,Flat"), inputs, Location.of(str(tmp_path / "whole")))
    killed: list[int] = []
    finished: dict[str, int] = {}

    def kill_one() -> None:
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            time.sleep(0.001)
            recorded = {path.stem for path in (tmp_path / "killed/records/shards").glob("*.json")}
            if recorded:
                finished.update({k: v for k, v in built_at(place).items() if k.split("-")[0] in recorded})
                for process in psutil.Process().children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        if "ray::_build" in " ".join(process.cmdline()):
                            process.kill()
                            killed.append(process.pid)
                            return

    thread = threading.Thread(target=kill_one)
    thread.start()
    outcome, _ = run(job(kind="IVF8,Flat"), inputs, place)
    thread.join()
    assert killed
    assert outcome.files == expected.files
    assert finished
    after = built_at(place)
    assert {name: after[name] for name in finished} == finished


def test_damaged_embeddings_are_named(tmp_path: Path, inputs: Inputs) -> None:
    vectors = unit_vectors(3, 90)
    broken = embedded(tmp_path / "e", {"fin": ([f"{i}" for i in range(90)], vectors)}, piece_rows=40)
    file = broken.artifact.location / broken.pieces[1].vectors
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError) as caught:
        run(job(), {**inputs, "embed": broken.artifact}, Location.of(str(tmp_path / "i")))
    assert f"{file.uri}: damaged" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_embeddings_of_half_precision_give_an_index_of_them(tmp_path: Path, inputs: Inputs) -> None:
    vectors = unit_vectors(4, 300)
    half = embedded(tmp_path / "e", {"fin": ([f"{i}" for i in range(300)], vectors)}, dtype="fp16")
    outcome, _ = run(job(), {**inputs, "embed": half.artifact}, Location.of(str(tmp_path / "i")))
    assert outcome.summary["quality"]["recall"] == 1
