"""Benchmarks by name: what they are called, where they are read, and what tells one from another."""

import re
from collections.abc import Callable, Mapping

from raytrain.errors import FileMissingError, UserError
from raytrain.evaluate.retrieval import Retrieval, chosen
from raytrain.storage import Location

OpenLocation = Callable[[str], Location]

# What the names of each kind look like; the readers are in beir.py and tydiqa.py.
KINDS: Mapping[str, str] = {
    "demo": "demo:cldr",
    "beir": "beir:DIR",
    "tydiqa-goldp": "tydiqa-goldp:FILE",
    "tydiqa-primary": "tydiqa-primary:FILE",
}


def check_name(name: str) -> None:
    """Raises ValueError for a name of no known kind. Looks at no file."""
    kind, _, where = name.partition(":")
    if kind not in KINDS or not where.strip() or (kind == "demo" and where != "cldr"):
        *first, last = KINDS.values()
        raise ValueError(f"{name!r} is no benchmark: {', '.join(first)} or {last}")


def label_of(name: str) -> str:
    """A short name for files and tables, the same wherever the data lies: ``beir:/a/b/eval`` → ``beir-eval``.

    Letters, digits, ``.``, ``_`` and ``-`` only. Two benchmarks may share one. Raises UserError for no benchmark.
    """
    kind, where = _parts(name)
    last = where.rstrip("/").rsplit("/", 1)[-1]
    if kind.startswith("tydiqa"):
        last = re.sub(r"(\.(json|jsonl|parquet))?(\.gz)?$", "", last)
    words = re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._-").split("-")
    while words and words[0] in ("", *kind.split("-")):  # official names begin with what the kind says already
        del words[0]
    return "-".join([kind, *words])


def identity_of(name: str, open_location: OpenLocation) -> Mapping[str, str]:
    """What tells the content of a benchmark from any other. Raises UserError if there is none."""
    kind, where = _parts(name)
    if kind == "demo":
        from raytrain.corpus import cldr

        return {name: cldr.version()}
    place = open_location(where)
    if kind == "beir":
        from raytrain.evaluate import beir

        return beir.identity(place)
    info = place.patiently("read", lambda: place.filesystem.get_file_info(place.path))
    if not info.is_file:
        raise FileMissingError(f"cannot read {place.uri}: no such file")
    return {place.name: f"{info.size}-{info.mtime_ns}"}


def load_benchmark(name: str, languages: list[str] | None, open_location: OpenLocation) -> list[Retrieval]:
    """The languages of a benchmark, in order. Raises UserError for a language it lacks, or a broken file.

    One without an answered question is there too where the kind allows it (TyDi QA), with no queries.
    """
    kind, where = _parts(name)
    if kind == "demo":
        from raytrain.corpus import cldr

        wanted = chosen(name, languages, set(cldr.LANGUAGES))
        held_out = [(language, cldr.held_out(language)) for language in wanted]
        return [Retrieval(lang, h.queries, h.passages, h.relevant) for lang, h in held_out]
    from raytrain.evaluate import beir, tydiqa

    readers = {"beir": beir.load, "tydiqa-goldp": tydiqa.load_goldp, "tydiqa-primary": tydiqa.load_primary}
    return readers[kind](name, languages, open_location(where))


def _parts(name: str) -> tuple[str, str]:
    """Kind and place."""
    try:
        check_name(name)
    except ValueError as error:
        raise UserError(f"evaluate.benchmarks: {error}") from error
    kind, _, where = name.partition(":")
    return kind, where
