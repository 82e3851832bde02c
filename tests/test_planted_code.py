"""Nothing that lies in storage is run: pickles, and Python code of models and datasets, are refused or left alone."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel

from jobs import small_job, write_corpus
from raytrain.artifact import sha256_of
from raytrain.config import Job
from raytrain.corpus.raw.hub import hub_files
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.model.encoder import load_backbone
from raytrain.model.tokenizer import save_tokenizer, tokenizer_json, train_tokenizer
from raytrain.pipeline import root_of
from raytrain.stages.model import MODEL
from raytrain.storage import Location
from raytrain.train.checkpoint import checkpoint_folder, latest_checkpoint, load_state
from train.saved import save_checkpoint


class Bomb:
    """A pickle of it makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.folder,)


@pytest.fixture
def run_proof(tmp_path: Path) -> Path:
    """There once planted code has run."""
    return tmp_path / "it-ran"


@pytest.fixture
def planted(tmp_path: Path, run_proof: Path) -> Path:
    """Weights as torch.save writes them, with a bomb among them, which goes off where it is let."""
    path = tmp_path / "planted.bin"
    torch.save({"weight": torch.zeros(2), "bomb": Bomb(run_proof)}, path)
    torch.load(path, weights_only=False)  # the proof that the planted file is one
    run_proof.rmdir()
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as it should be."""
    folder = tmp_path_factory.mktemp("sound") / "model"
    tokenizer = train_tokenizer(["one two three", "neljä viisi"] * 20, 400)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    save_tokenizer(tokenizer, folder, 64)
    return folder


@pytest.fixture
def model(sound: Path, tmp_path: Path) -> Path:
    """A copy to plant things in."""
    return Path(shutil.copytree(sound, tmp_path / "model"))


def job(tmp_path: Path, model: Path) -> Job:
    data = small_job(write_corpus(tmp_path / "raw", rows=5), tmp_path / "root")
    data["model"] = {"name_or_path": str(model), "passage_max_len": 64}
    return job_from(data, "test")


def refusal(action: Any, *args: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*args)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights/model.pt"])
def test_pickled_weights_are_refused_before_any_work(
    name: str, model: Path, planted: Path, run_proof: Path, tmp_path: Path
) -> None:
    (model / "model.safetensors").unlink()
    (model / name).parent.mkdir(exist_ok=True)
    shutil.copy(planted, model / name)
    described = job(tmp_path, model)
    for action in (lambda: MODEL.check(described), lambda: MODEL.run(described, {}, root_of(described) / "x", print)):
        line = refusal(action)
        assert f"{model}/{name} is a pickle" in line
        assert "convert it" in line
    assert "can't be loaded (from safetensors)" in refusal(load_backbone, model)
    assert not run_proof.exists()


def test_pickles_beside_safetensors_are_left_alone(
    model: Path, sound: Path, planted: Path, run_proof: Path, tmp_path: Path
) -> None:
    for name in ("pytorch_model.bin", "optimizer.pt", "training_args.bin", "adapter_model.bin"):
        shutil.copy(planted, model / name)
    described = job(tmp_path, model)
    MODEL.check(described)
    place = root_of(described) / "model/x"
    MODEL.run(described, {}, place, print)
    built = load_backbone(place.local_path / "model").state_dict()
    assert all(torch.equal(built[name], weight) for name, weight in load_backbone(sound).state_dict().items())
    assert not run_proof.exists()
    assert not list(place.local_path.rglob("*.bin"))


def test_a_pickle_that_calls_itself_safetensors_is_no_model(model: Path, planted: Path, run_proof: Path) -> None:
    shutil.copy(planted, model / "model.safetensors")
    assert str(model) in refusal(load_backbone, model)
    assert not run_proof.exists()


@pytest.mark.parametrize("known", [True, False])
def test_code_of_a_model_is_not_run(known: bool, model: Path, run_proof: Path) -> None:
    """Of an architecture that transformers has, its own code is run; any other is refused."""
    config = json.loads((model / "config.json").read_text())
    names = {"AutoConfig": "planted.Config", "AutoModel": "planted.Model"}
    config |= {"auto_map": names, "model_type": "bert" if known else "planted"}
    (model / "config.json").write_text(json.dumps(config))
    (model / "planted.py").write_text(f"import os\nos.mkdir({str(run_proof)!r})\n")
    if known:
        load_backbone(model)
    else:
        assert "brings Python code of its own" in refusal(load_backbone, model)
    assert not run_proof.exists()


def test_code_of_a_tokenizer_is_not_run(model: Path, sound: Path, run_proof: Path) -> None:
    config = json.loads((model / "tokenizer_config.json").read_text())
    config |= {"tokenizer_class": "Planted", "auto_map": {"AutoTokenizer": ["planted.Planted", "planted.Planted"]}}
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    (model / "planted.py").write_text(f"import os\nos.mkdir({str(run_proof)!r})\n")
    assert tokenizer_json(model) == tokenizer_json(sound)
    assert not run_proof.exists()


def test_pickles_in_the_folder_of_a_checkpoint_are_not_loaded(tmp_path: Path, planted: Path, run_proof: Path) -> None:
    """Beside the state, and in its place with the hash that the manifest names."""
    run = Location.of(str(tmp_path / "run"))
    save_checkpoint(run, [{"weight/a": torch.ones(3)}], step=2)
    folder = checkpoint_folder(run, 2).local_path
    for name in ("optimizer.pt", "state.pt", "pytorch_model.bin"):
        shutil.copy(planted, folder / name)
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    assert torch.equal(load_state(run, checkpoint)["weight/a"], torch.ones(3))
    (part,) = checkpoint.parts
    shutil.copy(planted, folder / part.path)
    part = part.model_copy(update={"size": planted.stat().st_size, "sha256": sha256_of(planted)})
    forged = checkpoint.model_copy(update={"parts": [part]})
    assert "no safetensors file" in refusal(load_state, run, forged)
    assert not run_proof.exists()


def test_scripts_of_datasets_are_not_run(tmp_path: Path, run_proof: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "set.py").write_text(f"import os\nos.mkdir({str(run_proof)!r})\n")
    assert str(folder) in refusal(hub_files, f"hf://{folder}@main")
    assert not run_proof.exists()
