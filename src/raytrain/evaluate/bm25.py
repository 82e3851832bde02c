"""BM25, the baseline that needs no training: Lucene's formula, over words or pairs of characters."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]

from raytrain.evaluate.metrics import DEPTH, Hits

if TYPE_CHECKING:
    from bm25s import BM25

K1, B = 1.2, 0.75
TOKENS = 1  # raised when `tokens` cuts otherwise, for BM25 is then another baseline
PASSAGES_A_COUNT = 1000

# Scripts written without spaces. By scx, since the long mark of kana belongs to no one script.
SCRIPTS = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
UNSPACED = "[[" + "".join(rf"\p{{scx={script}}}" for script in SCRIPTS) + r"]&&[\p{L}\p{Nl}]]"
# A letter goes with the marks after it: vowel signs of Thai or Bengali are marks, and a word must not end at one.
TOKEN = regex.compile(rf"((?:{UNSPACED}\p{{M}}*)+)|(?:[[\p{{L}}\p{{N}}\p{{Pc}}]--{UNSPACED}]\p{{M}}*)+", regex.V1)
CHARACTER = regex.compile(r"\P{M}\p{M}*")
# Joiners, soft hyphens and the like change no word. U+200B is no such: it parts the words of Thai and Khmer.
IGNORED = regex.compile(r"[\p{Default_Ignorable_Code_Point}--\u200B]+", regex.V1)


def tokens(text: str) -> list[str]:
    """The words of a text, in any language: NFKC, case folded; letters, digits and underscores with their marks.

    Where a script knows no spaces, overlapping pairs of characters stand for words, and a lone character for itself.
    That is what Lucene's CJKAnalyzer does for Chinese and Japanese; here Thai, Lao, Khmer, Myanmar and Tibetan, for
    which Lucene has dictionaries or syllables, are treated alike, and Korean, which it pairs too, keeps its words.
    """
    plain = normalize("NFKC", normalize("NFKC", IGNORED.sub("", text)).casefold())
    found: list[str] = []
    for match in TOKEN.finditer(plain):
        if match[1] is None:
            found.append(match[0])
        else:
            characters = CHARACTER.findall(match[1])
            found += [a + b for a, b in pairwise(characters)] or characters
    return found


def rank_bm25(
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    depth: int = DEPTH,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[str, Hits]:
    """The best passages of every question with their scores, by (score, id) descending; ties at ``depth`` too.

    Lucene's BM25 without its rounding of lengths: k1 1.2, b 0.75, a word counted as often as the question has it,
    passages without any word not in the collection. Scores are single precision. Only passages that share a word with
    the question are hits. ``advance`` counts texts, passages and questions alike.
    """
    ids, index, vocabulary = _indexed(passages, advance)
    ranked: dict[str, Hits] = {}
    for query, text in queries.items():
        known = [vocabulary[token] for token in tokens(text) if token in vocabulary]
        ranked[query] = _best(index.get_scores_from_ids(known), ids, depth) if known else []
        advance(1)
    return ranked


def rank_among_bm25(
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    candidates: Mapping[str, Sequence[str]],
    depth: int = DEPTH,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[str, Hits]:
    """As ``rank_bm25``, of each question's ``candidates`` alone; how rare a word is, all passages still say."""
    ids, index, vocabulary = _indexed(passages, advance)
    columns = {passage: column for column, passage in enumerate(ids)}
    ranked: dict[str, Hits] = {}
    for query, text in queries.items():
        known = [vocabulary[token] for token in tokens(text) if token in vocabulary]
        own = sorted(columns[passage] for passage in candidates[query] if passage in columns)
        scores = index.get_scores_from_ids(known)[own] if known and own else np.empty(0)
        ranked[query] = _best(scores, [ids[column] for column in own], depth)
        advance(1)
    return ranked


def _indexed(passages: Mapping[str, str], advance: Callable[[int], None]) -> tuple[list[str], "BM25", dict[str, int]]:
    """Ids by column, the index (not to be asked if no passage has a word), and tokens by number.

    Columns go by id descending, so that a stable sort by score breaks ties as trec_eval does.
    """
    from bm25s import BM25

    vocabulary: dict[str, int] = {}
    ids: list[str] = []
    rows: list[array[int]] = []  # four bytes a token: lists would take the most memory of all
    for done, passage in enumerate(sorted(passages, reverse=True), 1):
        row = array("i", (vocabulary.setdefault(token, len(vocabulary)) for token in tokens(passages[passage])))
        if row:
            ids.append(passage)
            rows.append(row)
        if done % PASSAGES_A_COUNT == 0:
            advance(PASSAGES_A_COUNT)
    advance(len(passages) % PASSAGES_A_COUNT)
    # In double precision: sums that differ but in their order are then, all but always, one number in single.
    index = BM25(method="lucene", k1=K1, b=B, dtype="float64")
    if rows:  # bm25s fails on a collection without tokens
        index.index((rows, vocabulary), create_empty_token=False, show_progress=False)
    return ids, index, vocabulary


def _best(scores: npt.NDArray[np.float64], ids: list[str], depth: int) -> Hits:
    """Hits out of one question's scores, (passages,), whose columns go by id descending."""
    found = np.flatnonzero(scores > 0)
    values = scores[found].astype(np.float32)
    if len(found) > depth:
        least = np.partition(values, -depth)[-depth]
        found, values = found[values >= least], values[values >= least]
    best = np.argsort(-values, kind="stable")[:depth]
    return [(ids[column], value) for column, value in zip(found[best].tolist(), values[best].tolist(), strict=True)]
