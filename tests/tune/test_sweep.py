"""Sweeps on a real Ray: every trial comes to an end of some kind, nothing is done twice, nothing is left behind."""

import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
import ray
from made_trials import BATCH, EVERY, MAX_STEPS, sweep, told
from ray.util import placement_group_table

from raytrain.errors import DamagedError
from raytrain.storage import Location
from raytrain.tune.config import Dimension, Search
from raytrain.tune.ledger import Ledger
from raytrain.tune.results import Trial
from raytrain.tune.search import propose
from raytrain.tune.space import Space
from raytrain.tune.sweep import LITTLE, share_of_head

pytestmark = [pytest.mark.usefixtures("local_ray"), pytest.mark.timeout(300)]

X = {"train.x": {"uniform": [0.0, 1.0]}}
NO_EARLY_END = {"kind": "none"}


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is left in it is ours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def states(ledger: Ledger) -> dict[int, str]:
    return {number: record.trial.state for number, record in ledger.records.items()}


def test_whatever_trials_do_the_sweep_ends_and_says_so(tmp_path):
    moods = ["fails", "dies", "dies once", "hangs", "waits", "fine"]
    said: list[str] = []
    ledger, why = sweep(
        tmp_path,
        {
            "space": {"train.mood": {"choice": moods}},
            "search": {"kind": "grid"},
            "schedule": NO_EARLY_END,
            "budget": {"trials": 20},
        },
        said,
        at_a_time=2,
    )
    assert why == "the space holds no other settings"
    by_mood = {record.trial.settings["train.mood"]: record.trial for record in ledger.records.values()}
    assert {mood: trial.state for mood, trial in by_mood.items()} == {
        None: "finished",  # the job file itself
        "fine": "finished",
        "fails": "failed",
        "dies": "failed",
        "dies once": "finished",
        "hangs": "failed",
        "waits": "finished",
    }
    assert by_mood["fails"].tries == 1  # it would fail again
    assert "not finite" in by_mood["fails"].why
    assert by_mood["dies"].tries == 2
    assert by_mood["dies"].why == "tried 2 times; the last: its process ended with signal 9: Killed by somebody"
    assert "no score for 2 s" in by_mood["hangs"].why
    assert by_mood["dies once"].tries == 2
    assert by_mood["waits"].tries == 1  # though it gave no score for longer than another may
    assert [point.step for point in by_mood["dies once"].curve] == list(range(EVERY, MAX_STEPS + 1, EVERY))
    assert any("trial 1 failed: train: 11 steps" in line for line in said)
    nothing_is_left()


def test_asha_ends_the_worse_ones_early_and_their_work_with_them(tmp_path):
    ledger, _ = sweep(tmp_path, {"space": X, "search": {"kind": "random"}, "budget": {"trials": 8}})
    counts = Counter(states(ledger).values())
    assert counts["stopped"] >= 2
    assert counts["finished"] + counts["stopped"] == 8
    for record in ledger.records.values():
        settings = record.trial.settings if record.trial.number else None
        lines = told(tmp_path / "told")
        if record.trial.state == "stopped":
            assert record.trial.why.startswith("ended early by asha at step")
            assert f"killed {settings}" in lines
            assert f"done {settings}" not in lines
    finished = [r.trial for r in ledger.records.values() if r.trial.state == "finished" and r.trial.number]
    stopped = [r.trial for r in ledger.records.values() if r.trial.state == "stopped"]
    assert max(t.settings["train.x"] for t in finished) > max(t.settings["train.x"] for t in stopped)
    nothing_is_left()


@pytest.mark.parametrize("kind", ["asha", pytest.param("median", marks=pytest.mark.system)])
def test_a_sweep_that_goes_on_repeats_nothing(tmp_path, kind):
    """Its driver died in the middle of a trial: the others are not begun again, and are still what new ones are judged
    by."""
    tune = {"space": X, "search": {"startup_trials": 3}, "schedule": {"kind": kind, "startup_trials": 2}}
    before, _ = sweep(tmp_path, {**tune, "budget": {"trials": 4}})
    file = tmp_path / "trials" / "00003.json"
    unfinished_again(tmp_path, 3)
    known = len(told(tmp_path / "told"))
    after, _ = sweep(tmp_path, {**tune, "budget": {"trials": 8}})
    begun = [line for line in told(tmp_path / "told")[known:] if line.startswith("begun")]
    assert file.exists()
    assert len(begun) == 8 - 4 + 1
    assert begun[0] == f"begun {before.records[3].trial.settings}"
    for number in range(3):
        assert after.records[number] == before.records[number]
    assert after.records[3].trial.settings == before.records[3].trial.settings
    known = before.records[3].trial.curve[:2]
    assert after.records[3].trial.curve[: len(known)] == known
    assert "stopped" in [state for number, state in states(after).items() if number > 3]


def unfinished_again(folder: Path, number: int) -> None:
    """As if the driver had died after two scores of a trial."""
    ledger = Ledger(Location.of(str(folder)), ("average",))
    record = ledger.records[number]
    trial = record.trial.model_copy(
        update={"state": "running", "why": "", "curve": record.trial.curve[:2], "step": None, "values": {}}
    )
    ledger._write(record.model_copy(update={"trial": trial, "points": record.points[:2], "ended": None}))


def test_every_proposal_can_be_made_again_from_the_ledger(tmp_path):
    search = {"startup_trials": 3, "seed": 5}
    sweep(tmp_path, {"space": X, "search": search, "budget": {"trials": 6}}, at_a_time=3)
    ledger = Ledger(Location.of(str(tmp_path)), ("average",))  # as anybody reads it
    space = Space({"train.x": Dimension(uniform=[0.0, 1.0])})
    for number, record in ledger.records.items():
        if number:
            assert propose(space, Search(**search), 1, number, ledger.known(record.started)) == record.params


