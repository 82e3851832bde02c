"""The chain: finished stages are skipped, unfinished ones say why, and nothing half-built counts."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from raytrain.artifact import File, RowAccount, read_manifest
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.pipeline import Inputs, Outcome, Say, Stage, Task, TaskState, differences, run, status, up_to
from raytrain.storage import Location

Check = Callable[[Job], None]


def job(tmp_path: Path, **train: Any) -> Job:
    sections = {"corpus": {"source": "demo:cldr"}, "model": {"from_scratch": {}}, "train": train}
    return job_from({"name": "t", "root": str(tmp_path / "root"), **sections}, "here")


class Chain:
    """Three real stages: numbers, their parities, and a report on both; each notes when it works."""

    def __init__(self, checks: Mapping[str, Check] | None = None, fails: str = "") -> None:
        self.worked: list[str] = []
        self.checked: list[str] = []
        self._checks = checks or {}
        self._fails = fails
        self.stages = [
            self._stage("numbers", (), ["seed", "max_steps"], lambda job, _: f"{job.train.max_steps}"),
            self._stage("parity", ("numbers",), [], lambda job, texts: f"{int(texts[0]) % 2}"),
            self._stage("report", ("numbers", "parity"), ["weight_decay"], lambda job, texts: " ".join(texts)),
            self._stage("aside", ("numbers",), [], lambda job, texts: texts[0]),
        ]

    def _stage(
        self, name: str, inputs: tuple[str, ...], keys: Sequence[str], work: Callable[[Job, list[str]], str]
    ) -> Stage:
        def check(job: Job) -> None:
            self.checked.append(name)
            self._checks.get(name, lambda job: None)(job)

        def build(job: Job, given: Inputs, folder: Location, say: Say) -> Outcome:
            self.worked.append(name)
            assert set(given) == set(inputs)
            texts = [(given[stage].location / "text").read_text() for stage in inputs]
            (folder / "log").write_bytes(f"seed {job.train.seed}".encode())
            if self._fails == name:
                raise UserError(f"{name} can't go on")
            data = work(job, texts).encode()
            (folder / "text").write_bytes(data)
            file = File(path="text", size=len(data), sha256=hashlib.sha256(data).hexdigest())
            return Outcome([file], ["text"], {"length": len(data)}, RowAccount(taken=2, kept=1, dropped={"odd": 1}))

        return Stage(name, inputs, lambda job: job.train.model_dump(mode="json", include=set(keys)), build, check)

    def tasks(self, job: Job) -> list[Task]:
        return [Task.of(stage, job) for stage in self.stages]

    def run(self, job: Job) -> list[str]:
        """Runs all stages; which of them worked."""
        self.worked.clear()
        self.checked.clear()
        run(self.tasks(job), lambda line: None)
        return self.worked

    def states(self, job: Job) -> dict[str, TaskState]:
        return {state.name: state for state in status(self.tasks(job))}


NAMES = ["numbers", "parity", "report", "aside"]


def test_every_stage_works_once_and_leaves_an_artifact(tmp_path: Path) -> None:
    chain, lines = Chain(), []
    artifacts = run(chain.tasks(job(tmp_path, max_steps=20)), lines.append)
    assert chain.worked == chain.checked == list(artifacts) == NAMES
    assert (artifacts["report"].location / "text").read_text() == "20 0"
    manifest = read_manifest(artifacts["report"].location)
    assert manifest is not None
    assert manifest.inputs == {name: artifacts[name].as_input for name in ("numbers", "parity")}
    assert manifest.config["train"]["max_steps"] == 20
    assert manifest.rows == RowAccount(taken=2, kept=1, dropped={"odd": 1})
    assert lines[0] == "numbers (1 of 4): to do: never run"


def test_what_is_done_is_neither_checked_nor_run_again(tmp_path: Path) -> None:
    chain, lines = Chain(), []
    assert chain.run(job(tmp_path)) == NAMES
    assert chain.run(job(tmp_path)) == chain.checked == []
    run(chain.tasks(job(tmp_path)), lines.append)
    assert lines == ["done already: numbers, parity, report, aside"]
    assert [state.state for state in chain.states(job(tmp_path)).values()] == ["done"] * 4


def test_a_key_outside_the_identities_changes_nothing(tmp_path: Path) -> None:
    chain = Chain()
    chain.run(job(tmp_path))
    assert chain.run(job(tmp_path, learning_rate=0.5, keep_checkpoints=7)) == []


def test_other_config_with_the_same_content_stops_at_its_stage(tmp_path: Path) -> None:
    """What is built on an artifact depends on its bytes, not on how they came about."""
    chain = Chain()
    chain.run(job(tmp_path, seed=1))
    assert chain.run(job(tmp_path, seed=2)) == ["numbers"]
    assert chain.run(job(tmp_path, seed=2, weight_decay=0.1)) == ["report"]


def test_other_content_runs_what_depends_on_it_and_no_more(tmp_path: Path) -> None:
    chain = Chain()
    chain.run(job(tmp_path, max_steps=20))
    first = chain.states(job(tmp_path, max_steps=20))["parity"].artifact
    assert chain.run(job(tmp_path, max_steps=22)) == ["numbers", "parity", "report", "aside"]
    second = chain.states(job(tmp_path, max_steps=22))["parity"].artifact
    assert first is not None
    assert second is not None
    assert (first.manifest.content, first.location) == (second.manifest.content, first.location)
    assert chain.run(job(tmp_path, max_steps=20)) == []  # what was built before is still there


def test_status_before_anything_ran(tmp_path: Path) -> None:
    states = Chain().states(job(tmp_path))
    assert [state.state for state in states.values()] == ["to do"] * 4
    assert states["numbers"].why == "never run"
    assert states["parity"].why == "waits for numbers"
    assert states["report"].why == "waits for numbers, parity"
    assert not (tmp_path / "root").exists()


def test_status_names_the_key_that_differs(tmp_path: Path) -> None:
    chain = Chain()
    chain.run(job(tmp_path, max_steps=20, seed=1))
    done = chain.states(job(tmp_path, max_steps=20, seed=1))["numbers"].artifact
    assert done is not None
    states = chain.states(job(tmp_path, max_steps=33, seed=1))
    assert states["numbers"].why == f"differs from {done.manifest.hash} in max_steps: 20 → 33"
    assert states["aside"].why == "waits for numbers"
    why = chain.states(job(tmp_path, max_steps=33, seed=5))["numbers"].why
    assert why.endswith("in max_steps: 20 → 33; seed: 1 → 5")


def test_status_compares_with_the_nearest_artifact(tmp_path: Path) -> None:
    chain = Chain()
    for steps, seed in [(20, 1), (30, 1), (40, 2)]:
        chain.run(job(tmp_path, max_steps=steps, seed=seed))
    assert chain.states(job(tmp_path, max_steps=40, seed=3))["numbers"].why.endswith("in seed: 2 → 3")


def test_status_says_which_input_changed(tmp_path: Path) -> None:
    chain = Chain()
    chain.run(job(tmp_path, max_steps=20))
    run(chain.tasks(job(tmp_path, max_steps=21))[:1], lambda line: None)
    assert "inputs.numbers: " in chain.states(job(tmp_path, max_steps=21))["parity"].why


def test_long_values_that_differ_at_their_end_are_told_apart() -> None:
    """A language taken from a long list is what people change, and must not read as ``x… → x…``."""
    languages = ["ara", "deu", "eng", "fra", "hin", "ind", "ita", "jpn", "kor"]
    (line,) = differences({"languages": languages}, {"languages": languages[:-1]})
    before, after = line.removeprefix("languages: ").split(" → ")
    assert before != after


def test_a_key_that_is_new_since_the_artifact_was_built_is_named() -> None:
    """A later raytrain adds a key: the hash differs, so there must be something to say."""
    assert differences({"seed": 1}, {"seed": 1, "added": None}) != []


def test_a_stage_that_raises_leaves_no_manifest_and_is_partial(tmp_path: Path) -> None:
    chain = Chain(fails="parity")
    with pytest.raises(UserError, match="parity can't go on"):
        chain.run(job(tmp_path))
    assert list((tmp_path / "root" / "parity").rglob("manifest.json")) == []
    states = chain.states(job(tmp_path))
    assert {name: state.state for name, state in states.items()} == {
        "numbers": "done",
        "parity": "partial",
        "report": "to do",
        "aside": "to do",
    }
    assert states["parity"].why == "was interrupted"
    assert states["report"].why == "waits for parity"
    assert Chain().run(job(tmp_path)) == ["parity", "report", "aside"]


def test_all_checks_of_unfinished_stages_come_before_any_work(tmp_path: Path) -> None:
    def refuse(job: Job) -> None:
        raise UserError("the benchmark is not there")

    chain = Chain(checks={"report": refuse})
    with pytest.raises(UserError, match="benchmark"):
        chain.run(job(tmp_path))
    assert (chain.checked, chain.worked) == (["numbers", "parity", "report"], [])
    assert not (tmp_path / "root").exists()


def test_a_refusing_check_of_a_finished_stage_is_not_asked(tmp_path: Path) -> None:
    def refuse(job: Job) -> None:
        raise UserError("the source is gone")

    Chain().run(job(tmp_path))
    assert Chain(checks={"numbers": refuse}).run(job(tmp_path, weight_decay=0.1)) == ["report"]


@pytest.mark.parametrize(
    ("last", "needed"),
    [
        ("numbers", ["numbers"]),
        ("parity", ["numbers", "parity"]),
        ("report", ["numbers", "parity", "report"]),
        ("aside", ["numbers", "aside"]),
    ],
)
def test_up_to_picks_what_is_needed_and_no_more(tmp_path: Path, last: str, needed: list[str]) -> None:
    chain = Chain()
    picked = up_to(chain.tasks(job(tmp_path)), last)
    assert [task.name for task in picked] == needed
    run(picked, lambda line: None)
    assert chain.worked == needed


def test_a_damaged_manifest_stops_the_run_and_is_named(tmp_path: Path) -> None:
    chain = Chain()
    chain.run(job(tmp_path))
    (damaged,) = (tmp_path / "root" / "parity").rglob("manifest.json")
    damaged.write_text("{")
    with pytest.raises(UserError, match=str(damaged)):
        chain.run(job(tmp_path))
    assert chain.worked == []


def test_what_another_raytrain_left_in_the_root_does_not_hide_the_reason(tmp_path: Path) -> None:
    """An artifact of a newer format is none to compare with; it must not keep this job from running."""
    chain = Chain()
    other = tmp_path / "root" / "numbers" / "0123456789abcdef"
    other.mkdir(parents=True)
    (other / "manifest.json").write_text('{"format": 99}')
    assert chain.run(job(tmp_path)) == NAMES


def test_differences_are_found_at_any_depth() -> None:
    old = {"a": {"b": 1, "c": [1]}, "gone": 1, "same": {"x": 1}}
    new = {"a": {"b": 2, "c": [1, 2]}, "new": 3, "same": {"x": 1}}
    assert differences(old, new) == ["a.b: 1 → 2", "a.c: [1] → [1, 2]", "gone: 1 → (absent)", "new: (absent) → 3"]
    assert differences({"m": None}, {"m": {"x": 1}}) == ["m: None → {'x': 1}"]
    assert differences(old, old) == []


def test_one_stage_may_work_for_many_jobs(tmp_path: Path) -> None:
    """As the arms of a study do: each has its own artifact, and equal ones are built once."""
    chain = Chain()
    numbers, _, report, _ = chain.stages
    tasks = [Task(f"{steps}/numbers", numbers, job(tmp_path, max_steps=steps), {}) for steps in (20, 22)]
    tasks.append(Task("again/numbers", numbers, job(tmp_path, max_steps=20), {}))
    given = {"numbers": "22/numbers", "parity": "again/numbers"}
    tasks.append(Task("report", report, job(tmp_path), given))
    artifacts = run(tasks, lambda line: None)
    assert chain.worked == ["numbers", "numbers", "report"]
    assert artifacts["again/numbers"].location == artifacts["20/numbers"].location
    assert (artifacts["report"].location / "text").read_text() == "22 20"
    assert [task.name for task in up_to(tasks, "report")] == ["22/numbers", "again/numbers", "report"]
    assert [state.state for state in status(tasks)] == ["done"] * 4


def test_an_identity_is_the_same_before_and_after_it_is_stored(tmp_path: Path) -> None:
    """A stage may give a tuple, which JSON reads back as a list: neither differs from the other."""
    stage = Chain().stages[0]
    given = Stage("numbers", (), lambda job: {"metrics": ("a", "b")}, stage.run, lambda job: None)
    made = job(tmp_path)
    fresh = run([Task.of(given, made)], lambda line: None)["numbers"].manifest
    stored = read_manifest(Location.of(made.root) / "numbers" / fresh.hash)
    assert stored is not None
    assert differences(fresh.identity, stored.identity) == []
    assert fresh.identity == stored.identity
