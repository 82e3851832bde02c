"""The chain from raw pairs to an exported model, with all its real parts."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from faultproxy import faulty
from jobs import small_job, write_corpus
from raytrain.artifact import Artifact
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.pipeline import run
from raytrain.stages.chain import chain
from raytrain.storage import Location, StorageOptions
from runs import ledger, logged, losses, model_hash, planned
from s3server import S3Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    return write_corpus(folder / "raw", rows=460)


def run_here(data: dict[str, Any]) -> dict[str, Artifact]:
    job = job_from(data, "test")
    return run(chain(job), print)


STEPS = 60
ALIKE = 20  # steps in which what is added in another order has not grown to a difference one sees


def long_job(source: Any, root: Any) -> dict[str, Any]:
    """Long enough to learn something, with checkpoints on the way; without dropout, which workers draw each alone."""
    data = small_job(
        source,
        root,
        max_steps=STEPS,
        checkpoint_every=STEPS // 4,
        learning_rate=3e-3,
        batching="mixed",
        zero_stage=2,
    )
    data["model"]["from_scratch"]["dropout"] = 0.0
    return data


@pytest.fixture(scope="module")
def undisturbed(local_ray: None, folder: Path, source: Path) -> dict[str, Artifact]:
    return run_here(long_job(source, folder / "undisturbed"))


def test_training_consumes_what_the_plan_says(undisturbed: dict[str, Artifact]) -> None:
    assert ledger(undisturbed) == planned(undisturbed, STEPS)


def test_training_learns(undisturbed: dict[str, Artifact]) -> None:
    curve = losses(undisturbed)
    assert len(curve) == STEPS
    assert sum(curve[-5:]) < 0.9 * sum(curve[:5])


def test_every_row_is_accounted_for(undisturbed: dict[str, Artifact]) -> None:
    rows = undisturbed["prepare"].manifest.rows
    assert rows is not None
    assert (rows.taken, rows.kept, rows.dropped) == (1380, 1380, {})


def test_manifests_name_inputs_files_and_versions(undisturbed: dict[str, Artifact]) -> None:
    for artifact in undisturbed.values():
        manifest = artifact.manifest
        for name, given in manifest.inputs.items():
            assert given == undisturbed[name].as_input
        for file in manifest.files:
            assert (artifact.location / file.path).size() == file.size
        assert manifest.config["train"]["max_steps"] == STEPS
        assert manifest.versions["ray"] == "2.60.0"


def test_a_finished_run_does_nothing_again(
    undisturbed: dict[str, Artifact], folder: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p: p.stat().st_mtime_ns for p in (folder / "undisturbed").rglob("*")}
    run_here(long_job(source, folder / "undisturbed"))
    assert capsys.readouterr().out == "done already: prepare, plan, model, train, export\n"
    assert {p: p.stat().st_mtime_ns for p in (folder / "undisturbed").rglob("*")} == before


def test_the_exported_folder_is_what_sentence_transformers_loads(undisturbed: dict[str, Artifact]) -> None:
    from sentence_transformers import SentenceTransformer

    path = undisturbed["export"].location.local_path / "model"
    vectors = SentenceTransformer(str(path), device="cpu").encode_query(["ban dol", "ran"])
    assert vectors.shape == (2, 32)
    assert not [p for p in path.rglob("*") if p.suffix in (".bin", ".pt", ".pkl", ".pickle")]


def test_only_what_the_manifest_names_is_left(undisturbed: dict[str, Artifact]) -> None:
    """Checkpoints, partial logs and Ray's notes go when the run is committed."""
    for artifact in undisturbed.values():
        there = {info.path for info in artifact.location.list()}
        assert there == {file.path for file in artifact.manifest.files} | {"manifest.json"}


def test_on_an_object_store_that_fails_now_and_then_the_model_is_the_same(
    undisturbed: dict[str, Artifact], local_ray: None, s3: S3Server, source: Path
) -> None:
    """And with token ids made before. Of a hundred requests some three are answered with an error, cut off or lost."""
    bucket = s3.bucket()
    for path in source.iterdir():
        s3.client().upload_file(str(path), bucket, f"raw/{path.name}")
    data = long_job(f"s3://{bucket}/raw", f"s3://{bucket}/root")
    data["corpus"]["tokenise"] = True
    with faulty(s3.endpoint) as proxy:
        data["storage"] = {"endpoint": proxy.endpoint}
        Location.of(data["root"], StorageOptions(endpoint=proxy.endpoint)).list()  # a first contact must not fail
        proxy.disturb(1, 0.03)
        artifacts = run_here(data)
        assert proxy.faults
        proxy.calm()
        assert "tokens" in artifacts["train"].manifest.inputs
        assert model_hash(artifacts) == model_hash(undisturbed)
        assert artifacts["prepare"].manifest.content == undisturbed["prepare"].manifest.content
        assert ledger(artifacts) == ledger(undisturbed)


@pytest.fixture(scope="module")
def on_three(undisturbed: dict[str, Artifact], folder: Path, source: Path) -> dict[str, Artifact]:
    """The same job on three workers instead of two: of four lanes they own one or two each."""
    data = long_job(source, folder / "three")
    data["cluster"]["workers"] = 3
    for stage in ("prepare", "plan", "model"):  # what does not depend on workers need not be built again
        shutil.copytree(folder / "undisturbed" / stage, folder / "three" / stage)
    return run_here(data)


def test_any_number_of_workers_trains_on_the_same_rows(
    on_three: dict[str, Artifact], undisturbed: dict[str, Artifact]
) -> None:
    assert ledger(on_three) == ledger(undisturbed)


def test_any_number_of_workers_has_the_same_gradient(
    on_three: dict[str, Artifact], undisturbed: dict[str, Artifact]
) -> None:
    """AdamW hides a gradient scaled by the number of workers from the losses; its norm does not."""
    norms = [logged(of, "gradient_norm")[:ALIKE] for of in (on_three, undisturbed)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-3)


def test_any_number_of_workers_has_the_same_losses(
    on_three: dict[str, Artifact], undisturbed: dict[str, Artifact]
) -> None:
    assert losses(on_three)[:ALIKE] == pytest.approx(losses(undisturbed)[:ALIKE], abs=1e-4)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(
    local_ray: None, folder: Path, source: Path
) -> None:
    data = small_job(source, folder / "nan", learning_rate=1e38, warmup_steps=39, checkpoint_every=1)
    data["cluster"]["workers"] = 1
    with pytest.raises(UserError, match=r"11 steps were skipped.*train\.max_skipped.*lower train\.learning_rate"):
        run_here(data)
    assert list((folder / "nan").glob("train/*/checkpoints/*/manifest.json"))


def test_init_from_goes_on_from_a_trained_model(
    undisturbed: dict[str, Artifact], local_ray: None, folder: Path, source: Path
) -> None:
    data = small_job(source, folder / "second", max_steps=12, init_from=undisturbed["train"].location.uri)
    data["model"].pop("from_scratch")
    data["cluster"]["workers"] = 1
    data["train"]["mix"] = {"weights": {"finnish": 1.0}}
    artifacts = run_here(data)
    started = next(f for f in artifacts["model"].manifest.files if f.path == "model/model.safetensors")
    assert started.sha256 == model_hash(undisturbed)
    assert {language for _, _, language, _ in ledger(artifacts)} == {"fin"}
