"""The numbers of a step under flat names: the same in every tracker."""

import math
from collections.abc import Iterator, Mapping
from typing import Any


def scalars(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers among the metrics of a step, by name; parts of a name are joined by slashes.

    ``loss``, ``terms/NAME``, ``languages/LABEL/loss``, ``languages/LABEL/pairs``, ``languages/LABEL/terms/NAME``,
    ``temperature/NAME``, and every other number as it is called. Of a training step also ``pairs_per_second`` and
    ``tokens_per_second``, the wait for data included, and ``skipped_steps``, of the run so far. What has no value (a
    term that no row counts for, the loss of a step left out) is not there.
    """
    languages = metrics.get("languages", {})
    named = {
        **{name: value for name, value in metrics.items() if name not in ("step", "languages", "temperatures")},
        "languages": {label: _of_language(found) for label, found in languages.items()},
        "temperature": metrics.get("temperatures"),
    }
    if "tokens" in metrics:
        seconds = metrics["seconds"] + metrics["data_wait_seconds"]
        named = {"skipped_steps": 0} | named
        if seconds > 0:
            named["pairs_per_second"] = sum(found["rows"] for found in languages.values()) / seconds
            named["tokens_per_second"] = metrics["tokens"] / seconds
    return dict(_numbers(named))


def _of_language(found: Mapping[str, Any]) -> dict[str, Any]:
    """A term may be called as it likes, so terms are kept apart from what else there is."""
    terms = {name: value for name, value in found.items() if name not in ("rows", "loss")}
    return {"pairs": found["rows"], "loss": found["loss"], "terms": terms}


def _numbers(named: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in named.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"{prefix}{name}", float(value)
