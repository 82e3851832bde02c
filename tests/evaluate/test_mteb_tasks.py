"""The script for mteb: Python that names the tasks a job's benchmarks are, and what mteb lacks."""

import ast
from typing import Any

import pytest

from raytrain.errors import UserError
from raytrain.evaluate.mteb_tasks import VERSION, mteb_script


def tasks(script: str) -> list[dict[str, Any]]:
    compile(script, "run_mteb.py", "exec")
    assignments = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Assign)]
    found: list[dict[str, Any]] = ast.literal_eval(assignments[0].value)
    return found


def test_benchmarks_are_tasks_with_their_split_and_the_languages_of_the_job() -> None:
    script = mteb_script("tydi", ["mrtydi:data/mrtydi", "miracl:s3://bucket/miracl"], ["fin", "tel"])
    assert tasks(script) == [
        {"task_name": "MrTidyRetrieval", "eval_splits": ["test"], "languages": ["fin", "tel"]},
        {"task_name": "MIRACLRetrieval", "eval_splits": ["dev"], "languages": ["fin", "tel"]},
    ]
    assert f'pip install "mteb=={VERSION}"' in script


def test_without_languages_a_task_has_all_of_its_own() -> None:
    assert tasks(mteb_script("x", ["webfaq:d"], None)) == [{"task_name": "WebFAQRetrieval", "eval_splits": ["test"]}]


def test_bitexts_keep_pairs_of_named_languages_by_the_codes_they_have_there() -> None:
    (task,) = tasks(mteb_script("x", ["bitext:data/Tatoeba-v2"], ["deu-eng", "zho-eng"]))
    assert task["task_name"] == "Tatoeba"
    assert task["languages"] == ["deu", "eng", "zho", "cmn"]
    assert task["exclusive_language_filter"]


def test_what_mteb_lacks_is_named_and_left_out() -> None:
    names = ["tydiqa-goldp:dev.json", "miracl:d#dev", "mrtydi:d#train", 'beir:a"b\n']
    script = mteb_script("x", names, None)
    assert [task["task_name"] for task in tasks(script)] == ["MIRACLRetrieval"]
    lacking = [line for line in script.splitlines() if "no such task" in line]
    assert [line.split(": mteb")[0].strip(" #") for line in lacking] == [
        '"tydiqa-goldp:dev.json"',
        '"mrtydi:d#train"',
        r'"beir:a\"b\n"',
    ]


def test_a_job_without_any_is_told_which_there_are() -> None:
    with pytest.raises(UserError, match="mteb has no task for demo:cldr; it has one for mrtydi, miracl, webfaq"):
        mteb_script("x", ["demo:cldr"], None)
