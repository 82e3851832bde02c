"""Files of datasets on the Hugging Face hub: which there are at a revision, and a copy of one on local disk."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from raytrain.errors import UserError, one_line
from raytrain.storage import Location

_ON_THE_HUB = re.compile(r"hf://datasets/(?P<dataset>[^@]+)@(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass(frozen=True)
class HubFile:
    """A file of a dataset on the hub, at a commit."""

    dataset: str
    revision: str
    path: str

    @property
    def uri(self) -> str:
        """The file's name in errors and in the quarantine."""
        return f"hf://datasets/{self.dataset}@{self.revision}/{self.path}"

    def open_input(self) -> Any:
        """The file open for reading a little of it: only what is read is fetched."""
        import huggingface_hub

        with hub_errors(self.uri):
            return huggingface_hub.HfFileSystem().open(self.uri, "rb", block_size=1 << 20)

    def fetched(self) -> Location:
        """The file on local disk, in the hub's cache: fetched once a machine, and a broken fetch is resumed."""
        import huggingface_hub

        with hub_errors(self.uri):
            local = huggingface_hub.hf_hub_download(
                self.dataset, self.path, revision=self.revision, repo_type="dataset"
            )
        return Location.of(local)


@dataclass(frozen=True)
class ConfigFile:
    """A data file of a config: ``path`` is its place in the dataset, ``size`` bytes."""

    config: str
    path: str
    size: int
    version: str
    file: Location | HubFile


@contextmanager
def hub_errors(what: str) -> Iterator[None]:
    """Turns whatever the hub's libraries raise inside into a UserError that names what can't be had."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a dozen kinds
        raise UserError(f"{what}: can't be read: {one_line(error)}") from error


def hub_files(source: str) -> tuple[ConfigFile, ...]:
    """The data files of every config of ``hf://NAME@REVISION``, where NAME may be a local folder of such shape.

    Of a config only one split is read. Config `default` beside others is left out: it is the hub's word for all that
    they hold. A file of several configs comes once, with the first. Raises UserError if the dataset can't be had or no
    revision is named.
    """
    name, at, revision = source.removeprefix("hf://").rpartition("@")
    if not at or not name or not revision:
        raise UserError(f"corpus.source: {source}: pin a revision, as in hf://PaDaS-Lab/webfaq@REVISION")
    with hub_errors(f"corpus.source: {source}"):
        return _files(name, revision) if Path(name).is_dir() else _remote_files(name, revision)


def _files(name: str, revision: str) -> tuple[ConfigFile, ...]:
    import datasets

    configs = datasets.get_dataset_config_names(name, revision=revision)
    wanted = [config for config in configs if config != "default"] or configs
    with ThreadPoolExecutor(8) as pool:
        of_configs = list(pool.map(partial(_config_files, name, revision), wanted))
    once = {file.file: file for files in reversed(of_configs) for file in files}
    return tuple(sorted(once.values(), key=lambda file: (file.config, file.path)))


_remote_files = lru_cache(maxsize=64)(_files)  # every stage of a job asks


def hub_split(splits: Sequence[str]) -> str:
    """The split of a config that holds the pairs."""
    return next((split for split in ("default", "train") if split in splits), splits[0])


def _config_files(name: str, revision: str, config: str) -> list[ConfigFile]:
    import datasets

    by_split = datasets.load_dataset_builder(name, config, revision=revision).config.data_files or {}
    if not by_split:
        return []
    return [_config_file(name, config, str(place)) for place in by_split[hub_split(list(by_split))]]


def _config_file(name: str, config: str, place: str) -> ConfigFile:
    import huggingface_hub

    match = _ON_THE_HUB.fullmatch(place)
    if match:
        size = huggingface_hub.HfFileSystem().info(place)["size"]
        return ConfigFile(config, match["path"], size, match["revision"], HubFile(**match.groupdict()))
    local = Path(place)
    info = local.stat()
    path = local.resolve().relative_to(Path(name).resolve()).as_posix()
    return ConfigFile(config, path, info.st_size, f"{info.st_size}-{info.st_mtime_ns}", Location.of(place))
