"""The model stage on existing models: folders and buckets of the shape that the hub has."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from jobs import small_job, write_corpus
from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.model.encoder import load_backbone
from raytrain.model.tokenizer import save_tokenizer, train_tokenizer
from raytrain.pipeline import Outcome, root_of
from raytrain.stages.model import MODEL
from s3server import S3Server


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An XLM-R with random weights, pooler included, as from_pretrained finds them."""
    folder = tmp_path_factory.mktemp("model") / "xlmr"
    tokenizer = train_tokenizer(["one two three", "neljä viisi"] * 20, 400)
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
    )
    XLMRobertaModel(config).save_pretrained(folder)
    save_tokenizer(tokenizer, folder, 64)
    return folder


def job(tmp_path: Path, name: str, **model: Any) -> Job:
    data = small_job(write_corpus(tmp_path / "raw", rows=5), tmp_path / "root")
    data["model"] = {"name_or_path": name, "passage_max_len": 64, **model}
    return job_from(data, "test")


def build(job: Job, inputs: dict[str, Artifact] | None = None) -> tuple[Outcome, Path]:
    place = root_of(job) / "model/x"
    return MODEL.run(job, inputs or {}, place, print), place.local_path / "model"


def test_a_folder_is_taken_as_it_is_without_its_pooler(backbone: Path, tmp_path: Path) -> None:
    outcome, built = build(job(tmp_path, str(backbone)))
    original, taken = XLMRobertaModel.from_pretrained(backbone), load_backbone(built)
    for name, weight in taken.state_dict().items():
        assert torch.equal(weight, original.state_dict()[name])
    assert not any("pooler" in name for name in taken.state_dict())
    assert {file.path for file in outcome.files} >= {"model/model.safetensors", "model/tokenizer.json"}


def test_a_bucket_is_taken_like_a_folder(backbone: Path, tmp_path: Path, s3: S3Server) -> None:
    bucket = s3.bucket()
    for path in backbone.iterdir():
        s3.client().upload_file(str(path), bucket, f"xlmr/{path.name}")
    here, there = (
        next(f.sha256 for f in build(job(tmp_path / str(i), uri))[0].files if f.path.endswith(".safetensors"))
        for i, uri in enumerate([str(backbone), f"s3://{bucket}/xlmr"])
    )
    assert here == there


def test_texts_longer_than_the_model_has_positions_are_refused(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="65 is more than the 64 positions"):
        build(job(tmp_path, str(backbone), passage_max_len=65))


def test_a_replaced_model_is_another_artifact(backbone: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(backbone, copy)
    described = job(tmp_path, str(copy))
    before = MODEL.identity(described)
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes())
    assert MODEL.identity(described) != before


@pytest.mark.parametrize("name", ["./no/such/folder", "/no/such/folder"])
def test_a_missing_folder_is_not_asked_of_the_hub(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder"):
        MODEL.identity(job(tmp_path, name))


def test_an_artifact_without_a_model_is_refused(tmp_path: Path) -> None:
    from raytrain.artifact import commit, make_manifest

    described = job(tmp_path, str(tmp_path))
    place = root_of(described) / "plan"
    manifest = make_manifest(
        stage="plan", writer="me", identity={}, config={}, inputs={}, files=[], content=[], rows=None, summary={}
    )
    commit(place, manifest)
    data = described.model_dump(mode="json")
    data["model"]["name_or_path"] = place.uri
    with pytest.raises(UserError, match="is a plan artifact and holds no model"):
        build(job_from(data, "test"))
