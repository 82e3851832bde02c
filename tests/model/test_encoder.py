"""The bi-encoder: pooled as written, blind to padding, and loaded from safetensors alone."""

import os
import pickle
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import BertConfig, BertModel

from raytrain.config import FromScratch
from raytrain.errors import UserError
from raytrain.model.encoder import BiEncoder, load_backbone, pool, random_backbone

SMALL = FromScratch(layers=2, hidden=16, heads=2)
POOLINGS: list[Literal["mean", "cls"]] = ["mean", "cls"]


def backbone(seed: int = 1) -> Any:
    return random_backbone(SMALL, vocab_size=50, pad_id=0, max_len=20, seed=seed).eval()


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_is_what_a_plain_loop_gives(pooling: Literal["mean", "cls"]) -> None:
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(6, 7, 5, generator=generator)
    lengths = [7, 1, 3, 2, 6, 7]
    mask = torch.tensor([[1] * n + [0] * (7 - n) for n in lengths])
    plain = []
    for row, n in zip(hidden.tolist(), lengths, strict=True):
        plain.append(row[0] if pooling == "cls" else [sum(row[t][k] for t in range(n)) / n for k in range(5)])
    assert_close(pool(hidden, mask, pooling), torch.tensor(plain))


def test_a_text_without_tokens_does_not_divide_by_zero() -> None:
    assert pool(torch.ones(1, 3, 2), torch.zeros(1, 3, dtype=torch.int64), "mean").tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_does_not_change_an_embedding(pooling: Literal["mean", "cls"]) -> None:
    encoder = BiEncoder(backbone(), pooling).eval()
    ids = torch.tensor([[3, 7, 9, 4]])
    alone = encoder(ids, torch.ones_like(ids))
    for junk in (0, 11):  # whatever stands under the mask
        wide = torch.full((2, 12), junk)
        wide[0, :4] = ids[0]
        mask = torch.zeros_like(wide)
        mask[0, :4] = 1
        mask[1] = 1
        assert_close(encoder(wide, mask)[:1], alone, atol=1e-6, rtol=0)


def test_embeddings_have_length_1_and_are_float32() -> None:
    encoder = BiEncoder(backbone().to(torch.bfloat16), "mean").eval()
    ids = torch.arange(1, 13).reshape(3, 4)
    vectors = encoder(ids, torch.ones_like(ids))
    assert vectors.dtype == torch.float32
    assert_close(vectors.norm(dim=1), torch.ones(3))


def test_a_backbone_in_double_precision_gives_double_precision() -> None:
    encoder = BiEncoder(backbone().to(torch.float64), "mean").eval()
    ids = torch.arange(1, 13).reshape(3, 4)
    vectors = encoder(ids, torch.ones_like(ids))
    assert vectors.dtype == torch.float64
    assert_close(vectors.norm(dim=1), torch.ones(3, dtype=torch.float64), atol=1e-14, rtol=0)


def test_a_random_backbone_depends_on_its_seed_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        first = weights(backbone(seed=1))
        torch.rand(7)
        assert same(weights(backbone(seed=1)), first)
        assert not same(weights(backbone(seed=2)), first)


def test_a_random_backbone_leaves_the_random_state_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        expected = torch.rand(4)
        torch.manual_seed(9)
        backbone(seed=3)
        assert torch.equal(torch.rand(4), expected)


def test_a_random_backbone_is_as_described() -> None:
    config = FromScratch(layers=3, hidden=24, heads=4, intermediate=20, dropout=0.25)
    model = random_backbone(config, vocab_size=77, pad_id=2, max_len=33, seed=1)
    found = model.config
    assert (found.num_hidden_layers, found.hidden_size, found.num_attention_heads) == (3, 24, 4)
    assert (found.intermediate_size, found.vocab_size, found.pad_token_id) == (20, 77, 2)
    assert (found.max_position_embeddings, found.hidden_dropout_prob) == (33, 0.25)
    assert not [name for name in weights(model) if "pooler" in name]


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
def test_any_seed_that_a_job_file_takes_makes_a_backbone(seed: int) -> None:
    """Or the job file must refuse it: not with a traceback after the corpus was prepared."""
    from raytrain.config import Train

    try:
        Train(seed=seed)
    except ValueError:
        return
    backbone(seed=seed)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small model folder, its weights in safetensors."""
    backbone().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def refusal(place: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_backbone(place)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"model {place}: ")
    return line


def test_a_saved_backbone_loads_as_it_was(saved: Path) -> None:
    assert same(weights(load_backbone(saved)), weights(backbone()))


def test_weights_in_half_precision_are_loaded_as_float32(tmp_path: Path) -> None:
    backbone().to(torch.bfloat16).save_pretrained(tmp_path)
    assert {tensor.dtype for tensor in load_backbone(tmp_path).parameters()} == {torch.float32}


def test_the_pooler_head_is_left_out_whether_saved_or_not(tmp_path: Path) -> None:
    config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    BertModel(config, add_pooling_layer=True).save_pretrained(tmp_path)
    assert "pooler.dense.weight" in load_file(tmp_path / "model.safetensors")
    assert not [name for name in weights(load_backbone(tmp_path)) if "pooler" in name]


class Trap:
    """A pickle that does something when it is loaded."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.sprung),)


def test_pickled_weights_are_refused_and_never_opened(saved: Path, tmp_path: Path) -> None:
    (saved / "model.safetensors").unlink()
    (saved / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    assert "safetensors" in refusal(saved)
    assert not (tmp_path / "sprung").exists()


def test_code_in_a_model_folder_is_never_run(saved: Path, tmp_path: Path) -> None:
    (saved / "evil.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'sprung')!r})\nclass M: pass\n")
    text = (saved / "config.json").read_text().replace('"bert"', '"evil"', 1)
    (saved / "config.json").write_text(
        text.replace("{", '{"auto_map": {"AutoModel": "evil.M", "AutoConfig": "evil.M"},', 1)
    )
    refusal(saved)
    assert not (tmp_path / "sprung").exists()


def test_missing_weights_are_named(saved: Path) -> None:
    tensors = load_file(saved / "model.safetensors")
    lost = "encoder.layer.1.output.dense.weight"
    del tensors[lost]
    save_file(tensors, saved / "model.safetensors", {"format": "pt"})
    assert f"the weights lack {lost}" in refusal(saved)


def test_weights_of_another_shape_are_refused(saved: Path) -> None:
    tensors = load_file(saved / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"] = torch.zeros(9, 16)
    save_file(tensors, saved / "model.safetensors", {"format": "pt"})
    refusal(saved)


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_truncated_weights_are_refused(saved: Path, keep: int) -> None:
    place = saved / "model.safetensors"
    os.truncate(place, keep if keep >= 0 else place.stat().st_size - 1)
    refusal(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_type": "nonsense"}'])
def test_a_broken_config_is_refused(saved: Path, text: str) -> None:
    (saved / "config.json").write_text(text)
    refusal(saved)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    refusal(tmp_path / "empty")
