"""Facts about territories, drawn from CLDR through Babel and not yet put into any language."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import md5
from typing import TypeAlias

from babel.core import get_global
from babel.numbers import format_decimal, get_territory_currencies

from raytrain.corpus.cldr import locales
from raytrain.corpus.cldr.territories import alpha3_codes, is_held_out, territories

# The number whose writing is asked for: long enough to show grouping and the decimal mark.
NUMBER = "1234567.89"

# "Current" must not depend on the day the corpus is generated.
_TODAY = date(2025, 1, 1)

_FEWEST_PERCENT = 5.0
_MOST_ZONES = 5
_MOST_SHARERS = 5


@dataclass(frozen=True)
class Value:
    """What fills a slot of a template: codes of one sort of entity, or literal text."""

    sort: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """One fact: the territory it is about, its kind, and the slots it fills besides the territory."""

    territory: str
    kind: str
    slots: tuple[tuple[str, Value], ...]

    @property
    def url(self) -> str:
        """Name the fact; pairs of the same fact share this."""
        return f"cldr:{self.territory}/{self.kind}"


Slots: TypeAlias = dict[str, Value]


def _text(text: str) -> Value:
    return Value("text", (text,))


def _legal_tender(territory: str) -> tuple[str, ...]:
    return tuple(get_territory_currencies(territory, _TODAY, _TODAY))


def _currency(territory: str) -> Slots | None:
    tender = _legal_tender(territory)
    return {"currency": Value("currency", tender)} if tender else None


def _currency_code(territory: str) -> Slots | None:
    tender = _legal_tender(territory)
    return {"code": _text(tender[0])} if len(tender) == 1 else None


def _former_currency(territory: str) -> Slots | None:
    past: list[tuple[tuple[int, int, int], str]] = []
    for code, _start, end, tender in get_global("territory_currencies").get(territory, ()):
        if tender and end and code not in _legal_tender(territory):
            past.append((end, code))
    if not past:
        return None
    end, code = max(past)
    return {"currency": Value("currency", (code,)), "year": _text(str(end[0]))}


@cache
def _sharers(currency: str) -> tuple[str, ...]:
    # Only training territories are listed, so that no training text names a held-out one.
    return tuple(t for t in territories() if not is_held_out(t) and currency in _legal_tender(t))


def _shared_currency(territory: str) -> Slots | None:
    tender = _legal_tender(territory)
    others = [t for t in _sharers(tender[0]) if t != territory] if len(tender) == 1 else []
    if len(others) < 2:
        return None
    # Euro territories would all list the same few others; a hash gives each its own choice.
    chosen = sorted(others, key=lambda other: md5(f"{territory}{other}".encode()).digest())[:_MOST_SHARERS]
    return {"territories": Value("territory", tuple(sorted(chosen)))}


def _official_languages(territory: str) -> Slots | None:
    official = tuple(each.language for each in locales.spoken(territory) if each.official)
    return {"languages": Value("language", official)} if official else None


def _main_language(territory: str) -> Slots | None:
    spoken = locales.spoken(territory)
    if not spoken or spoken[0].percent < _FEWEST_PERCENT:
        return None
    share = Value("percent", (f"{spoken[0].percent:.4g}",))
    return {"language": Value("language", (spoken[0].language,)), "share": share}


def _script(territory: str) -> Slots | None:
    spoken = locales.spoken(territory)
    script = locales.script_of(spoken[0].language, territory) if spoken else None
    if not script:
        return None
    # The bare language: a key such as zh_Hant would give the script away in the question.
    language = spoken[0].language.split("_")[0]
    return {"language": Value("language", (language,)), "script": Value("script", (script,))}


def _week_start(territory: str) -> Slots | None:
    locale = locales.any_locale(territory)
    return {"day": Value("day", (str(locale.first_week_day),))} if locale else None


def _weekend(territory: str) -> Slots | None:
    locale = locales.any_locale(territory)
    if not locale:
        return None
    start, length = locale.weekend_start, (locale.weekend_end - locale.weekend_start) % 7 + 1
    return {"days": Value("day", tuple(str((start + i) % 7) for i in range(length)))}


def _time_zone(territory: str) -> Slots | None:
    zones = get_global("territory_zones").get(territory, ())
    metazones = [get_global("meta_zones").get(zone) for zone in zones]
    found = tuple(dict.fromkeys(name for name in metazones if name))
    if not found or None in metazones or len(found) > _MOST_ZONES:
        return None
    return {"zones": Value("zone", found)}


def _number_format(territory: str) -> Slots | None:
    locale = locales.main_locale(territory)
    # Babel writes Latin digits only, which would be wrong for a locale that uses others.
    if not locale or locale.default_numbering_system != "latn":
        return None
    return {"number": _text(NUMBER), "written": _text(format_decimal(NUMBER, "#,##0.##", locale))}


def _endonym(territory: str) -> Slots | None:
    locale = locales.main_locale(territory)
    name = locale.territories.get(territory) if locale else None
    if not locale or not name or name == territory:
        return None
    return {"language": Value("language", (locale.language,)), "endonym": _text(name)}


def _country_code(territory: str) -> Slots | None:
    alpha3 = alpha3_codes()[territory]
    return {"alpha2": _text(territory), "alpha3": _text(alpha3)} if alpha3 else None


_MAKERS: dict[str, Callable[[str], Slots | None]] = {
    "currency": _currency,
    "currency_code": _currency_code,
    "former_currency": _former_currency,
    "shared_currency": _shared_currency,
    "official_languages": _official_languages,
    "main_language": _main_language,
    "script": _script,
    "week_start": _week_start,
    "weekend": _weekend,
    "time_zone": _time_zone,
    "number_format": _number_format,
    "endonym": _endonym,
    "country_code": _country_code,
}

KINDS = tuple(_MAKERS)


@cache
def facts() -> tuple[Fact, ...]:
    """List every fact of every territory, in a fixed order."""
    return tuple(_facts())


def _facts() -> Iterator[Fact]:
    for territory in territories():
        for kind, make in _MAKERS.items():
            slots = make(territory)
            if slots:
                yield Fact(territory, kind, tuple(slots.items()))
