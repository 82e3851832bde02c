"""The territories facts are about, and which of them are kept for evaluation."""

from functools import cache
from hashlib import md5

from babel.core import get_global

# Of each hundred hash values, how many put a territory aside for evaluation.
HELD_OUT_PERCENT = 16

# Code ranges ISO 3166 leaves to private users, and one it reserves for a union of states.
_PRIVATE_USE = ("AA", "EU", "ZZ")


def _is_private(code: str) -> bool:
    return code in _PRIVATE_USE or code[0] == "X" or (code[0] == "Q" and code[1] >= "M")


@cache
def alpha3_codes() -> dict[str, str]:
    """Map every ISO 3166-1 two-letter code to its three-letter code, sorted by code."""
    letters: dict[str, list[str]] = {}
    numbers: set[str] = set()
    for alias, targets in get_global("territory_aliases").items():
        if len(alias) != 3 or len(targets) != 1 or len(targets[0]) != 2:
            continue
        if alias.isalpha():
            letters.setdefault(targets[0], []).append(alias)
        else:
            numbers.add(targets[0])
    # A territory that changed its name has several three-letter codes; which one is current is not
    # told apart by the data, so such territories get none.
    return {
        code: names[0] if len(names) == 1 else ""
        for code, names in sorted(letters.items())
        if code in numbers and not _is_private(code)
    }


@cache
def territories() -> tuple[str, ...]:
    """List the ISO 3166-1 two-letter codes CLDR knows, sorted."""
    return tuple(alpha3_codes())


def is_held_out(territory: str) -> bool:
    """Tell whether a territory is kept for evaluation (by a hash of its code alone)."""
    return int.from_bytes(md5(territory.encode(), usedforsecurity=False).digest()) % 100 < HELD_OUT_PERCENT
