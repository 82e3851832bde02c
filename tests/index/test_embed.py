"""The batch job on a real Ray: every passage once, as the embedder gives it, whoever dies meanwhile."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from ray.exceptions import RayError

from jobs import WORDS, small_job
from raytrain.artifact import Artifact, File, RowAccount, commit, make_manifest, upload_folder
from raytrain.config import FromScratch, Job
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut, held_out_of, write_held_out
from raytrain.evaluate.retrieval import Retrieval
from raytrain.index.backend import Vectors
from raytrain.index.embed import embed_pieces
from raytrain.index.pieces import Piece, PieceRecord, plan_pieces, records_of
from raytrain.jobfile import job_from
from raytrain.model.embedder import Embedder
from raytrain.model.encoder import random_backbone
from raytrain.model.opening import AsTrained
from raytrain.model.tokenizer import save_tokenizer, train_tokenizer
from raytrain.pipeline import Outcome
from raytrain.records import read_records
from raytrain.stages.embed import EMBED
from raytrain.storage import Location

pytestmark = pytest.mark.usefixtures("local_ray")

PIECE_ROWS = 20
PASSAGES = {"fin": 1_010, "tel": 90}


@dataclass(frozen=True)
class Case:
    """A benchmark, a model and a job over them."""

    job: Job
    benchmark: Artifact
    model: Artifact
    folder: Path  # of the model

    @property
    def parts(self) -> list[HeldOut]:
        return held_out_of(self.benchmark)

    @property
    def pieces(self) -> list[Piece]:
        return plan_pieces(self.parts, PIECE_ROWS)


def finished(folder: Location, files: list[File], summary: dict[str, object]) -> Artifact:
    manifest = make_manifest(
        stage="made",
        writer="me",
        identity={},
        config={},
        inputs={},
        files=files,
        content=[""],
        rows=None,
        summary=summary,
    )
    return commit(folder, manifest)


def model_folder(folder: Path) -> Path:
    folder.mkdir()
    tokenizer = train_tokenizer(WORDS, 600)
    save_tokenizer(tokenizer, folder, 32)
    config = FromScratch(layers=1, hidden=32, heads=2)
    random_backbone(config, tokenizer.get_vocab_size(), 0, 32, seed=1).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    temp = tmp_path_factory.mktemp("embed")
    rng = np.random.default_rng(3)
    place, files, counts = Location.of(str(temp / "benchmark")), [], {}
    for language, n in PASSAGES.items():
        texts = [" ".join(rng.choice(WORDS, rng.integers(1, 20))) for _ in range(n)]
        passages = {f"{language}{i}": text for i, text in enumerate(texts)}
        made, counts[language] = write_held_out("bench", Retrieval(language, {}, passages, {}), place)
        files += made
    benchmark = finished(place, files, {"benchmarks": {"bench": counts}})
    folder = model_folder(temp / "model")
    model = Location.of(str(temp / "stored"))
    data = small_job(temp / "raw", temp / "root") | {"index": {"piece_rows": PIECE_ROWS}}
    return Case(job_from(data, "test"), benchmark, finished(model, upload_folder(folder, model, "model"), {}), folder)


@pytest.fixture
def place(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "index"))


def build(case: Case, pieces: list[Piece], to: Location, workers: int = 2) -> list[tuple[int, str]]:
    """Embeds pieces; gives what the progress heard."""
    heard: list[tuple[int, str]] = []
    embed_pieces(
        pieces,
        to,
        model=case.model,
        opener=AsTrained(case.job.model, case.job.train.tokens_per_chunk),
        dtype="fp32",
        cluster=case.job.cluster.model_copy(update={"workers": workers}),
        progress=lambda rows, language: heard.append((rows, language)),
    )
    return heard


def vectors_of(piece: Piece, place: Location) -> Vectors:
    vectors: Vectors = np.load((place / files_of(piece, place)[0]).local_path)
    return vectors


def records(pieces: list[Piece], place: Location) -> dict[str, PieceRecord]:
    return read_records(place, records_of(pieces), PieceRecord)


def files_of(piece: Piece, place: Location) -> tuple[str, str]:
    """The paths of vectors and ids."""
    record = records([piece], place)[piece.name]
    return record.vectors.path, record.ids.path


def expect_all(case: Case, place: Location) -> None:
    """The pieces of each language, one after another, are its passages as the embedder gives them."""
    embedder = Embedder(case.folder, case.job.model, tokens_per_chunk=4_096)
    for part in case.parts:
        stored = [vectors_of(piece, place) for piece in case.pieces if piece.part == part]
        expected = embedder.passages(list(part.read_passages().values()))
        np.testing.assert_allclose(np.concatenate(stored), expected, atol=1e-6)


def times(place: Location) -> dict[str, int]:
    """When each file was last written, in ns."""
    root = place.local_path
    return {p.relative_to(root).as_posix(): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def built(case: Case, tmp_path_factory: pytest.TempPathFactory) -> tuple[Location, list[tuple[int, str]]]:
    """All pieces, built by two actors, and what the progress heard."""
    place = Location.of(str(tmp_path_factory.mktemp("built") / "index"))
    return place, build(case, case.pieces, place)


def test_every_passage_is_embedded_once_as_the_embedder_does(
    case: Case, built: tuple[Location, list[tuple[int, str]]]
) -> None:
    place, heard = built
    assert sorted(heard) == sorted((piece.rows, piece.part.language) for piece in case.pieces)
    assert list(records(case.pieces, place)) == [piece.name for piece in case.pieces]
    assert set(times(place)) == {path for piece in case.pieces for path in (*files_of(piece, place), piece.record_path)}
    expect_all(case, place)


def stage(case: Case, place: Location, max_failures: int = 3) -> tuple[Outcome, list[str]]:
    """Runs the embed stage; gives what it built and said."""
    said: list[str] = []
    cluster = case.job.cluster.model_copy(update={"workers": 1, "max_failures": max_failures})
    job = case.job.model_copy(update={"cluster": cluster})
    return EMBED.run(job, {"benchmark": case.benchmark, "export": case.model}, place, said.append), said


def resumed(said: list[str]) -> list[int]:
    """How many pieces were there already, each time that the stage began with some."""
    return [int(line.split()[1]) for line in said if line.endswith("pieces are there already")]


def test_only_what_is_missing_is_built_and_then_nothing(
    case: Case, place: Location, built: tuple[Location, list[tuple[int, str]]]
) -> None:
    shutil.copytree(built[0].local_path, place.local_path)
    there = records(case.pieces, place)
    before = times(place)
    unrecorded, lost = case.pieces[4], case.pieces[-1]
    anew = {path for piece in (unrecorded, lost) for path in (*files_of(piece, place), piece.record_path)}
    (place / unrecorded.record_path).delete()
    (place / files_of(lost, place)[0]).delete()
    outcome, said = stage(case, place)
    assert resumed(said) == [len(case.pieces) - 2]
    after = times(place)
    assert after.keys() == before.keys()
    changed = {path for path in after if after[path] != before[path]}
    assert changed == anew
    assert outcome.files == [file for record in there.values() for file in record.files]  # to the last byte
    assert outcome.rows == RowAccount(taken=sum(PASSAGES.values()), kept=sum(PASSAGES.values()))
    assert (stage(case, place)[0], times(place)) == (outcome, after)


def builders() -> list[psutil.Process]:
    """Actors of our own Ray that embed."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "_Embedding" in " ".join(process.cmdline()):
                found.append(process)
    return found


