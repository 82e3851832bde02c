"""Training pairs that hold what a benchmark asks or what answers it: «zero-shot» is true only without them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from raytrain.corpus.config import Decontaminate
from raytrain.corpus.exchange import read_partitions, top_bits, write_partitioned
from raytrain.corpus.likeness.matching import Index, index_of, match
from raytrain.corpus.likeness.normal_form import Words, text_keys, words
from raytrain.corpus.signatures import Keys
from raytrain.evaluate.held_out import HeldOut
from raytrain.languages import languages_of, macro_language
from raytrain.parquet import read_parquet
from raytrain.storage import Location

Ints = npt.NDArray[np.int64]

QUESTION, PASSAGE = "question", "passage"
EXACT, NEAR = "exact", "near"


@dataclass(frozen=True)
class Contamination:
    """What of some rows is in a benchmark. ``reasons`` has a string a row, null where there is nothing;
    ``counts``: (benchmark, label, kind) → rows; a row may count for several benchmarks."""

    reasons: pa.Array
    counts: Mapping[tuple[str, str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Searched:
    """Texts to search for: their words, and the row that each is of. A row may have several."""

    words: Words
    rows: Ints

    def with_lists(self, lists: pa.ChunkedArray) -> "Searched":
        """These and the texts of a list column of the same rows."""
        if lists.null_count == len(lists):
            return self
        lists = lists.combine_chunks()
        more = words(pc.list_flatten(lists))
        parents = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
        both = Words(
            np.concatenate([self.words.hashes, more.hashes]),
            np.concatenate([self.words.offsets, self.words.offsets[-1] + more.offsets[1:]]),
        )
        return Searched(both, np.concatenate([self.rows, parents]))


@dataclass(frozen=True)
class HeldOutTexts:
    """The questions and relevant passages of all benchmarks, in files by benchmark and language.

    ``files``: (benchmark, language or label, question or passage) → a Parquet file with a column ``text``.
    """

    files: Mapping[tuple[str, str, str], Location]

    def search(self, labels: pa.ChunkedArray, texts: Mapping[str, Searched], rules: Decontaminate) -> Contamination:
        """What of n rows is in a benchmark of their language; ``texts``: kind → what of the rows is searched for it.

        Exact matches are equal in normal form; near ones have shingle sets of Jaccard ``rules.near`` or more.
        """
        reasons = np.full(len(labels), None, object)
        counts: Counter[tuple[str, str, str]] = Counter()
        encoded = labels.combine_chunks().dictionary_encode()
        of_label = encoded.indices.to_numpy(zero_copy_only=False)
        for i, label in enumerate(encoded.dictionary.to_pylist()):
            asked, answered = languages_of(label)
            for (benchmark, held_out, kind), place in self.files.items():
                own_language = languages_of(held_out)[0 if kind == QUESTION else 1]
                if macro_language(own_language) != macro_language(asked if kind == QUESTION else answered):
                    continue
                own = np.flatnonzero(of_label[texts[kind].rows] == i)
                found = match(_index(place, rules.near), texts[kind].words.take(own), exact=rules.exact)
                equal = np.unique(texts[kind].rows[own[found.exact]])
                near = np.setdiff1d(texts[kind].rows[own[found.known >= 0]], equal)
                for how, rows in ((EXACT, equal), (NEAR, near)):
                    counts[benchmark, label, f"{kind}_{how}"] += len(rows)
                    reasons[rows] = [_first(old, f"benchmark_{kind}_{how}") for old in reasons[rows]]
        return Contamination(pa.array(reasons, pa.string()), +counts)


def relevant_texts(part: HeldOut) -> dict[str, pa.Table]:
    """The texts of one language of a benchmark that no training pair may hold, by kind, with a column ``text``."""
    relevant = part.read_relevant()
    passages = sorted({passage for graded in relevant.values() for passage, grade in graded.items() if grade > 0})
    texts = {
        QUESTION: list(part.read_asked().values()),
        PASSAGE: [*part.read_texts(passages).values(), *part.read_texts(passages, "untitled").values()],
    }
    return {kind: pa.table({"text": pa.array(found, pa.string())}) for kind, found in texts.items()}


def write_passage_keys(part: HeldOut, place: Location) -> None:
    """Writes the normal forms of all passages of one language of a benchmark as hashes, by their first bits."""
    keys = [np.empty(0, np.uint64)]
    for first in range(0, part.passages, PASSAGES_AT_ONCE):
        rows = min(PASSAGES_AT_ONCE, part.passages - first)
        for column in ("text", "untitled"):
            texts = part.read_passages(first, rows, column).values()
            keys.append(text_keys(words(pa.array(texts, pa.string()))))
    found = np.unique(np.concatenate(keys))
    write_partitioned(pa.table({"hash": found}), _STRETCHES, top_bits(found, len(_STRETCHES)), place)


def read_passage_keys(place: Location, number: int, of: int) -> Keys:
    """The hashes that begin with the bits of partition ``number`` of ``of`` (and, of very many, some others)."""
    first, last = number * PASSAGE_STRETCHES // of, -(-(number + 1) * PASSAGE_STRETCHES // of)
    found = read_partitions(place, _STRETCHES[first:last], ["hash"])
    return np.concatenate([np.empty(0, np.uint64), *(part.table.column("hash").to_numpy() for part in found)])


PASSAGES_AT_ONCE = 65_536
PASSAGE_STRETCHES = 512
_STRETCHES = [f"{number:03d}" for number in range(PASSAGE_STRETCHES)]

_ORDER = [f"benchmark_{kind}_{how}" for kind in (QUESTION, PASSAGE) for how in (EXACT, NEAR)]


def _first(*reasons: str | None) -> str:
    """Of several reasons the one that is told."""
    return min((reason for reason in reasons if reason), key=_ORDER.index)


@lru_cache(maxsize=64)  # a task reads rows of one language mostly
def _index(place: Location, near: float | Literal[False]) -> Index:
    return index_of(words(read_parquet(place).column("text")), near)
