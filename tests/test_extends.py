"""A job file on top of others: what comes from where, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import dump_job, load_job

BASE = {
    "name": "base",
    "root": "/r",
    "corpus": {"source": "demo:cldr", "languages": ["eng", "fin"]},
    "model": {"name_or_path": "org/name", "revision": "abc", "query_prompt": "query: "},
    "train": {"max_steps": 900, "mix": {"weights": {"eng": 3, "fin": 1}}},
}


def written(folder: Path, **files: dict[str, Any]) -> Path:
    """The files ``NAME.yaml``; gives ``job.yaml``."""
    for name, data in files.items():
        place = folder / f"{name}.yaml"
        place.write_text(yaml.safe_dump(data), "utf-8")
    return folder / "job.yaml"


def loaded(folder: Path, *overrides: str, **files: dict[str, Any]) -> Job:
    return load_job(written(folder, **files), overrides)


def refusal(folder: Path, *overrides: str, **files: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        loaded(folder, *overrides, **files)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sections_are_merged_and_other_values_replaced(tmp_path: Path) -> None:
    own = {
        "extends": "base.yaml",
        "name": "mine",
        "corpus": {"languages": ["deu", "eng"]},
        "train": {"mix": {"weights": {"fin": 0, "deu": 5}}},
    }
    job = loaded(tmp_path, base=BASE, job=own)
    assert (job.name, job.root, job.train.max_steps) == ("mine", "/r", 900)
    assert job.corpus.languages == ["deu", "eng"]
    assert job.train.mix.weights == {"eng": 3, "fin": 0, "deu": 5}


def test_null_takes_away_what_the_other_file_says(tmp_path: Path) -> None:
    own = {"extends": "base.yaml", "model": {"name_or_path": None, "revision": None, "from_scratch": {"layers": 1}}}
    model = loaded(tmp_path, base=BASE, job=own | {"train": None}).model
    assert model.name_or_path is None
    assert model.from_scratch is not None
    assert model.query_prompt == "query: "
    assert loaded(tmp_path, base=BASE, job=own | {"train": None}).train.max_steps == 1_000


def test_of_several_files_later_ones_come_on_top_and_the_job_itself_last(tmp_path: Path) -> None:
    small = {"train": {"max_steps": 20, "warmup_steps": 2, "lanes": 4}}
    own = {"extends": ["base.yaml", "small.yaml"], "train": {"lanes": 2}}
    train = loaded(tmp_path, base=BASE, small=small, job=own).train
    assert (train.max_steps, train.warmup_steps, train.lanes) == (20, 2, 2)
    assert train.mix.weights == {"eng": 3, "fin": 1}


def test_a_file_that_is_extended_may_extend_others_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/middle.yaml").write_text("extends: ../base.yaml\ntrain: {max_steps: 30}\n")
    job = loaded(tmp_path, base=BASE, job={"extends": "parts/middle.yaml", "name": "top"})
    assert (job.name, job.train.max_steps, job.root) == ("top", 30, "/r")


def test_overrides_come_on_top_of_all(tmp_path: Path) -> None:
    job = loaded(
        tmp_path, "train.max_steps=7000", "train.mix={temperature: 2.0}", base=BASE, job={"extends": "base.yaml"}
    )
    assert (job.train.max_steps, job.train.mix.weights, job.train.mix.temperature) == (7000, None, 2.0)


def test_a_dump_says_all_and_extends_nothing(tmp_path: Path) -> None:
    job = loaded(tmp_path, base=BASE, job={"extends": "base.yaml", "name": "mine"})
    assert "extends" not in dump_job(job)
    (tmp_path / "dumped").mkdir()
    (tmp_path / "dumped/job.yaml").write_text(dump_job(job), "utf-8")
    assert load_job(tmp_path / "dumped/job.yaml") == job


@pytest.mark.parametrize("given", [3, {"file": "base.yaml"}, ["base.yaml", 3], "", [""], None])
def test_what_names_no_file_is_refused(tmp_path: Path, given: Any) -> None:
    line = refusal(tmp_path, base=BASE, job=BASE | {"extends": given})
    assert line.startswith(f"{tmp_path}/job.yaml: extends: name a job file, or a list of them")


def test_a_file_that_is_not_there_or_no_job_is_named_with_who_wants_it(tmp_path: Path) -> None:
    line = refusal(tmp_path, job={"extends": "other/absent.yaml"})
    wanted = f"extends: {tmp_path}/other/absent.yaml: can't read the job file: No such file or directory"
    assert line == f"{tmp_path}/job.yaml: {wanted}"
    (tmp_path / "list.yaml").write_text("- a\n")
    assert f"extends: {tmp_path}/list.yaml: a job file is a mapping" in refusal(tmp_path, job={"extends": "list.yaml"})


def test_going_round_is_refused_and_shown(tmp_path: Path) -> None:
    line = refusal(tmp_path, job={"extends": "other.yaml"}, other={"extends": "./job.yaml"})
    assert "job.yaml → " in line
    assert line.endswith("comes back to a file it came from")
    assert "comes back" in refusal(tmp_path, job={"extends": "job.yaml"})


def test_two_ways_to_one_file_are_no_round(tmp_path: Path) -> None:
    left, right = {"extends": "base.yaml", "name": "left"}, {"extends": "base.yaml", "train": {"lanes": 2}}
    job = loaded(tmp_path, base=BASE, left=left, right=right, job={"extends": ["left.yaml", "right.yaml"]})
    assert (job.name, job.train.lanes) == ("base", 2)  # all of the right one is on top, and so what it extends


def test_what_is_wrong_in_an_extended_file_says_that_it_may_be_there(tmp_path: Path) -> None:
    base = BASE | {"train": {"lerning_rate": 1}}
    line = refusal(tmp_path, base=base, job={"extends": "base.yaml"})
    assert line.startswith(f"{tmp_path}/job.yaml (with what it extends): train.lerning_rate: unknown key")


def test_it_is_a_key_of_files_only(tmp_path: Path) -> None:
    assert "override 'extends=x.yaml'" in refusal(tmp_path, "extends=x.yaml", job=BASE)
    assert "train.extends: unknown key" in refusal(tmp_path, job=BASE | {"train": {"extends": "base.yaml"}})
    assert "did you mean extends?" in refusal(tmp_path, job=BASE | {"extend": "base.yaml"})
