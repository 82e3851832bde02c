"""The exported folder embeds as training did, wherever sentence-transformers loads it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel, XLMRobertaConfig, XLMRobertaModel

from raytrain.config import FromScratch, Model
from raytrain.errors import UserError
from raytrain.model.embedder import Embedder
from raytrain.model.encoder import load_backbone, random_backbone
from raytrain.model.export import check_export, export
from raytrain.model.tokenizer import save_tokenizer, train_tokenizer

TEXTS = [
    "What is it?",
    "x",
    "",
    "Ein sehr langer Satz über nichts und wieder nichts. " * 6,
    "ประเทศไทย",
    "A b C d " * 9,
]
Kind = Literal["bert", "xlm-roberta", "roberta"]
KINDS: list[Kind] = ["bert", "xlm-roberta", "roberta"]


def rules(pooling: Literal["mean", "cls"] = "mean") -> Model:
    return Model(
        pooling=pooling, query_prompt="query: ", passage_prompt="passage: ", query_max_len=9, passage_max_len=30
    )


def roberta_tokenizer(folder: Path) -> int:
    """A tokenizer with the special tokens of RoBERTa, in its order; gives its size."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **{"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"},
        **{"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"},
    ).save_pretrained(folder)
    return int(tokenizer.get_vocab_size())


def make(kind: Kind, folder: Path) -> Path:
    """A model folder with random weights, as the model stage makes it."""
    folder.mkdir()
    if kind == "bert":
        tokenizer = train_tokenizer(TEXTS, 400)
        save_tokenizer(tokenizer, folder, 30)
        config = FromScratch(layers=2, hidden=32, heads=2)
        random_backbone(config, tokenizer.get_vocab_size(), 0, 30, seed=1).save_pretrained(folder)
        return folder
    config_class, model_class = {
        "roberta": (RobertaConfig, RobertaModel),
        "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel),
    }[kind]
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    size = roberta_tokenizer(folder)
    config = config_class(vocab_size=size, max_position_embeddings=32, type_vocab_size=1, pad_token_id=1, **shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model_class(config).save_pretrained(folder)  # with a pooler, as the published ones
    load_backbone(folder).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    """A trained model of each kind."""
    folder = tmp_path_factory.mktemp("trained")
    return {kind: make(kind, folder / kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_questions_and_passages_are_embedded_as_in_training(
    trained: dict[Kind, Path], tmp_path: Path, kind: Kind, pooling: Literal["mean", "cls"]
) -> None:
    from sentence_transformers import SentenceTransformer

    export(trained[kind], rules(pooling), tmp_path / "out")
    theirs = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    ours = Embedder(trained[kind], rules(pooling), tokens_per_chunk=64)
    queries, passages = ours.queries(TEXTS), ours.passages(TEXTS)
    np.testing.assert_allclose(theirs.encode_query(TEXTS), queries, atol=1e-5)
    np.testing.assert_allclose(theirs.encode_document(TEXTS), passages, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-5)
    assert np.abs(queries - passages).max() > 1e-3  # prompts and lengths do differ
    assert check_export(trained[kind], rules(pooling), tmp_path / "out", TEXTS) <= 1e-4


def test_the_embedder_gives_each_text_its_own_vector_in_order(trained: dict[Kind, Path]) -> None:
    done: list[int] = []
    ours = Embedder(trained["bert"], rules(), tokens_per_chunk=40)
    together = ours.passages(TEXTS, done.append)
    alone = np.concatenate([ours.passages([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert sum(done) == len(TEXTS)
    assert len(done) > 1


def test_a_model_that_embeds_otherwise_is_found_out(trained: dict[Kind, Path], tmp_path: Path) -> None:
    export(trained["bert"], rules("mean"), tmp_path / "out")
    for other in (
        rules("cls"),
        rules().model_copy(update={"query_prompt": "q: "}),
        rules().model_copy(update={"passage_max_len": 12}),
    ):
        with pytest.raises(UserError, match="away from the trained model; nothing was saved"):
            check_export(trained["bert"], other, tmp_path / "out", TEXTS)


def test_weights_that_are_no_numbers_are_found_out(trained: dict[Kind, Path], tmp_path: Path) -> None:
    """NaN is neither above nor below a tolerance."""
    backbone = load_backbone(trained["bert"])
    with torch.no_grad():
        next(backbone.parameters()).fill_(float("nan"))
    broken = tmp_path / "broken"
    for source in trained["bert"].iterdir():
        broken.mkdir(exist_ok=True)
        (broken / source.name).write_bytes(source.read_bytes())
    backbone.save_pretrained(broken)
    export(broken, rules(), tmp_path / "out")
    with pytest.raises(UserError, match="nan away"):
        check_export(broken, rules(), tmp_path / "out", TEXTS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_holds_safetensors_and_no_pickle(trained: dict[Kind, Path], tmp_path: Path, kind: Kind) -> None:
    export(trained[kind], rules(), tmp_path / "out")
    files = {
        place.relative_to(tmp_path / "out").as_posix() for place in (tmp_path / "out").rglob("*") if place.is_file()
    }
    assert {"modules.json", "model.safetensors", "config.json", "tokenizer.json"} <= files
    assert {Path(name).suffix for name in files} <= {".json", ".safetensors", ".txt", ".md"}
    assert not [name for name in load_file(tmp_path / "out" / "model.safetensors") if "pooler" in name]


FRESH = """
import sys
sys.modules["raytrain"] = None  # whoever uses the folder has no raytrain
import numpy as np
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
texts = sys.argv[3:]
np.savez(sys.argv[2], query=model.encode_query(texts), passage=model.encode_document(texts))
print([type(module).__name__ for module in model])
"""


def test_the_folder_works_in_a_fresh_process_without_raytrain(trained: dict[Kind, Path], tmp_path: Path) -> None:
    export(trained["xlm-roberta"], rules(), tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    made = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path / "moved"), str(tmp_path / "vectors.npz"), *TEXTS],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.strip() == "['Transformer', 'Pooling', 'Normalize']"
    ours = Embedder(trained["xlm-roberta"], rules(), 512)
    with np.load(tmp_path / "vectors.npz") as theirs:
        np.testing.assert_allclose(theirs["query"], ours.queries(TEXTS), atol=1e-5)
        np.testing.assert_allclose(theirs["passage"], ours.passages(TEXTS), atol=1e-5)
