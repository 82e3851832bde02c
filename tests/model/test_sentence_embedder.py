"""A sentence-transformers folder embeds here as it does there; what compares vectors is an inner product."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer

from model.sentence_folder import sentence_folder
from raytrain.errors import UserError
from raytrain.evaluate.models import OtherModel
from raytrain.model import sentence_embedder
from raytrain.model.sentence_embedder import SentenceEmbedder

TEXTS = ["ban dol", "", "ran " * 40, "mer lis ban", "dol dol dol dol"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prompts = {"query_prompt": "ban: ", "passage_prompt": "dol: "}
    return sentence_folder(tmp_path_factory.mktemp("embedder") / "mini", **prompts)


def opened(folder: Path, **given: Any) -> SentenceEmbedder:
    return SentenceEmbedder(folder, OtherModel(name=str(folder), **given))


def changed(folder: Path, to: Path, similarity: str) -> Path:
    """A copy whose vectors have no length 1, and which says how they are compared."""
    shutil.copytree(folder, to)
    modules, config = (to / name for name in ("modules.json", "config_sentence_transformers.json"))
    modules.write_text(json.dumps(json.loads(modules.read_text())[:-1]))
    config.write_text(json.dumps(json.loads(config.read_text()) | {"similarity_fn_name": similarity}))
    return to


def test_its_own_prompts_and_lengths_are_used(folder: Path) -> None:
    ours, theirs = opened(folder), SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(ours.queries(TEXTS), theirs.encode_query(TEXTS), atol=1e-6)
    np.testing.assert_allclose(ours.passages(TEXTS), theirs.encode_document(TEXTS), atol=1e-6)
    assert np.abs(ours.queries(TEXTS) - ours.passages(TEXTS)).max() > 1e-2


def test_prompts_of_the_job_take_their_place(folder: Path) -> None:
    """An empty one too."""
    ours, theirs = opened(folder, query_prompt="", passage_prompt="ran: "), SentenceTransformer(str(folder))
    np.testing.assert_allclose(ours.queries(TEXTS), theirs.encode_query(TEXTS, prompt=""), atol=1e-6)
    np.testing.assert_allclose(ours.passages(TEXTS), theirs.encode_document(TEXTS, prompt="ran: "), atol=1e-6)
    assert np.abs(ours.queries(TEXTS) - opened(folder).queries(TEXTS)).max() > 1e-2


def test_by_cosine_vectors_get_length_1_and_by_dot_product_they_stay(folder: Path, tmp_path: Path) -> None:
    for similarity in ("cosine", "dot"):
        place = changed(folder, tmp_path / similarity, similarity)
        plain = SentenceTransformer(str(place), device="cpu")
        vectors = opened(place).passages(TEXTS)
        expected = plain.similarity(plain.encode_document(TEXTS), plain.encode_document(TEXTS)).numpy()
        np.testing.assert_allclose(vectors @ vectors.T, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() > 1e-2


def test_more_texts_than_are_embedded_at_once_keep_their_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, heard = opened(folder), []
    whole = ours.passages(TEXTS)
    monkeypatch.setattr(sentence_embedder, "TEXTS_AT_ONCE", 2)
    np.testing.assert_allclose(ours.passages(TEXTS, heard.append), whole, atol=1e-6)
    assert heard == [2, 2, 1]


def test_tokens_are_counted_with_and_without_padding(folder: Path) -> None:
    ours = opened(folder, query_prompt="")
    ours.queries(["ban", "ban dol mer lis"])
    real, padded = ours.tokens
    lengths = [
        len(SentenceTransformer(str(folder)).tokenizer(text)["input_ids"]) for text in ("ban", "ban dol mer lis")
    ]
    assert real == sum(lengths)
    assert padded == 2 * max(lengths)


def test_folders_as_older_versions_wrote_them_are_read(folder: Path, tmp_path: Path) -> None:
    """As most of the hub's are, multilingual-e5 among them: old names of modules, and no prompts."""
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    (old / "config_sentence_transformers.json").write_text(
        json.dumps({"__version__": {"sentence_transformers": "2.2.2"}})
    )
    (old / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 9, "do_lower_case": False}))
    names = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": i, "name": f"{i}", "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(names)
    ]
    (old / "modules.json").write_text(json.dumps(modules))
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (old / "1_Pooling/config.json").write_text(json.dumps(pooling))
    ours = opened(old, query_prompt="ban: ", passage_prompt="dol: ")
    assert ours.described()["max_seq_length"] == 9
    np.testing.assert_allclose(ours.queries(TEXTS[:2]), opened(folder).queries(TEXTS[:2]), atol=1e-6)


def test_a_model_without_attention_is_one_too(folder: Path, tmp_path: Path) -> None:
    """Word vectors, averaged."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    with torch.random.fork_rng(devices=[]):
        SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)]).save_pretrained(str(tmp_path / "w"))
    ours, theirs = opened(tmp_path / "w"), SentenceTransformer(str(tmp_path / "w"))
    expected = theirs.encode_document(TEXTS[:1], normalize_embeddings=True)
    np.testing.assert_allclose(ours.passages(TEXTS[:1]), expected, atol=1e-6)
    assert ours.tokens[0] == ours.tokens[1] > 0


def test_what_compares_by_distance_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="compares by euclidean distance"):
        opened(changed(folder, tmp_path / "far", "euclidean"))


def test_a_broken_folder_is_named(folder: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(folder, tmp_path / "broken"))
    (place / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(UserError, match=f"model {place}: sentence-transformers can't load it"):
        opened(place)
