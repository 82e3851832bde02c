"""Where raw pairs come from: folders and prefixes of Parquet or JSONL, the hub, or the embedded CLDR corpus."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from raytrain.corpus.pairs import require_columns
from raytrain.errors import UserError, one_line
from raytrain.languages import to_iso639_3
from raytrain.parquet import open_parquet
from raytrain.storage import Location

BYTES_A_PAIR = 400  # of text that is not yet counted; decides only into how many files a language goes
GZIP_RATIO = 4
CLDR_ROWS = 7_000
HUB_ROWS = 100_000  # of a config whose card does not count them

Kind = Literal["parquet", "jsonl", "cldr", "hub"]


@dataclass(frozen=True)
class Unit:
    """One thing to read: a file, a language of the CLDR corpus, or a config of a hub dataset.

    ``rows`` is exact for Parquet and an estimate otherwise. ``version`` changes when the content is replaced.
    """

    kind: Kind
    language: str
    name: str
    version: str
    rows: int
    location: Location | None = None
    revision: str | None = None


def list_units(source: str, open_location: Callable[[str], Location]) -> list[Unit]:
    """What a source holds, all languages, in a fixed order. Parquet footers are not read: rows are 0.

    Raises UserError if the source is missing, empty or of no known shape.
    """
    if source == "demo:cldr":
        from raytrain.corpus import cldr

        return [Unit("cldr", lang, f"demo:cldr/{lang}", cldr.version(), CLDR_ROWS) for lang in cldr.LANGUAGES]
    if source.startswith("demo:"):
        raise UserError(f"corpus.source: no embedded corpus {source!r}: there is demo:cldr")
    if source.startswith("hf://"):
        return _hub_units(source)
    return _file_units(open_location(source))


def choose_languages(units: list[Unit], languages: list[str] | None, source: str) -> list[Unit]:
    """The units of the wanted languages. Raises UserError for a language without any."""
    if languages is None:
        return units
    found = {unit.language for unit in units}
    missing = sorted(set(languages) - found)
    if missing:
        raise UserError(f"corpus.languages: {source} has nothing for {', '.join(missing)}; it has {_few(found)}")
    return [unit for unit in units if unit.language in set(languages)]


def count_rows(units: list[Unit]) -> list[Unit]:
    """The units with their rows. Reads every Parquet footer, so a broken file or a missing column shows here.

    Raises UserError that names the file.
    """
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(_counted, units))


@lru_cache(maxsize=65_536)  # a study asks for every arm; a unit whose content is replaced has another version
def _counted(unit: Unit) -> Unit:
    if unit.kind == "hub":
        try:
            return replace(unit, rows=_hub_rows(unit) or unit.rows)
        except Exception as error:  # the library raises a dozen kinds; all mean that it can't be had
            raise UserError(f"{unit.name}: can't be read: {one_line(error)}") from error
    if unit.kind != "parquet" or unit.location is None:
        return unit
    metadata = open_parquet(unit.location).metadata
    require_columns(metadata.schema.to_arrow_schema().names, unit.location.uri)
    return replace(unit, rows=metadata.num_rows)


def _file_units(folder: Location) -> list[Unit]:
    units = []
    origins: dict[str, str] = {}
    for info in folder.list():
        hidden = info.path.rsplit("/", 1)[-1].startswith(("_", "."))
        if hidden or not info.path.endswith((".parquet", ".jsonl", ".jsonl.gz")):
            continue
        match = re.fullmatch(r"([^/]+?)(?:/[^/]+)?(\.parquet|\.jsonl|\.jsonl\.gz)", info.path)
        if not match:
            raise UserError(f"{(folder / info.path).uri}: pairs this deep are not read: move them to {{lang}}/")
        kind: Kind = "parquet" if match[2] == ".parquet" else "jsonl"
        expansion = GZIP_RATIO if match[2].endswith(".gz") else 1
        rows = 0 if kind == "parquet" or not info.size else max(1, info.size * expansion // BYTES_A_PAIR)
        try:
            language = to_iso639_3(match[1])
        except UserError as error:
            raise UserError(f"{(folder / info.path).uri}: the name says the language, and {error}") from error
        origin = f"{match[1]}/" if "/" in info.path else info.path
        if origins.setdefault(language, origin) != origin:
            raise UserError(f"{folder.uri}: {origins[language]} and {origin} are both {language}: leave one out")
        version = f"{info.size}-{info.version}"
        units.append(Unit(kind, language, info.path, version, rows, folder / info.path))
    if not units:
        raise UserError(
            f"corpus.source: {folder.uri} holds no {{lang}}.parquet or {{lang}}.jsonl[.gz], nor {{lang}}/ of such"
        )
    return units


def _hub_units(source: str) -> list[Unit]:
    name, at, revision = source.removeprefix("hf://").rpartition("@")
    if not at or not name or not revision:
        raise UserError(f"corpus.source: {source}: pin a revision, as in hf://PaDaS-Lab/webfaq@REVISION")
    import datasets

    try:
        configs = datasets.get_dataset_config_names(name, revision=revision)
    except Exception as error:  # the library raises a dozen kinds; all mean that it can't be had
        raise UserError(f"corpus.source: can't open {source}: {one_line(error)}") from error
    units = []
    for config in configs:
        try:
            language = to_iso639_3(config)
        except UserError as error:
            raise UserError(f"corpus.source: {source}: config {config!r}: {error}") from error
        units.append(Unit("hub", language, f"{name}/{config}", revision, HUB_ROWS, revision=revision))
    return units


def hub_split(unit: Unit) -> str:
    """The split of a hub config that holds the pairs."""
    import datasets

    name, config = unit.name.rsplit("/", 1)
    splits = datasets.get_dataset_split_names(name, config, revision=unit.revision)
    return next((split for split in ("default", "train") if split in splits), str(splits[0]))


def _hub_rows(unit: Unit) -> int | None:
    """Rows of a hub config as its card counts them, if it does."""
    import datasets

    name, config = unit.name.rsplit("/", 1)
    splits = datasets.load_dataset_builder(name, config, revision=unit.revision).info.splits
    split = hub_split(unit)
    return int(splits[split].num_examples) if splits and split in splits and splits[split].num_examples else None


def identity_of(units: list[Unit]) -> Mapping[str, str]:
    """What tells this content from any other: the version of each file."""
    return {unit.name: unit.version for unit in units}


def _few(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:20]) + (" …" if len(listed) > 20 else "")
