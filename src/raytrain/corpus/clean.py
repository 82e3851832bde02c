"""Texts put into one form, and pairs that are no question with its answer named: the rules of WebFAQ.

The rules are those of arXiv 2502.20936, section 3; what an emoji is, is said by Unicode (UTS #51): what is shown as
one by default or by a variation selector. So ©, ™ and ✔ stay, and so do digits and the joiners inside words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from unicodedata import normalize

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import regex  # type: ignore[import-untyped]

from raytrain.corpus.config import Clean, Lengths
from raytrain.languages import languages_of

Ints = npt.NDArray[np.int64]

# What closes a text that begins with a quote; usage differs from language to language.
QUOTES = {
    '"': '"', "'": "'", "＂": "＂", "“": "”", "”": "”", "„": "“”", "‘": "’", "’": "’", "‚": "‘’", "«": "»", "»": "«»",
    "‹": "›", "›": "‹›", "「": "」", "『": "』",
}  # fmt: skip

BLANK = r"[^\S\r\n]"
PREFIX = regex.compile(r"(?:(?:q|a|question|answer)\s*[:：]\s*)+", regex.IGNORECASE)
# A character that is an emoji by itself, or by the selector or skin tone after it; tags spell flags, U+20E3 a key.
EMOJI = (
    r"(?:\p{Emoji_Presentation}\uFE0F?|(?![0-9#*])\p{Emoji}(?:\uFE0F|(?=\p{Emoji_Modifier})))"
    r"\p{Emoji_Modifier}?[\U000E0020-\U000E007F]*+"
)
JOINED = (
    rf"(?:\p{{Extended_Pictographic}}\u200D){{0,4}}{EMOJI}(?:\u200D(?:{EMOJI}|\p{{Extended_Pictographic}}))*+\u200D?"
)
EMOJIS = regex.compile(rf"(?<!{BLANK}){BLANK}*+(?:{JOINED}{BLANK}*+)+")
LEFTOVERS = regex.compile(r"\uFE0F\u20E3?|(?<=[0-9#*])\u20E3")  # the box around a digit; selectors of nothing
CLOSING = frozenset(".,:;!?)")

# '?' and what stands for it in other scripts. The Greek one is a semicolon, also by NFC.
ASKING = r"[?؟՞፧⁇⁈⁉‽？﹖︖⸮⳺⳻꘏꛷᥅𑅃𞥟\x{37E}]"
GREEK = frozenset({"ell", "grc"})


def clean(rows: pa.Table, rules: Clean) -> tuple[pa.Table, pa.Array]:
    """Pairs with their texts rewritten, and why a pair should go.

    ``rows`` has the columns of PAIRS and ``language``; so has what comes back: the same n rows in the same order, with
    question, answer, positives and negatives rewritten, and further passages that became empty left out together with
    their scores. The reasons are n strings, the first that applies of question_empty, answer_empty, question_short,
    answer_short, answer_long and answer_asks; null where the pair stays. Lengths are in code points, after cleaning.
    Cleaning what is clean changes nothing.
    """
    for name in ("question", "answer"):
        rows = _replaced(rows, name, _cleaned(_array(rows, name), rules))
    for texts, scores, first in (("positives", "positive_scores", 1), ("negatives", "negative_scores", 0)):
        rows = _passages_cleaned(rows, texts, scores, first, rules)
    return rows, _reasons(rows, rules)


def _array(rows: pa.Table, name: str) -> pa.Array:
    return rows.column(name).combine_chunks()


def _replaced(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = rows.schema.get_field_index(name)
    return rows.set_column(at, rows.schema.field(at), column)


def _cleaned(texts: pa.Array, rules: Clean) -> pa.Array:
    if rules.nfc:  # by Python: it sees at a glance that a text is in form C, and is thrice as fast as Arrow
        texts = pa.array([normalize("NFC", text) for text in texts.to_pylist()], texts.type)
    if not rules.strip:
        return texts
    touched = pc.match_substring_regex(texts, pattern=_touched())
    some = pa.array([_stripped(text, rules.nfc) for text in texts.filter(touched).to_pylist()], texts.type)
    return pc.replace_with_mask(texts, touched, some)


@cache
def _touched() -> str:
    """What every text matches that _stripped can change; most do not, and Arrow says so ten times as fast (RE2)."""
    every = "".join(map(chr, [*range(0x2000, 0xD800), *range(0xE000, 0x20000)]))
    emoji = "".join(rf"\x{{{ord(run[0]):X}}}-\x{{{ord(run[-1]):X}}}" for run in _runs(r"\p{Emoji_Presentation}", every))
    blank = r"[\pZ\pC]"
    prefix = rf"^(?i:q|a|question|answer){blank}*[:：]"
    return rf"{prefix}|^[{''.join(QUOTES)}]|^{blank}|{blank}$|[{emoji}\x{{FE0F}}\x{{20E3}}]"


def _runs(characters: str, text: str) -> list[str]:
    found: list[str] = regex.findall(f"{characters}+", text)
    return found


def _stripped(text: str, nfc: bool) -> str:
    """A text without prefixes, quotes around it, emoji and blanks at its ends, over and over: one can hide another."""
    while True:
        shorter = LEFTOVERS.sub("", EMOJIS.sub(_gap, text)).strip()
        prefix = PREFIX.match(shorter)
        shorter = _unquoted(shorter[prefix.end() :] if prefix else shorter).strip()
        if nfc:  # an accent may now follow another letter
            shorter = normalize("NFC", shorter)
        if shorter == text:
            return text
        text = shorter


def _gap(emojis: regex.Match[str]) -> str:
    """What stays where emoji were: one blank between words that they, or blanks around them, kept apart."""
    text, run = emojis.string, emojis[0]
    before, after = text[: emojis.start()][-1:], text[emojis.end() :][:1]
    if before in ("", "\n", "\r") or after in ("", "\n", "\r") or after in CLOSING:
        return ""
    return " " if run[0].isspace() or run[-1].isspace() or (before.isalnum() and after.isalnum()) else ""


def _unquoted(text: str) -> str:
    """A text without the quotes around it, unless they recur inside: “a” or “b” is no quoted text."""
    if len(text) < 2 or text[-1] not in QUOTES.get(text[0], ""):
        return text
    inner = text[1:-1]
    return text if text[0] in inner or text[-1] in inner else inner


def _passages_cleaned(rows: pa.Table, texts: str, scores: str, first: int, rules: Clean) -> pa.Table:
    """Cleans a column of lists; what became empty goes with its score. ``first`` is the score's place of text 0."""
    lists, scored = _array(rows, texts), _array(rows, scores)
    if lists.null_count == scored.null_count == len(rows):
        return rows
    row, place = _places(lists)
    cleaned = _cleaned(pc.fill_null(lists.flatten(), ""), rules)
    kept = pc.not_equal(cleaned, "").to_numpy(zero_copy_only=False)
    gone = set(zip(row[~kept].tolist(), (place[~kept] + first).tolist(), strict=True))
    rows = _replaced(rows, texts, _lists(cleaned, kept, row, lists.type, len(lists)))
    row, place = _places(scored)
    kept = np.ones(len(row), bool)
    if gone:
        kept[:] = [at not in gone for at in zip(row.tolist(), place.tolist(), strict=True)]
    return _replaced(rows, scores, _lists(scored.flatten(), kept, row, scored.type, len(scored)))