@contextmanager
def one_killed(place: Location) -> Iterator[list[int]]:
    """Kills the only actor as soon as the first piece is finished; yields what was killed."""
    records = place.local_path / "records"
    killed: list[int] = []
    over = threading.Event()
    of_others = builders()  # of a job just ended, on their way out

    def kill() -> None:
        ours: list[psutil.Process] = []
        while not killed and not over.wait(0.002):
            ours = ours or [process for process in builders() if process not in of_others]
            if ours and any(records.rglob("*.json")):
                ours[0].kill()
                killed.append(ours[0].pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_the_stage_goes_on_by_itself_after_a_kill(case: Case, place: Location) -> None:
    with one_killed(place) as killed:
        outcome, said = stage(case, place)
    assert killed
    (there,) = resumed(said)
    assert 0 < there < len(case.pieces)
    assert [file.path for file in outcome.files] == [path for piece in case.pieces for path in files_of(piece, place)]
    expect_all(case, place)


def test_too_many_failures_are_told_in_one_line_and_finished_pieces_are_kept(case: Case, place: Location) -> None:
    with one_killed(place) as killed, pytest.raises(UserError) as caught:
        stage(case, place, max_failures=0)
    assert killed
    assert isinstance(caught.value.__cause__, RayError)  # as it came out of the batch job
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("embed: workers failed 1 times in a row; finished pieces are kept, run again to go on")
    kept = [piece for piece in case.pieces if piece.name in records(case.pieces, place)]
    assert 0 < len(kept) < len(case.pieces)
    whole = Embedder(case.folder, case.job.model, tokens_per_chunk=4_096)
    for piece in kept:
        texts = list(piece.part.read_passages(piece.first, piece.rows).values())
        np.testing.assert_allclose(vectors_of(piece, place), whole.passages(texts), atol=1e-6)


def test_what_the_user_can_mend_is_told_as_such(case: Case, place: Location) -> None:
    """From inside an actor: weights that were damaged, and a benchmark file that is broken."""
    weights = case.model.location / "model/model.safetensors"
    passages = case.benchmark.location / "bench/tel/passages.parquet"
    for file in (weights, passages):
        whole = file.read_bytes()
        file.write_bytes(whole[:-9])
        try:
            with pytest.raises(UserError) as caught:
                build(case, case.pieces[-1:], place, workers=1)
        finally:
            file.write_bytes(whole)
        assert file.uri in str(caught.value)
        assert "\n" not in str(caught.value)
    assert place.list() == []
