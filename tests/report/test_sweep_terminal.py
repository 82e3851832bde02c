"""A sweep on the terminal, and its trials as CSV."""

import csv
import io
import json
import re

from rich.console import Console

from made_reports import result_of
from made_sweeps import LANGUAGES, MIX, RATE, made_sweep
from raytrain.evaluate.metrics import METRICS
from raytrain.report.sweep_csv import trials_csv
from raytrain.report.sweep_terminal import SHOWN, print_sweep
from raytrain.study.results import PRIMARY, Results
from raytrain.tune.results import Axis, Sweep


def printed(sweep: Sweep, confirmation: Results | None = None, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_sweep(console, sweep, confirmation)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_best_come_first_and_the_default_is_among_them() -> None:
    sweep = made_sweep(100)
    text = printed(sweep, width=200)
    rows = [line.split() for line in text.splitlines() if re.match(r" +\d", line)]
    assert rows[0][:3] == [str(sweep.best), "best", f"{sweep.trials[sweep.best or 0].values['average']:.4f}"]
    scores = [float(row[1 if row[1][0] == "0" else 2]) for row in rows[:SHOWN]]
    assert scores == sorted(scores, reverse=True)
    assert [row for row in rows if row[:2] == ["0", "default"]]
    assert f"and {100 - len(rows)} more" in text


def test_it_says_what_came_out_why_trials_failed_and_what_to_bear_in_mind() -> None:
    text = printed(made_sweep(40))
    parts = [
        "40 trials: 22 finished, 15 stopped early, 3 failed; all trials of the budget were run",
        "3 failed: CUDA out of memory: tried to allocate 3.2 GiB (trials 12, 25, 38)",
        "Trial 13 is best by average nDCG@10",
        "spent: 40 of 40 trials",
        "The best score of a sweep is an optimistic estimate",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "No confirmation has been run" in text


def test_the_confirmation_is_shown_as_a_study_is() -> None:
    result = result_of(["default", "trial 13"], LANGUAGES)
    confirmation = Results(primary=PRIMARY, metrics=list(METRICS), benchmarks=[result])
    text = printed(made_sweep(40), confirmation)
    for c in result.comparisons:
        assert f"{c.difference:+z.3f} [{c.low:+z.3f}, {c.high:+z.3f}]" in text
    assert "The confirmation says what is left of it with new seeds." in text


def test_brackets_in_names_are_text_and_states_stand_beside_the_default() -> None:
    sweep = made_sweep(2, name="[bold]x[/bold]", early=False)
    trials = [t.model_copy(update={"state": "failed", "why": "[red]y[/red]", "values": {}}) for t in sweep.trials]
    text = printed(sweep.model_copy(update={"trials": trials, "best": None}))
    assert "[bold]x[/bold]" in text
    assert "2 failed: [red]y[/red] (trials 0, 1)" in text
    assert "default, failed" in text
    assert "No trial has finished, so there is no best one." in text
    assert "no trial yet" in printed(sweep.model_copy(update={"trials": [], "best": None}))


def test_the_csv_has_every_trial_and_number_as_they_are() -> None:
    sweep = made_sweep(14)
    rows = list(csv.DictReader(io.StringIO(trials_csv(sweep))))
    assert [int(row["number"]) for row in rows] == list(range(14))
    for row, trial in zip(rows, sweep.trials, strict=True):
        assert (row["state"], row["why"], int(row["tries"])) == (trial.state, trial.why, trial.tries)
        assert float(row[RATE]) == trial.settings[RATE]
        assert {x: float(row[f"{MIX}.{x}"]) for x in LANGUAGES} == trial.settings[MIX]
        last = trial.curve[-1]
        assert int(row["step"]) == last.step
        assert float(row["average"]) == last.values["average"]
        assert {x: float(row[f"nDCG@10.{x}"]) for x in LANGUAGES} == last.languages
        assert (int(row["pairs"]), float(row["money"])) == (trial.cost.pairs, trial.cost.money)
        assert row["artifact"] == trial.artifact


def test_what_is_not_known_is_an_empty_cell_and_a_list_is_json() -> None:
    sweep = made_sweep(2)
    axis = Axis(key="model.layers", kind="choice", options=[[1, 2], None])
    trials = [
        t.model_copy(update={"settings": {axis.key: axis.options[t.number]}, "curve": [], "values": {}, "step": None})
        for t in sweep.trials
    ]
    written = trials_csv(sweep.model_copy(update={"space": [axis], "trials": trials}))
    first, second = csv.DictReader(io.StringIO(written))
    assert json.loads(first["model.layers"]) == [1, 2]
    assert (second["model.layers"], second["step"], second["average"]) == ("", "", "")
