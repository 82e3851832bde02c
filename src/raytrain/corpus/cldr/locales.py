"""Which locale speaks for a territory: its main language and that language's conventions."""

from dataclasses import dataclass
from functools import cache

from babel import Locale, localedata
from babel.core import get_global

# Regional status is left out: it does not hold for the whole territory.
_OFFICIAL = ("official", "de_facto_official")

# Codes for "unknown" and "none", and Norwegian as a whole beside its two written forms.
_NO_LANGUAGE = ("und", "zxx", "mul", "no")

# Locales with fewer territory names are stubs, whose other conventions are mere defaults too.
_FEWEST_TERRITORY_NAMES = 200


@dataclass(frozen=True)
class Spoken:
    """A language of a territory: its CLDR key, the share of people who know it, its status."""

    language: str
    percent: float
    official: bool


@cache
def spoken(territory: str) -> tuple[Spoken, ...]:
    """List the languages of a territory, the most widely known first."""
    found = [
        Spoken(key, float(info["population_percent"]), info["official_status"] in _OFFICIAL)
        for key, info in get_global("territory_languages").get(territory, {}).items()
        if key not in _NO_LANGUAGE
    ]
    return tuple(
        each
        for each in sorted(found, key=lambda each: (-each.percent, each.language))
        # As a foreign language, English would outnumber the languages of Belgium.
        if each.official or each.language != "en" or len(found) == 1
    )


@cache
def _locales_by_territory() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for identifier in sorted(localedata.locale_identifiers()):
        for part in identifier.split("_")[1:]:
            if len(part) == 2:
                found.setdefault(part, []).append(identifier)
    return {territory: tuple(names) for territory, names in found.items()}


@cache
def main_locale(territory: str) -> Locale | None:
    """Return the locale of the most widely known language that CLDR has conventions for there."""
    names = _locales_by_territory().get(territory, ())
    for each in spoken(territory):
        script = script_of(each.language, territory)
        wanted = f"{each.language.split('_')[0]}_{territory}"
        scripted = f"{each.language.split('_')[0]}_{script}_{territory}"
        for name in (scripted, wanted):
            if name in names:
                locale = Locale.parse(name)
                if len(locale.territories) >= _FEWEST_TERRITORY_NAMES:
                    return locale
    return None


@cache
def any_locale(territory: str) -> Locale | None:
    """Return some locale of the territory, for conventions no language changes (the week)."""
    names = _locales_by_territory().get(territory, ())
    return main_locale(territory) or (Locale.parse(names[0]) if names else None)


def script_of(language: str, territory: str) -> str | None:
    """Return the four-letter script a language is written in there, by CLDR's likely subtags."""
    for part in language.split("_")[1:]:
        if len(part) == 4:
            return part
    likely = get_global("likely_subtags")
    full = likely.get(f"{language}_{territory}") or likely.get(language)
    return full.split("_")[1] if full else None