def _places(lists: pa.Array) -> tuple[Ints, Ints]:
    """Of every item in lists: the row, and its place in that row's list. Both have shape (items,)."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    row = np.repeat(np.arange(len(lists)), lengths)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _lists(items: pa.Array, kept: npt.NDArray[np.bool_], row: Ints, kind: pa.DataType, rows: int) -> pa.Array:
    """Lists of the kept items of each row; null where there are none."""
    lengths = np.bincount(row[kept], minlength=rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, items.filter(pa.array(kept)), type=kind, mask=pa.array(lengths == 0))


@dataclass(frozen=True)
class _Limits:
    """The rules for one label."""

    min_question_chars: int
    min_answer_chars: int
    max_answer_lines: int
    question_in_answer: bool
    greek: bool


def _limits(rules: Clean, label: str) -> _Limits:
    """A label's rules: its own, else those of the language of question or answer, else those for all."""
    question, answer = languages_of(label)

    def of(language: str, rule: Callable[[Lengths | Clean], int | None]) -> int:
        own = [rule(rules.languages[name]) for name in (label, language) if name in rules.languages]
        return next(value for value in (*own, rule(rules)) if value is not None)

    return _Limits(
        of(question, lambda rule: rule.min_question_chars),
        of(answer, lambda rule: rule.min_answer_chars),
        of(answer, lambda rule: rule.max_answer_lines),
        bool(of(answer, lambda rule: rule.question_in_answer)),
        answer in GREEK,
    )


def _reasons(rows: pa.Table, rules: Clean) -> pa.Array:
    labels = _array(rows, "language").dictionary_encode()
    limits = [_limits(rules, label) for label in labels.dictionary.to_pylist()]

    def each(rule: Callable[[_Limits], int | bool], kind: pa.DataType) -> pa.Array:
        return pa.array([rule(limit) for limit in limits], kind).take(labels.indices)

    question, answer = _array(rows, "question"), _array(rows, "answer")
    lines = pc.add(pc.count_substring(answer, pattern="\n"), 1)
    asks = pc.match_substring_regex(answer, pattern=ASKING)
    if any(limit.greek for limit in limits):
        greek = each(lambda limit: limit.greek, pa.bool_())
        asks = pc.or_(asks, pc.and_(greek, pc.match_substring(answer, ";")))
    reasons = {
        "question_empty": pc.equal(question, ""),
        "answer_empty": pc.equal(answer, ""),
        "question_short": pc.less(pc.utf8_length(question), each(lambda limit: limit.min_question_chars, pa.int64())),
        "answer_short": pc.less(pc.utf8_length(answer), each(lambda limit: limit.min_answer_chars, pa.int64())),
        "answer_long": pc.greater(lines, each(lambda limit: limit.max_answer_lines, pa.int64())),
        "answer_asks": pc.and_not(asks, each(lambda limit: limit.question_in_answer, pa.bool_())),
    }
    applies = pc.make_struct(*reasons.values(), field_names=list(reasons))
    return pc.case_when(applies, *(pa.scalar(reason) for reason in reasons))
