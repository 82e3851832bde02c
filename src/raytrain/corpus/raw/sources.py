"""Where raw pairs come from: folders and prefixes of Parquet or JSONL, the hub, or the embedded CLDR corpus."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from raytrain.corpus.raw.headers import Format, header_of
from raytrain.corpus.raw.hub import HubFile, hub_files
from raytrain.corpus.raw.shapes import Shape, labels_of, shape_of
from raytrain.errors import UserError
from raytrain.storage import Location

BYTES_A_PAIR = 400  # of text that is not yet counted; decides only into how many files a language goes
GZIP_RATIO = 4
CLDR_ROWS = 7_000

Kind = Literal[Format, "cldr"]


@dataclass(frozen=True)
class Unit:
    """One thing to read: a file, or a language of the CLDR corpus.

    ``labels`` are those that its rows can have; () where only the rows say it. ``wanted`` are those that were asked
    for, None if all that there are. ``name`` is its own among all sources, and the same wherever its source lies.
    ``version`` changes when the content is replaced. ``rows`` are exact for counted Parquet, and an estimate
    otherwise; a row of a bitext is a pair of each label. ``row_groups`` are the rows of each, of counted Parquet.
    """

    kind: Kind
    shape: Shape
    labels: tuple[str, ...]
    name: str
    version: str
    rows: int
    row_groups: tuple[int, ...] = ()
    file: Location | HubFile | None = None
    wanted: tuple[str, ...] | None = None

    @property
    def uri(self) -> str:
        """What errors and the quarantine call it."""
        return self.file.uri if self.file else self.name


@dataclass(frozen=True)
class SourceFile:
    """A file of a source, before it is known what is in it; ``spelling`` is what says its language."""

    path: str
    language: str
    spelling: str
    size: int
    version: str
    file: Location | HubFile


def list_units(sources: Sequence[str], open_location: Callable[[str], Location]) -> list[Unit]:
    """What the sources hold, all languages, in a fixed order. Of each file the header is read; rows are not counted.

    Raises UserError if a source is missing, empty or of no known shape, or a file is broken or does not say its
    language.
    """
    return [
        replace(unit, name=f"{number}/{unit.name}")
        for number, source in enumerate(sources)
        for unit in _units_of(source, open_location)
    ]


def choose_languages(units: list[Unit], languages: list[str] | None, sources: Sequence[str]) -> list[Unit]:
    """The units of the wanted labels; a unit that may hold others too knows which are wanted.

    Raises UserError for a label without any; not if some rows say their languages themselves.
    """
    if languages is None:
        return units
    found = {label for unit in units for label in unit.labels}
    missing = sorted(set(languages) - found)
    if missing and all(unit.labels for unit in units):
        where = ", ".join(sources)
        raise UserError(f"corpus.languages: {where} has nothing for {', '.join(missing)}; it has {_few(found)}")
    chosen = []
    for unit in units:
        wanted = tuple(sorted(set(languages).intersection(unit.labels or languages)))
        if wanted:
            chosen.append(replace(unit, wanted=None if set(wanted) == set(unit.labels) else wanted))
    return chosen


def count_rows(units: list[Unit]) -> list[Unit]:
    """The units with rows and row groups as the Parquet footers have them."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(_counted, units))


def identity_of(units: list[Unit]) -> Mapping[str, str]:
    """What tells this content from any other: the version of each file, and which labels are wanted of it."""
    return {unit.name: f"{unit.version} {','.join(unit.wanted or ())}".rstrip() for unit in units}


def _counted(unit: Unit) -> Unit:
    if unit.kind != "parquet" or unit.file is None:
        return unit
    groups = header_of(unit.file, unit.kind, unit.version).row_groups
    return replace(unit, rows=sum(groups), row_groups=groups)


def _units_of(source: str, open_location: Callable[[str], Location]) -> list[Unit]:
    if source == "demo:cldr":
        from raytrain.corpus import cldr

        languages = cldr.LANGUAGES
        return [Unit("cldr", "pairs", (lang,), f"{source}/{lang}", cldr.version(), CLDR_ROWS) for lang in languages]
    if source.startswith("demo:"):
        raise UserError(f"corpus.source: no embedded corpus {source!r}: there is demo:cldr")
    files = list(_hub_files(source)) if source.startswith("hf://") else list(folder_files(open_location(source)))
    if not files:
        raise UserError(
            f"corpus.source: {source} holds no {{lang}}.parquet or {{lang}}.jsonl[.gz], nor {{lang}}/ of such"
        )
    with ThreadPoolExecutor(16) as pool:
        units = list(pool.map(_unit, files))
    _refuse_two_spellings(source, files, units)
    return units


def _unit(file: SourceFile) -> Unit:
    kind: Format = "parquet" if file.path.endswith(".parquet") else "jsonl"
    columns = header_of(file.file, kind, file.version).columns
    empty = kind == "jsonl" and not columns
    shape = "pairs" if empty else shape_of(columns, file.file.uri)
    labels = labels_of(shape, columns, file.language, file.file.uri)
    expansion = GZIP_RATIO if file.path.endswith(".gz") else 1
    rows = 0 if kind == "parquet" or not file.size else max(1, file.size * expansion // BYTES_A_PAIR)
    return Unit(kind, shape, labels, file.path, file.version, rows, file=file.file)


def _refuse_two_spellings(source: str, files: list[SourceFile], units: list[Unit]) -> None:
    """Most likely they are the same rows twice."""
    spellings: dict[str, str] = {}
    for file, unit in zip(files, units, strict=True):
        for label in unit.labels:
            other = spellings.setdefault(label, file.spelling)
            if other != file.spelling:
                raise UserError(f"{source}: {other} and {file.spelling} are both {label}: leave one out")


def _is_data(path: str) -> bool:
    return not posixpath.basename(path).startswith(("_", ".")) and path.endswith((".parquet", ".jsonl", ".jsonl.gz"))


def folder_files(folder: Location) -> Iterator[SourceFile]:
    """The Parquet and JSONL files of a folder, whose names say the language. Raises UserError for those too deep."""
    for info in folder.list():
        if _is_data(info.path):
            file = folder / info.path
            version = f"{info.size}-{info.version}"
            yield SourceFile(info.path, *_language_in(info.path, file.uri), info.size, version, file)


def _hub_files(source: str) -> Iterator[SourceFile]:
    """The data files of each config, which says the language; of a dataset without configs its files do."""
    for found in hub_files(source):
        if not _is_data(found.path):
            raise UserError(f"{found.file.uri}: only Parquet and JSONL are read of the hub")
        by_file = found.config == "default"
        named = _language_in(found.path, found.file.uri) if by_file else (found.config, f"config {found.config}")
        yield SourceFile(found.path, *named, found.size, found.version, found.file)


def _language_in(path: str, uri: str) -> tuple[str, str]:
    """What says the language of ``{lang}.parquet`` or ``{lang}/*.parquet`` (in ``data/`` too, and so with JSONL):
    its name, and the file or folder of that name."""
    match = re.fullmatch(r"((?:data/)?([^/]+?))(/[^/]+)?(?:\.parquet|\.jsonl|\.jsonl\.gz)", path)
    if not match:
        raise UserError(f"{uri}: files this deep are not read: move them to {{lang}}/")
    return match[2], f"{match[1]}/" if match[3] else path


def _few(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:20]) + (" …" if len(listed) > 20 else "")
