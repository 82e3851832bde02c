"""Entities put into a language: the names and lists that fill the slots of a template."""

import re
from collections.abc import Iterable
from functools import cache

from babel import Locale
from babel.lists import format_list
from babel.numbers import format_percent

from raytrain.corpus.cldr.facts import Value
from raytrain.corpus.cldr.languages import babel_locale

# English puts an article before these names inside a sentence.
_ENGLISH_ARTICLE = re.compile(
    r"^(United|Central African|Dominican Rep|Czech Rep|Isle of)"
    r"|(Islands|Territory|Territories|Lands|Netherlands|Philippines|Maldives|Bahamas|Gambia|Comoros)$"
    r"|^(Vatican City|Seychelles)$|^(U\.S\.|British (Virgin|Indian)|French Southern)"
)
# Languages whose day names inside a date are inflected. The others have no table of stand-alone names but
# an alias to the names inside a date, which Babel (2.18) resolves for whichever locale asks first and
# then shares with all: Telugu calendars came out in Swahili.
_INFLECTED_DAYS = frozenset({"fin"})

_NO_ARTICLE = frozenset({"Vatican City"})


def localise(language: str, value: Value) -> str | None:
    """Return a slot's text in a language, or None where CLDR has no name for part of it."""
    if value.sort == "text":
        return value.codes[0]
    locale = babel_locale(language)
    if value.sort == "percent":
        return str(format_percent(round(float(value.codes[0])) / 100, locale=locale))
    names = [name_of(language, value.sort, code) for code in value.codes]
    known = [name for name in names if name]
    if len(known) < len(names):
        return None
    unique = list(dict.fromkeys(known))
    return str(format_list(unique, locale=locale))


@cache
def name_of(language: str, sort: str, code: str) -> str | None:
    """Return the name of one entity in a language; a name that is only the code counts as none."""
    locale = babel_locale(language)
    if sort == "day":
        context = "stand-alone" if language in _INFLECTED_DAYS else "format"
        return str(locale.days[context]["wide"][int(code)])
    if sort == "zone":
        return _zone_name(locale, code)
    if sort == "language":
        return _language_name(locale, code)
    table = {"territory": locale.territories, "currency": locale.currencies, "script": locale.scripts}[sort]
    name = table.get(code)
    if not name or name == code:
        return None
    return _with_article(language, str(name)) if sort == "territory" else str(name)


def territory_names(language: str, codes: Iterable[str]) -> dict[str, str]:
    """Map territory codes to their names in a language (without articles), where it has names."""
    table = babel_locale(language).territories
    return {code: str(table[code]) for code in codes if table.get(code, code) != code}


def _with_article(language: str, name: str) -> str:
    if language == "eng" and name not in _NO_ARTICLE and _ENGLISH_ARTICLE.search(name):
        return f"the {name}"
    return name


def _language_name(locale: Locale, key: str) -> str | None:
    # A key with a script ("zh_Hant") often has no name of its own; the bare language then serves.
    for candidate in (key, key.split("_")[0]):
        name = locale.languages.get(candidate)
        if name and name != candidate:
            return str(name)
    return None


def _zone_name(locale: Locale, metazone: str) -> str | None:
    names = locale.meta_zones.get(metazone, {}).get("long", {})
    name = names.get("standard") or names.get("generic")
    return str(name) if name else None
