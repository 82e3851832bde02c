"""The normal form against a slow and obvious one: regex and unicodedata, text by text."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.likeness.normal_form import NO_WORDS, Words, text_keys, words

ALONE = r"[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}--\p{Inherited}]"
WORD = regex.compile(rf"(?V1)(?:(?={ALONE})[\p{{L}}\p{{M}}\p{{N}}])|[\p{{L}}\p{{M}}\p{{N}}--{ALONE}--\p{{DI}}]+")
# Letters of many scripts, marks, digits, what takes more than one code unit, and what separates.
SAMPLE = "aAzZßẞéÉıİIiσςΣжЖњ9²½٣ﬁ①ＡｂЀखख़ािבّيـด้ำကို្កລ東京データﾊﾟか゚ー한국𝔸𐐀𐐨😀"
SAMPLE += "\u0301\u0307\u00ad\u200d\ufe0f .,!?\n'-_、。\u3000"
TEXTS = st.lists(st.one_of(st.none(), st.text(SAMPLE, max_size=30), st.text(max_size=8)), max_size=12)


def slow_words(text: str | None) -> list[str]:
    normal = unicodedata.normalize("NFKC", text or "").replace("i\u0307", "i")
    return ["".join(folded(c) for c in word) for word in WORD.findall(normal)]


def folded(character: str) -> str:
    return character.casefold() if len(character.casefold()) == 1 else character.lower()[0]


def hashes_of(found: Words, row: int) -> list[int]:
    return [int(h) for h in found.hashes[found.offsets[row] : found.offsets[row + 1]]]


@given(TEXTS)
def test_words_are_those_of_the_definition(texts: list[str | None]) -> None:
    found = words(pa.array(texts, pa.string()))
    slow = [slow_words(text) for text in texts]
    assert found.counts.tolist() == [len(w) for w in slow]
    flat = [word for row in slow for word in row]
    number: dict[str, int] = {}
    assert len(set(found.hashes.tolist())) == len(set(flat))
    for word, value in zip(flat, found.hashes.tolist(), strict=True):
        assert number.setdefault(word, value) == value  # equal words have equal hashes, wherever they stand


@given(TEXTS, TEXTS)
def test_a_text_has_the_same_words_in_any_batch(texts: list[str | None], more: list[str | None]) -> None:
    alone = words(pa.array(texts, pa.string()))
    among = words(pa.chunked_array([pa.array(more, pa.string()), pa.array([*more, *texts], pa.string())[len(more) :]]))
    assert [hashes_of(alone, i) for i in range(len(texts))] == [
        hashes_of(among, len(more) + i) for i in range(len(texts))
    ]


@given(TEXTS)
def test_keys_are_equal_where_the_words_are(texts: list[str | None]) -> None:
    keys = text_keys(words(pa.array(texts, pa.string())))
    slow = [tuple(slow_words(text)) for text in texts]
    assert len(set(keys.tolist())) == len(set(slow))
    assert len(set(zip(keys.tolist(), slow, strict=True))) == len(set(slow))


@given(st.lists(st.tuples(st.text(SAMPLE), st.text(SAMPLE)), max_size=8))
def test_joined_words_are_those_of_both_texts(pairs: list[tuple[str, str]]) -> None:
    first, second = (words(pa.array([pair[side] for pair in pairs], pa.string())) for side in (0, 1))
    joined = first.join(second)
    for i in range(len(pairs)):
        assert hashes_of(joined, i) == hashes_of(first, i) + hashes_of(second, i)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is BERT?", "  what — is «bert» "),
        ("ＨＥＬＬＯ ｗｏｒｌｄ", "hello, world!"),
        ("ΟΔΥΣΣΕΥΣ", "Οδυσσευς"),
        ("İSTANBUL", "i̇stanbul"),
        ("İstanbul", "istanbul"),
        ("caf\u00e9", "cafe\u0301"),
        ("ﾊﾟﾘ", "パリ"),
        ("STRAẞE", "straße"),
        ("1² ﬁn", "12 fin"),
    ],
)
def test_the_same_but_for_case_width_and_punctuation(one: str, other: str) -> None:
    keys = text_keys(words(pa.array([one, other])))
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("one", "other"), [("ab c", "a bc"), ("a b", "b a"), ("a", "a a"), ("é", "e"), ("東京", "京東")]
)
def test_other_words_have_another_key(one: str, other: str) -> None:
    keys = text_keys(words(pa.array([one, other])))
    assert keys[0] != keys[1]


def test_scripts_without_spaces_are_cut_into_characters() -> None:
    texts = ["東京タワー", "ไทย", "abc東de", "한국어 텍스트", "हिन्दी"]
    assert words(pa.array(texts)).counts.tolist() == [5, 3, 3, 2, 1]


def test_null_and_punctuation_have_no_words() -> None:
    found = words(pa.array([None, "", "?! …", "a"]))
    assert found.counts.tolist() == [0, 0, 0, 1]
    assert (text_keys(found) == NO_WORDS).tolist() == [True, True, True, False]


def test_texts_longer_than_what_is_hashed_at_once() -> None:
    long = " ".join(f"w{i}" for i in range(30_000))
    found = words(pa.array(["w7 x", long, "w7", "y" * 200_000, "y" * 200_000]))
    assert found.counts.tolist() == [2, 30_000, 1, 1, 1]
    assert found.hashes[0] == found.hashes[2 + 7] == found.hashes[30_002]
    assert found.hashes[-1] == found.hashes[-2]
    assert len(np.unique(found.hashes)) == 30_002


def test_hashes_stay_the_same_for_ever() -> None:
    found = words(pa.array(["Hello, wörld 東京"]))
    assert found.hashes.tolist() == [
        0xF7C7967391019CD6,
        0xF251367CE0EB0786,
        0xB7C40B64B5EAAB8B,
        0x69D7249501A04C60,
    ]
    assert text_keys(found).tolist() == [0xA931F500C9937AF2]
