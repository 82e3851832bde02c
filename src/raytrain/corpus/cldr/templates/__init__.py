"""Question and answer templates: one module of plain data for each language."""

from functools import cache
from importlib import import_module
from typing import TypeAlias

from raytrain.corpus.cldr.languages import LANGUAGES, UnknownLanguage

Phrasings: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""The questions and the answers that can express a kind of fact."""


@cache
def templates(language: str) -> dict[str, Phrasings]:
    """Return the phrasings of a language by kind of fact."""
    if language not in LANGUAGES:
        raise UnknownLanguage(language)
    found: dict[str, Phrasings] = import_module(f"{__name__}.{language}").TEMPLATES
    return found
