"""What all sections of a job file share: the base class, and the types of names, languages and seeds."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from raytrain.errors import UserError
from raytrain.languages import to_iso639_3, to_label


def _language(value: str) -> str:
    try:
        return to_iso639_3(value)
    except UserError as error:  # pydantic collects ValueErrors and says where they were
        raise ValueError(str(error)) from error


def _label(value: str) -> str:
    try:
        return to_label(value)
    except UserError as error:
        raise ValueError(str(error)) from error


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        raise ValueError("use letters, digits, '.', '_' and '-' only")
    return value


def absent_is_empty(value: object) -> object:
    """A section that stands in the file with nothing under it is one with all defaults."""
    return {} if value is None else value


def each_once(values: list[Any]) -> list[Any]:
    """Refuses a list that names something twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{', '.join(map(str, twice))} is named twice")
    return values


def _labels_of_keys(value: object) -> object:
    """Keys by another name for the same language would silently replace each other."""
    if isinstance(value, dict):
        known = []
        for key in value:
            try:
                known.append(to_label(str(key)))
            except UserError:
                continue  # said of that key when it is checked itself
        each_once(known)
    return value


Name = Annotated[str, AfterValidator(_name)]
Language = Annotated[str, AfterValidator(_language)]
Languages = Annotated[list[Language], Field(min_length=1), AfterValidator(each_once)]
Label = Annotated[str, AfterValidator(_label)]  # a language, or question-answer languages of bitexts: deu-eng
Labels = Annotated[list[Label], Field(min_length=1), AfterValidator(each_once)]
KeyedByLabel = BeforeValidator(_labels_of_keys)
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(each_once)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class Section(BaseModel):
    """A part of the job file: unknown keys and wrong types are refused, and nothing changes it later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
