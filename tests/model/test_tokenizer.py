"""The tokenizer: the same from the same texts, at a loss for no script, and the same in every library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from raytrain.errors import UserError
from raytrain.model.tokenizer import SPECIAL, encode, save_tokenizer, tokenizer_json, train_tokenizer

# More letters than there is room for, and all equally often: there the library alone would choose at random.
TEXTS = [f"{a}{b} {b}{a}, Wörter? {i}" for i, (a, b) in enumerate(zip("abcdefghi" * 15, "кириллица" * 15, strict=True))]
TEXTS += [f"{chr(0xAC00 + i)}{chr(0x4E00 + i)}。" for i in range(300)]
SCRIPTS = {"thai": "ประเทศไทย", "telugu": "తెలుగు", "amharic": "አማርኛ", "emoji": "🦉🫠", "adlam": "\U0001e922"}

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from test_tokenizer import TEXTS
from raytrain.model.tokenizer import train_tokenizer
sys.stdout.buffer.write(train_tokenizer(TEXTS, 700).to_str().encode())
"""


@pytest.fixture(scope="module")
def trained() -> Tokenizer:
    return train_tokenizer(TEXTS, 700)


@pytest.fixture(scope="module")
def text(trained: Tokenizer) -> str:
    """The tokenizer as JSON."""
    return str(trained.to_str())


@pytest.fixture(scope="module")
def folder(trained: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer in the Hugging Face layout, with the config of a model beside it."""
    from transformers import BertConfig

    place = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(trained, place, 32)
    BertConfig().save_pretrained(place)
    return place


def tokens(text: str, given: str, prompt: str = "", max_len: int = 64) -> list[str]:
    (ids,) = encode(text, [given], prompt, max_len).to_pylist()
    return [str(Tokenizer.from_str(text).id_to_token(i)) for i in ids]


def test_the_same_texts_give_the_same_tokenizer_in_any_process(text: str) -> None:
    for seed, threads in (("0", "1"), ("12345", "3")):
        made = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)],
            env=os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            check=True,
        )
        assert made.stdout.decode() == text


def test_the_order_of_texts_that_come_equally_often_does_not_matter(text: str) -> None:
    assert train_tokenizer(TEXTS[::-1], 700).to_str() == text


def test_the_vocabulary_is_as_large_as_asked_and_starts_with_what_is_special(trained: Tokenizer) -> None:
    assert trained.get_vocab_size() == 700
    assert [trained.id_to_token(i) for i in range(5)] == list(SPECIAL)
    assert {trained.token_to_id(f"<0x{byte:02X}>") is not None for byte in range(256)} == {True}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_never_seen_becomes_its_bytes(text: str, script: str) -> None:
    made = tokens(text, SCRIPTS[script])
    assert made[0] == "[CLS]"
    assert made[-1] == "[SEP]"
    inside = [token for token in made[1:-1] if token != "▁"]
    assert bytes(int(token[3:5], 16) for token in inside).decode() == SCRIPTS[script]


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_text_gives_an_unknown_token(text: str, given: str) -> None:
    if any(token in given for token in SPECIAL):
        return
    assert not {"[UNK]", "[PAD]", "[MASK]"} & set(tokens(text, given, max_len=200))


def test_a_byte_token_that_stands_in_a_text_is_text(text: str, folder: Path) -> None:
    for tokenizer in (text, tokenizer_json(folder)[0]):
        made = tokens(tokenizer, "a <0x41> <0xE2>")
        assert not {"<0x41>", "<0xE2>", "[UNK]"} & set(made)
        assert "<0xE2>" in tokens(tokenizer, "ก ฿ €")  # where the byte itself is meant


def test_case_and_compatibility_forms_fall_together(text: str) -> None:
    assert tokens(text, "ＡＢＣ Wörter") == tokens(text, "abc WÖRTER")


@pytest.mark.parametrize("max_len", [4, 5, 9])
def test_a_long_text_is_cut_and_keeps_its_ends(text: str, max_len: int) -> None:
    made = tokens(text, "abc def ghi " * 20, max_len=max_len)
    assert len(made) == max_len
    assert (made[0], made[-1]) == ("[CLS]", "[SEP]")
    whole = tokens(text, "abc def ghi " * 20, max_len=10_000)
    assert made[:-1] == whole[: max_len - 1]


def test_a_prompt_stands_before_every_text(text: str) -> None:
    assert tokens(text, "abc", prompt="query: ") == tokens(text, "query: abc")


def test_texts_are_encoded_one_by_one_and_without_padding(text: str) -> None:
    given = ["a", "", "abc def ghi abc", "😀"]
    together = encode(text, given, "", 64).to_pylist()
    assert together == [encode(text, [one], "", 64).to_pylist()[0] for one in given]
    assert len({len(ids) for ids in together}) > 1
    assert together[1] == [SPECIAL.index("[CLS]"), SPECIAL.index("[SEP]")]
    assert encode(text, [], "", 64).to_pylist() == []


def test_one_process_can_use_two_lengths_at_once(text: str) -> None:
    long, short = (encode(text, ["abc " * 40], "", n).to_pylist()[0] for n in (50, 6))
    assert (len(long), len(short)) == (50, 6)
    assert len(encode(text, ["abc " * 40], "", 50).to_pylist()[0]) == 50


def test_the_hugging_face_tokenizer_of_the_saved_folder_gives_the_same(text: str, folder: Path) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(folder)
    given = [*TEXTS[:20], *SCRIPTS.values(), "a <0x41> b", "x [SEP] y", "", " a  b ", "Don't!", "ﬁn\u00a0ẞ", "▁a"]
    for max_len in (8, 32):
        ids = theirs(["q: " + one for one in given], truncation=True, max_length=max_len)["input_ids"]
        assert encode(text, given, "q: ", max_len).to_pylist() == ids
        assert encode(tokenizer_json(folder)[0], given, "q: ", max_len).to_pylist() == ids


def test_the_saved_folder_says_what_pads(folder: Path) -> None:
    assert tokenizer_json(folder)[1] == SPECIAL.index("[PAD]")


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    from transformers import BertConfig

    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(UserError, match=f"model {tmp_path}: has no tokenizer files"):
        tokenizer_json(tmp_path)


def test_a_tokenizer_that_can_not_pad_is_refused(trained: Tokenizer, tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=trained, unk_token="[UNK]").save_pretrained(tmp_path)
    with pytest.raises(UserError, match="no padding token"):
        tokenizer_json(tmp_path)
