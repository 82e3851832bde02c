"""Reading a job file: YAML and ``section.key=value`` overrides in, a checked Job out."""

import difflib
import re
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from raytrain.config import Job
from raytrain.errors import UserError, one_line


class _Loader(yaml.SafeLoader):
    """YAML with 1e-4 a number, and a key given twice an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is no text: put it in quotes", node.start_mark
                )
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that _Loader would take for numbers."""


# PyYAML follows YAML 1.1, where 1e-4 is text; YAML 1.2 and everyone who writes a learning rate mean a number.
_SCIENTIFIC = re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$")
for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver("tag:yaml.org,2002:float", _SCIENTIFIC, list("-+0123456789"))


EXTENDS = "extends"  # of a job file: others that it is based on. It is no key of a Job, which knows nothing of files
_TOP = (*Job.model_fields, EXTENDS)


def load_job(path: str | Path, overrides: Sequence[str] = ()) -> Job:
    """The job of a file, on top of the files that it ``extends``, with ``section.key=value`` overrides applied.

    Raises UserError, one line for each thing that is wrong, with the path of the key and what is allowed.
    """
    own = _read(Path(path))
    data = _resolved(own, (Path(path),))
    for override in overrides:
        _apply(data, override)
    return job_from(data, f"{path} (with what it extends)" if EXTENDS in own else str(path))


def job_from(data: dict[str, Any], where: str) -> Job:
    """A checked Job from plain data; ``where`` names the origin in errors (UserError).

    A URL with a password is refused: the job is written into manifests, logs and what is sent to a cluster.
    """
    for key, text in _texts(data):
        if _PASSWORD.search(text):
            raise UserError(f"{where}: {key}: holds a password, and a job file is no place for one: {_ELSEWHERE}")
    try:
        return Job.model_validate(data)
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]
        raise UserError(f"{where}: " + "; ".join(lines)) from error


_PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]+@")
_ELSEWHERE = "credentials come from the environment, a profile or the role of the machine"


def _texts(data: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text in plain data, with the path of its key."""
    if isinstance(data, str):
        yield key, data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _texts(value, f"{key}.{name}" if key else str(name))
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value, key)


def dump_job(job: Job) -> str:
    """The resolved config as YAML, every default written out."""
    return str(yaml.dump(job.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: can't read the job file: {getattr(error, 'strerror', None) or error}") from error
    data = _parse(text, str(path))
    if not isinstance(data, dict):
        raise UserError(f"{path}: a job file is a mapping with the keys {', '.join(_TOP)}")
    return data


def _resolved(data: dict[str, Any], files: tuple[Path, ...]) -> dict[str, Any]:
    """The keys of the last of ``files`` on top of those of the files that it extends, later ones on top of earlier.

    ``files`` are those that extend each other on the way to it. Raises UserError if one of them comes again.
    """
    own = {key: value for key, value in data.items() if key != EXTENDS}
    merged: dict[str, Any] = {}
    for name in _extended(data, files[-1]):
        base = files[-1].parent / name
        way = (*files, base)
        if base.resolve() in {file.resolve() for file in files}:
            raise UserError(f"{files[0]}: extends: {' → '.join(map(str, way))} comes back to a file it came from")
        try:
            read = _read(base)
        except UserError as error:
            raise UserError(f"{files[-1]}: extends: {error}") from error
        merged = _merged(merged, _resolved(read, way))
    return _merged(merged, own)


def _extended(data: dict[str, Any], where: Path) -> list[str]:
    given = data.get(EXTENDS, [])
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise UserError(f"{where}: extends: name a job file, or a list of them, relative to this one (given: {given})")
    return names


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Sections are merged key by key; any other value replaces what is under it, and null takes it away."""
    merged = dict(under)
    for key, value in over.items():
        there = under.get(key)
        merged[key] = _merged(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return merged


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:  # a date like 2020-13-45 is a plain ValueError
        raise UserError(f"{where}: no valid YAML: {one_line(error)}") from error


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise UserError(f"override {override!r}: write section.key=value")
    *sections, last = key.split(".")
    if (*sections, last)[0] == EXTENDS:
        raise UserError(f"override {override!r}: what a job extends stands in its file")
    place = data
    for section in sections:
        if place.get(section) is None:
            place[section] = {}
        place = place[section]
        if not isinstance(place, dict):
            raise UserError(f"override {override!r}: {section} is no section")
    place[last] = _parse(value, f"override {override!r}")


_NO_KEYS = ("[key]", "on", "off")  # where pydantic says which kind of thing it looked at: the last two of a switch


def _is_kind(part: object) -> bool:
    """Whether it says which of several sections pydantic looked at: ``<info_nce>``."""
    return isinstance(part, str) and part.startswith("<")


def _explain(detail: Any) -> str:
    full = tuple(part for part in detail["loc"] if part not in _NO_KEYS)
    location = tuple(part for part in full if not _is_kind(part))
    key = ".".join(str(part) for part in location)
    if detail["type"] == "union_tag_invalid":
        kinds = detail["ctx"]["expected_tags"].replace("<", "").replace(">", "")
        return f"{key}.kind: {detail['ctx']['tag'].strip('<>')!r} is unknown; one of {kinds}"
    if detail["type"] == "extra_forbidden":
        allowed = _allowed(full[:-1])
        near = difflib.get_close_matches(str(location[-1]), allowed, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"{key}: unknown key; {hint}allowed: {', '.join(allowed)}"
    if detail["type"] == "missing":
        return f"{key}: is required"
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not key:
        return message
    given = detail["input"]
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | None) else ""
    return f"{key}: {message}{shown}"


def _allowed(location: tuple[Any, ...]) -> list[str]:
    """Keys of the section at ``location``."""
    models: list[type[BaseModel]] = [Job]
    for part in location:
        field = models[0].model_fields.get(str(part))
        if _is_kind(part):
            models = [model for model in models if f"<{model.model_fields['kind'].default}>" == part]
        elif field is not None:
            models = list(_models(field.annotation)) or models
    return list(models[0].model_fields) if location else list(_TOP)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