def test_a_spent_budget_ends_what_runs(tmp_path):
    ledger, why = sweep(tmp_path, {"space": X, "schedule": NO_EARLY_END, "budget": {"steps": MAX_STEPS + 3 * EVERY}})
    assert why.startswith(f"steps: {MAX_STEPS + 3 * EVERY} of {MAX_STEPS + 3 * EVERY} are spent")
    assert states(ledger) == {0: "finished", 1: "stopped"}
    assert ledger.records[1].trial.curve[-1].step == 3 * EVERY
    assert ledger.records[1].trial.why.startswith("steps:")
    assert ledger.records[1].ended is None  # with a larger budget it goes on
    assert ledger.records[0].trial.cost.pairs == MAX_STEPS * BATCH
    assert ledger.records[0].trial.cost.gpu_hours == pytest.approx(2 * MAX_STEPS / 3600)
    assert ledger.records[0].trial.cost.money == pytest.approx(3 * MAX_STEPS / 3600)
    again, _ = sweep(tmp_path, {"space": X, "schedule": NO_EARLY_END, "budget": {"steps": MAX_STEPS + 3 * EVERY}})
    assert states(again) == states(ledger)
    larger, _ = sweep(tmp_path, {"space": X, "schedule": NO_EARLY_END, "budget": {"steps": 2 * MAX_STEPS}})
    assert states(larger) == {0: "finished", 1: "finished"}
    assert larger.records[1].trial.curve[:3] == ledger.records[1].trial.curve


def test_several_objectives_are_all_told(tmp_path):
    objectives = ["trained", "never_trained", "worst"]
    tune = {"space": X, "objectives": objectives, "search": {"startup_trials": 2}, "budget": {"trials": 4}}
    ledger, _ = sweep(tmp_path, {**tune, "schedule": NO_EARLY_END})
    for record in ledger.records.values():
        assert set(record.trial.values) == set(objectives)
        assert record.trial.values["never_trained"] == pytest.approx(0.5)


def test_a_damaged_ledger_is_not_gone_on_with(tmp_path):
    sweep(tmp_path, {"space": X, "budget": {"trials": 2}})
    file = tmp_path / "trials" / "00001.json"
    file.write_text(file.read_text().replace('"finished"', '"stopped"').replace('"stopped"', '"failed"'))
    with pytest.raises(DamagedError, match=r"00001\.json: damaged: delete it"):
        sweep(tmp_path, {"space": X, "budget": {"trials": 2}})
    file.unlink()
    ledger, _ = sweep(tmp_path, {"space": X, "budget": {"trials": 2}})
    assert states(ledger)[1] in ("finished", "stopped")
    assert json.loads(file.read_text())["trial"]["number"] == 1


def nothing_is_left() -> None:
    """No actor, no placement group, no folder of Ray Tune. Ray itself needs a moment to see that actors are gone."""
    deadline = time.monotonic() + 60
    while (left := leftovers()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left


def leftovers() -> list[str]:
    groups = [f"group {name}" for name, group in placement_group_table().items() if group["state"] != "REMOVED"]
    held = 1.0 - ray.available_resources().get("node:__internal_head__", 0.0)
    notes = [str(folder) for folder in Path(tempfile.gettempdir()).glob("raytrain-tune-*/sweep")]
    return [*groups, *notes, *([f"{held:g} of the head"] if held > 1e-6 else [])]


@pytest.mark.parametrize(
    ("kind", "at_a_time"),
    [("pbt", 4), pytest.param("pbt", 2, marks=pytest.mark.system), pytest.param("pb2", 4, marks=pytest.mark.system)],
)
def test_a_population_goes_on_from_its_best(tmp_path, kind, at_a_time):
    """With room for all, or in turns: the worst goes on from the best, with other settings, and the ledger says so."""
    tune = {
        "space": {"train.learning_rate": {"uniform": [0.1, 1.0]}},
        "search": {"kind": "random"},
        "schedule": {"kind": kind, "every_steps": 40},
        "budget": {"trials": 4},
    }
    said: list[str] = []
    ledger, why = sweep(tmp_path, tune, said, at_a_time)
    assert why == "all 4 trials were proposed"
    assert states(ledger) == dict.fromkeys(range(1, 5), "finished")
    changed = [record.trial for record in ledger.records.values() if record.trial.changes]
    assert changed
    for trial in changed:
        assert all(change.at % 40 == 0 for change in trial.changes)
        assert [point.step for point in trial.curve] == list(range(EVERY, MAX_STEPS + 1, EVERY))
        donor = next(r.trial for n, r in ledger.records.items() if n != trial.number and same_start(r.trial, trial))
        assert trial.curve[0] == donor.curve[0]
    assert any("went on from step" in line for line in said)
    held = [(r.trial.settings, *(c.settings for c in r.trial.changes)) for r in ledger.records.values()]
    assert len({json.dumps(of) for of in held}) == 4  # no two are the same run
    unfinished_again(tmp_path, changed[0].number)
    again, _ = sweep(tmp_path, tune, said, at_a_time)
    assert states(again) == states(ledger)
    nothing_is_left()


def same_start(one: Trial, other: Trial) -> bool:
    return one.settings == other.settings


@pytest.mark.parametrize("at_a_time", [1, 2, 3, 4, 7, 30, 80])
def test_trials_of_a_population_leave_room_for_what_ray_train_has_on_the_head(at_a_time: int) -> None:
    share = share_of_head(at_a_time)
    assert at_a_time * (share + LITTLE) + LITTLE <= 1
    assert (at_a_time + 1) * share + at_a_time * LITTLE > 1  # and none beyond those
