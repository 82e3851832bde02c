"""The heat map: a cell a language and system, with its number, readable on its colour."""

import re

from made_reports import result_of
from raytrain.report.heat_map import heat_map
from raytrain.study.results import PRIMARY


def test_every_language_and_system_has_a_cell_with_its_number() -> None:
    result = result_of(["english", "mixed"], ["eng", "fin", "tha"])
    written = heat_map(result, PRIMARY, "heat")
    numbers = re.findall(r">(\d\.\d{3})<", written)
    expected = [f"{system.languages[name][PRIMARY].mean:.3f}" for system in result.systems for name in system.languages]
    assert sorted(numbers) == sorted(expected)
    for name in ("Finnish (fin)", "English (eng)", *(system.name for system in result.systems)):
        assert f">{name}<" in written
    assert heat_map(result, PRIMARY, "heat") == written


def test_without_a_scored_language_there_is_none() -> None:
    result = result_of(["english"], ["eng"])
    empty = result.model_copy(update={"systems": [s.model_copy(update={"languages": {}}) for s in result.systems]})
    assert heat_map(empty, PRIMARY, "heat") == ""
