"""The form in which texts are compared: their words, case, width and punctuation aside, as hashes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import regex  # type: ignore[import-untyped]

from raytrain.corpus.likeness.hashing import sequence_hashes
from raytrain.corpus.likeness.ragged import Hashes, Ints, ranges, take

NO_WORDS = np.uint64(0)  # the key of a text without any

_SURROGATES = range(0xD800, 0xE000)
_CODE_POINTS = 0x110000
_IN_WORDS = r"(?V1)[[\p{L}\p{M}\p{N}]--\p{Default_Ignorable_Code_Point}]"
_ALONE = (
    r"(?V1)[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
    r"&&[\p{L}\p{M}\p{N}]--[\p{Inherited}\p{Default_Ignorable_Code_Point}]]"
)
_IS_ALONE = np.uint32(1 << 24)  # beside a code point, which has 21 bits


@dataclass(frozen=True, eq=False)
class Words:
    """The words of n texts: ``hashes`` of all, one text after the other; ``offsets`` (n + 1,) where texts begin."""

    hashes: Hashes
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> Ints:
        """Words of each text. Shape (n,)."""
        return np.diff(self.offsets)

    def take(self, rows: Ints) -> "Words":
        """The words of the given texts."""
        return Words(*take(self.hashes, self.offsets, rows))

    def join(self, other: "Words") -> "Words":
        """The words of each text followed by those of the other text of the same row."""
        hashes = np.empty(len(self.hashes) + len(other.hashes), np.uint64)
        offsets = self.offsets + other.offsets
        hashes[ranges(offsets[:-1], self.counts)] = self.hashes
        hashes[ranges(offsets[:-1] + self.counts, other.counts)] = other.hashes
        return Words(hashes, offsets)


def words(texts: pa.Array | pa.ChunkedArray) -> Words:
    """The words of n strings: runs of letters, digits and combining marks, after Unicode NFKC and case folding.

    Every other character separates words. A character of Han, Hiragana, Katakana, Thai, Lao, Khmer or Myanmar,
    which are written without spaces, is a word by itself, and so is each of their marks. Case is folded character
    by character (Unicode 17, CaseFolding, C and S), and İ is i. Null has no words. Equal words have equal hashes,
    in any batch, for ever. Raises ArrowInvalid for what is not UTF-8.
    """
    codes, begins = _code_points(texts)
    forms = _forms().take(codes)
    in_word = forms != 0
    alone = forms >= _IS_ALONE
    joins = in_word & ~alone  # whether a word can go on from here into the next
    joins[begins[1:][begins[1:] > 0] - 1] = False
    starts_word = in_word
    starts_word[1:] &= alone[1:] | ~joins[:-1]
    starts = np.flatnonzero(starts_word)
    hashes = sequence_hashes(forms, starts)
    return Words(hashes, np.searchsorted(starts, begins))


def text_keys(words: Words) -> Hashes:
    """One hash of all words of each text, in their order. Shape (n,).

    Texts with the same normal form have the same key, and others another one; without words it is NO_WORDS.
    """
    keys = np.full(len(words), NO_WORDS)
    filled = words.counts > 0
    keys[filled] = sequence_hashes(words.hashes, words.offsets[:-1][filled])
    return keys


def _code_points(texts: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.uint32], Ints]:
    """All characters after NFKC, and where each text begins among them (n + 1,)."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    texts = pc.utf8_normalize(pc.fill_null(texts.cast(pa.large_string()), ""), "NFKC")
    texts = pc.replace_substring(texts, "i\u0307", "i")  # what Unicode makes of İ in lower case
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    decoded = str(memoryview(data)[bounds[0] : bounds[-1]], "utf-8") if len(texts) and data is not None else ""
    begins = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False), out=begins[1:])
    return _codes(decoded), begins


@lru_cache(maxsize=1)
def _forms() -> npt.NDArray[np.uint32]:
    """What each code point counts as: 0 outside words, or its folded form, marked if it is a word by itself."""
    characters = "".join(chr(code) for code in range(_CODE_POINTS) if code not in _SURROGATES)
    forms = np.zeros(_CODE_POINTS, np.uint32)
    inside = _codes("".join(regex.findall(_IN_WORDS, characters)))
    forms[inside] = inside
    for cased in regex.findall(r"[\p{Changes_When_Casefolded}\p{Changes_When_Lowercased}]", characters):
        if forms[ord(cased)]:
            forms[ord(cased)] = ord(_folded(cased))
    forms[_codes("".join(regex.findall(_ALONE, characters)))] |= _IS_ALONE
    return forms


def _folded(character: str) -> str:
    folded = character.casefold()
    return folded if len(folded) == 1 else character.lower()[0]  # ẞ is ß, not ss; İ is i


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.uint32, copy=False)
