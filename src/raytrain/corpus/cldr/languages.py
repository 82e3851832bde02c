"""The languages the corpus is written in."""

from functools import cache

from babel import Locale

_BABEL = {
    "ara": "ar",
    "ben": "bn",
    "deu": "de",
    "eng": "en",
    "fin": "fi",
    "fra": "fr",
    "hin": "hi",
    "ind": "id",
    "ita": "it",
    "jpn": "ja",
    "kor": "ko",
    "nld": "nl",
    "pol": "pl",
    "por": "pt",
    "rus": "ru",
    "spa": "es",
    "swa": "sw",
    "swe": "sv",
    "tel": "te",
    "tha": "th",
    "tur": "tr",
    "vie": "vi",
    "zho": "zh",
}

LANGUAGES: tuple[str, ...] = tuple(sorted(_BABEL))

# Written without spaces between words, so that a name may begin anywhere.
UNSPACED = frozenset({"jpn", "tha", "zho"})


class UnknownLanguage(ValueError):
    """Raised for a language the corpus is not written in."""

    def __init__(self, language: str) -> None:
        """Name the language asked for and those there are."""
        super().__init__(f"unknown language {language!r}; known: {', '.join(LANGUAGES)}")


@cache
def babel_locale(language: str) -> Locale:
    """Return the Babel locale of a language given by its ISO 639-3 code."""
    if language not in _BABEL:
        raise UnknownLanguage(language)
    return Locale.parse(_BABEL[language])
