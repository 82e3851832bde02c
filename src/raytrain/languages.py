"""Language codes: ISO 639-3 inside; ISO 639-1 codes and English names at the door."""

from collections.abc import Collection
from functools import cache

import langcodes
from langcodes.data_dicts import MACROLANGUAGES

from raytrain.errors import UserError


def to_iso639_3(name: str) -> str:
    """The ISO 639-3 code of a language given by code or English name: ``fi``, ``fin``, ``finnish`` → ``fin``.

    Raises UserError for what is no language.
    """
    text = name.strip().lower()
    try:
        language = langcodes.get(text) if len(text) <= 3 else langcodes.Language.find_name("language", text, "en")
        known = text.replace(" ", "").isalpha() and language.is_valid()
        code = str(language.to_alpha3()) if known else ""
        if known and len(text) == 3 and text != language.to_alpha3(variant="B"):
            code = text  # a code of its own, which the library would replace by a relative's: tgl by fil
    except (LookupError, ValueError):
        code = ""
    if not code:
        raise UserError(f"{name!r} is no language: give an ISO 639-3 code (fin), ISO 639-1 (fi) or a name (finnish)")
    return code


def to_label(name: str) -> str:
    """The label of a part of a corpus: a language, or two where the answer is in another: ``de-en`` → ``deu-eng``.

    Raises UserError for what names no language.
    """
    question, hyphen, answer = name.partition("-")
    if not hyphen:
        return to_iso639_3(name)
    first, second = to_iso639_3(question), to_iso639_3(answer)
    if first == second:
        raise UserError(f"{name!r} names one language twice: say {first}")
    return f"{first}-{second}"


def languages_of(label: str) -> tuple[str, str]:
    """The languages of question and answer of a label: ``fin`` → fin, fin; ``deu-eng`` → deu, eng."""
    question, _, answer = label.partition("-")
    return question, answer or question


def is_trained(label: str, seen: Collection[str]) -> bool:
    """Whether a scored language was trained on or, of question and passage in two languages, one of them was."""
    return any(language in seen for language in languages_of(label))


@cache
def macro_language(code: str) -> str:
    """What a language counts as where members of a macro-language are not told apart: cmn → zh, swh → sw."""
    language = str(langcodes.get(code).language)
    return str(MACROLANGUAGES.get(language, language))
