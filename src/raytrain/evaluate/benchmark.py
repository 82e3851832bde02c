"""Benchmarks by name: which kinds there are, what their names mean, and what tells one from another."""

import re
from collections.abc import Callable, Iterator, Mapping

from raytrain.errors import UserError
from raytrain.evaluate.beir import BEIR
from raytrain.evaluate.bitext import BITEXT
from raytrain.evaluate.crosslingual import CROSSLINGUAL
from raytrain.evaluate.demo import DEMO
from raytrain.evaluate.kind import Asked, Kind
from raytrain.evaluate.miracl import MIRACL
from raytrain.evaluate.mrtydi import MRTYDI
from raytrain.evaluate.retrieval import Retrieval
from raytrain.evaluate.tydiqa import GOLDP, PASSAGES, PRIMARY
from raytrain.evaluate.webfaq import WEBFAQ
from raytrain.storage import Location

OpenLocation = Callable[[str], Location]

KINDS: Mapping[str, Kind] = {
    kind.kind: kind for kind in (DEMO, BEIR, GOLDP, PRIMARY, PASSAGES, MRTYDI, MIRACL, WEBFAQ, CROSSLINGUAL, BITEXT)
}


def check_name(name: str) -> None:
    """Raises ValueError for a name of no known kind or split. Looks at no file."""
    _parsed(name)


def kind_of(name: str) -> Kind:
    """The kind of a benchmark. Raises UserError for no benchmark."""
    return _parts(name)[0]


def label_of(name: str) -> str:
    """A short name for files and tables, the same wherever the data lies: ``beir:/a/b/eval`` → ``beir-eval``.

    It names the task and, unless it is the default one, the split. Letters, digits, ``.``, ``_`` and ``-`` only. Two
    benchmarks may share one. Raises UserError for no benchmark.
    """
    kind, where, split = _parts(name)
    last = where.rstrip("/").rsplit("/", 1)[-1]
    if kind.where == "FILE":
        last = re.sub(r"(\.(json|jsonl|parquet))?(\.gz)?$", "", last)
    words = re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._-").split("-")
    while words and words[0] in ("", *kind.prefix.split("-"), *kind.kind.split("-")):  # official names say the kind too
        del words[0]
    return "-".join([kind.prefix, *words, *([split] if split != _default(kind) else [])])


def identity_of(name: str, open_location: OpenLocation) -> Mapping[str, str]:
    """What tells the content of a benchmark from any other. Raises UserError if there is none."""
    kind, where, split = _parts(name)
    return kind.identity(Asked(name, None, open_location(where), split))


def load_benchmark(name: str, languages: list[str] | None, open_location: OpenLocation) -> Iterator[Retrieval]:
    """The languages of a benchmark, in order, each read when it is its turn.

    One without an answered question is there too where the kind allows it (TyDi QA), with no queries. Raises UserError
    for a language it lacks, or a broken file.
    """
    kind, where, split = _parts(name)
    return kind.read(Asked(name, languages, open_location(where), split))


def is_test(name: str) -> bool:
    """Whether a benchmark is what results are told on: a test split, or the dev set of TyDi QA, whose test set is not
    public."""
    kind, _, split = _parts(name)
    return split.startswith("test") or (not kind.splits and _questions(name) == "TyDi QA dev")


def same_questions(one: str, other: str) -> str:
    """What the questions of two benchmarks of different kinds both come from, as far as their names tell; or ""."""
    first, second = (_questions(name) for name in (one, other))
    return first if first == second and kind_of(one) is not kind_of(other) else ""


def _questions(name: str) -> str:
    kind, where, split = _parts(name)
    words = [split] if kind.splits else re.split(r"[^a-z]+", where.rsplit("/", 1)[-1].lower())
    return next((kind.questions[word] for word in words if word in kind.questions), "")


def _default(kind: Kind) -> str:
    return kind.splits[0] if kind.splits else ""


def _parsed(name: str) -> tuple[Kind, str, str]:
    """Kind, place and split. Raises ValueError."""
    before, _, where = name.partition(":")
    kind = KINDS.get(before)
    if kind is None or not where.strip() or (kind is DEMO and where != "cldr"):
        *first, last = (known.form for known in KINDS.values())
        raise ValueError(f"{name!r} is no benchmark: {', '.join(first)} or {last}")
    place, mark, split = where.rpartition("#")
    if not kind.splits or not mark or "/" in split:
        return kind, where, _default(kind)
    if split not in kind.splits or not place.strip():
        raise ValueError(f"{name!r} names no split of {kind.kind}: it has {', '.join(kind.splits)}")
    return kind, place, split


def _parts(name: str) -> tuple[Kind, str, str]:
    """As ``_parsed``. Raises UserError."""
    try:
        return _parsed(name)
    except ValueError as error:
        raise UserError(f"evaluate.benchmarks: {error}") from error
