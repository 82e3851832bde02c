"""The page of a sweep: what it must say whatever came out, and that it needs nothing but itself."""

import math
import re
from collections import Counter
from html import unescape
from typing import Any

import matplotlib
import pytest
from test_page import HOSTILE, Page

from made_reports import result_of
from made_sweeps import HEAT, LANGUAGES, MIX, RATE, SIZE, made_population, made_sweep
from raytrain.evaluate.metrics import METRICS
from raytrain.report.sweep_page import sweep_page
from raytrain.study.results import PRIMARY, Results
from raytrain.tune.results import Axis, Cost, Point, Sweep

SWEEP = made_sweep(40)
CONFIRMATION = Results(
    primary=PRIMARY, metrics=list(METRICS), benchmarks=[result_of(["default", "trial 13"], LANGUAGES)]
)
PAGE = sweep_page(SWEEP, CONFIRMATION)
SECTIONS = ["result", "confirmation", "searched", "settings", "importance", "mix", "cost", "curves", "trials"]
SECTIONS += ["again", "provenance"]


def changed(sweep: Sweep, **update: Any) -> Sweep:
    """The sweep with these fields in every trial, and nothing best."""
    trials = [trial.model_copy(update=update) for trial in sweep.trials]
    return sweep.model_copy(update={"trials": trials, "best": None, "front": []})


def sections_of(page: Page) -> list[str]:
    return [value for tag, name, value in page.attributes if (tag, name) == ("section", "id")]


def test_the_page_is_well_formed_and_its_references_lead_somewhere() -> None:
    page = Page(PAGE)
    assert page.open == []
    ids = Counter(value for _, name, value in page.attributes if name == "id")
    assert max(ids.values()) == 1
    references = {value[1:] for _, name, value in page.attributes if name == "href"}
    references |= {x for _, _, value in page.attributes for x in re.findall(r"url\(#([^)]*)\)", value)}
    references |= {x for _, name, value in page.attributes if name == "aria-labelledby" for x in value.split()}
    assert references <= set(ids)
    assert sections_of(page) == SECTIONS
    assert [f"#{name}" for name in SECTIONS] == re.findall(r'<li><a href="(#\w+)">', PAGE)


def test_the_page_needs_nothing_but_itself() -> None:
    page = Page(PAGE)
    assert not {"script", "link", "iframe", "img", "image", "object", "embed", "base"} & set(page.tags)
    links = [v for _, name, v in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert all(link.startswith("#") for link in links)
    assert set(re.findall(r"url\((.)", PAGE)) <= {"#"}
    assert "@import" not in PAGE
    assert SWEEP.trials[0].artifact in page.text  # an address is text
    assert not [value for _, _, value in page.attributes if "://" in value]


def test_it_warns_of_the_best_score_before_all_else_and_says_what_came_out() -> None:
    text = Page(PAGE).text
    best, default = SWEEP.trials[SWEEP.best or 0], SWEEP.trials[0]
    gain = f"{best.values['average'] - default.values['average']:+.4f}"
    first = [
        "best score of a sweep is an optimistic estimate: it is the best of 22 draws",
        "The confirmation says what is left of it",
        "Which settings retrieve best, by average nDCG@10 over 3 languages of mrtydi-dev?",
        "40 trials: 22 finished, 15 stopped early, 3 failed",
        SWEEP.why_ended,
        f"Trial 13 is best by average nDCG@10: {best.values['average']:.4f}, the default (trial 0) "
        f"{default.values['average']:.4f}: {gain}.",
        "3 failed: CUDA out of memory: tried to allocate 3.2 GiB (trials 12, 25, 38)",
    ]
    places = [text.index(part) for part in first]
    assert places == sorted(places)


def test_every_trial_stands_in_the_table_by_its_state_the_best_first() -> None:
    page = Page(PAGE)
    rows = page.table("All 40 trials")
    parts = [part for part, _ in rows]
    assert list(dict.fromkeys(parts)) == ["finished, the best first (22)", "stopped early (15)", "failed (3)"]
    scores = [float(cells[0][0]) for (part, _), cells in rows.items() if part.startswith("finished")]
    assert scores == sorted(scores, reverse=True)
    assert len(rows) == 40
    best = SWEEP.trials[13]
    shares = sorted(best.settings[MIX].items(), key=lambda item: -item[1])
    assert rows["finished, the best first (22)", "best"] == [
        [f"{best.values['average']:.4f}"],
        [f"{best.settings[RATE]:.3g}"],
        [f"{best.settings[HEAT]:.3g}"],
        [str(best.settings[SIZE])],
        [" · ".join(f"{name} {share:.2g}" for name, share in shares)],
        ["400"],
        ["102,400"],
        ["10.0"],
        ["0.44"],
        ["0.89"],
        ["1"],
        [],
    ]
    assert rows["failed (3)", "25"][-2:] == [["3"], [SWEEP.trials[25].why]]
    assert rows["stopped early (15)", "1"][-1] == ["ended early by asha at step 50"]
    by_language = page.table("nDCG@10 of each language")
    assert by_language["finished, the best first (22)", "best"] == [
        [f"{best.curve[-1].languages[language]:.4f}"] for language in LANGUAGES
    ]
    mixes = page.table("The share of each language, after normalisation")
    assert mixes["failed (3)", "25"] == [[f"{SWEEP.trials[25].settings[MIX][x]:.1%}"] for x in LANGUAGES]


def test_it_says_what_was_searched_how_and_what_it_took() -> None:
    page = Page(PAGE)
    space = page.table("What was searched")
    assert [row for _, row in space] == [RATE, HEAT, SIZE, MIX]
    assert space["", RATE][0] == ["1e-6 to 0.001, on a log scale"]
    assert space["", SIZE] == [["one of 32; 64; 128"], ["128"], ["128"]]
    assert space["", MIX][0] == ["shares of eng, fin, ara"]
    assert "tpe (seed 17, startup trials 10)" in page.text
    assert "asha (grace steps 50, reduction 2)" in page.text
    assert "at most 400 steps of 256 pairs" in page.text
    spent = f"{SWEEP.spent['pairs']:,.0f}"
    assert page.table("What the sweep might take")["", "pairs"] == [["4,000,000"], ["3,600,000"], [spent]]
    assert page.table("What the sweep might take")["", "hours"] == [["–"], ["5.50"], ["–"]]


def test_it_says_how_trials_were_compared_and_what_mattered() -> None:
    page = Page(PAGE)
    assert "37 trials, compared each after 50 steps, as some were stopped early" in page.text
    assert "Left out: 3 failed." in page.text
    rows = page.table("Settings and average, over 37 trials")
    assert next(iter(rows)) == ("", "learning_rate")
    assert set(rows) == {("", name) for name in ("learning_rate", "temperature", "batch_size")} | {
        ("", f"share of {language}") for language in LANGUAGES
    }
    assert "compared at their ends" in Page(sweep_page(made_sweep(5, early=False), None)).text


def test_the_confirmation_is_the_table_of_a_study() -> None:
    result = CONFIRMATION.benchmarks[0]
    page = Page(PAGE)
    overview = page.rows[f"{PRIMARY}, averaged over the languages of each group, with 95 % intervals."]
    assert [row[0][0] for row in overview] == ["BM25", "untrained", "default", "trial 13"]
    e = result.systems[3].groups["all"][PRIMARY]
    assert overview[3][5] == [f"{e.mean:.3f}", f"[{e.low:.3f}, {e.high:.3f}]"]
    assert all(verdict in page.text for verdict in result.verdicts)
    assert len(page.table(f"{PRIMARY} of trial 13 minus default.")) == len(result.languages) + len(result.groups)
    assert any("of trial 13 minus default" in title for title in page.images)
    without = Page(sweep_page(made_sweep(3, early=False), None))
    assert "None has been run." in without.text
    assert "No confirmation has been run: until the winner is trained anew" in without.text
    assert f"{PRIMARY} of trial 13 minus default." not in without.tables


def test_a_trial_can_be_trained_again_by_what_the_page_says() -> None:
    commands = [unescape(line) for line in re.findall(r"<code>(raytrain train.*?)</code>", PAGE)]
    assert commands[0] == "raytrain train JOB.yaml"
    assert "raytrain tune JOB.yaml --best --trial 13 --to trial-13.yaml && raytrain train trial-13.yaml" in unescape(
        PAGE
    )


def test_several_objectives_have_a_front_and_a_payoff_table_and_no_best() -> None:
    sweep = made_sweep(14, objectives=["average", "worst", "never_trained"])
    page = Page(sweep_page(sweep, None))
    assert sections_of(page)[3] == "front"
    front = page.table("nDCG@10 of the trials that no other one beats")
    assert {int(row) for part, row in front if part == "on the front"} == set(sweep.front)
    payoff = page.rows["nDCG@10 of the trial that is best by one objective alone, by all of them (the payoff table)."]
    assert [row[0][0] for row in payoff] == ["average", "worst", "never trained"]
    assert f"{len(sweep.front)} of " in page.text
    assert "on the Pareto front of average and worst and never trained" in page.text
    assert "A score on the front of a sweep is an optimistic estimate" in page.text
    assert sum("on the front" in title for title in page.images) == 3
    for name in ("average", "worst", "never trained"):
        assert any(caption.startswith(f"Settings and {name}, over") for caption in page.tables)


NOTHING = {"curve": [], "step": None, "values": {}, "artifact": ""}


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        (made_sweep(1), "The default (trial 0) is best by average nDCG@10"),
        (made_sweep(0, best=None), "no trial yet"),
        (changed(made_sweep(9), state="failed", why="NaN", **NOTHING), "9 failed: NaN"),
        (changed(made_sweep(3), state="running", **NOTHING), "The sweep is not over: 3 running."),
        (changed(made_sweep(3), state="waiting", cost=Cost(), **NOTHING), "The sweep is not over: 3 not begun."),
        (changed(made_sweep(3, objectives=["average", "worst"]), state="failed", **NOTHING), "no reason known"),
        (changed(made_sweep(3, early=False), values={"average": math.nan}), "has a score by average that is a number"),
    ],
    ids=["one", "none", "failed", "running", "waiting", "failed, two objectives", "no numbers"],
)
def test_a_sweep_with_little_or_nothing_to_show_has_a_page(sweep: Sweep, said: str) -> None:
    page = Page(sweep_page(sweep, None))
    assert page.open == []
    assert said in page.text
    assert ("optimistic estimate" in page.text) == (sum(t.state == "finished" for t in sweep.trials) > 1)
    assert {"result", "confirmation", "searched", "importance", "trials"} <= set(sections_of(page))


def test_a_default_that_has_not_finished_is_compared_with_nothing() -> None:
    sweep = made_sweep(5, early=False)
    failed = sweep.trials[0].model_copy(update={"state": "failed", "why": "NaN", **NOTHING})
    best = sweep.trials[3].number
    text = Page(sweep_page(sweep.model_copy(update={"trials": [failed, *sweep.trials[1:]], "best": best}), None)).text
    assert "The default (trial 0) has not finished, and can't be compared." in text


def test_what_the_sweep_says_is_text_and_never_markup() -> None:
    sweep = made_sweep(8, ["eng", "fin", HOSTILE], [HOSTILE, "worst"])
    failed = sweep.trials[5].model_copy(update={"state": "failed", "why": HOSTILE, **NOTHING})
    odd = {
        "name": HOSTILE,
        "metric": HOSTILE,
        "benchmark": HOSTILE,
        "space": [*sweep.space, Axis(key=HOSTILE, kind="choice", options=[HOSTILE])],
        "search": {"kind": HOSTILE, HOSTILE: HOSTILE},
        "why_ended": HOSTILE,
        "currency": HOSTILE,
        "versions": {HOSTILE: HOSTILE},
        "budget": {HOSTILE: 1.0},
    }
    told = {"artifact": HOSTILE}
    trials = [t.model_copy(update={"settings": {**t.settings, HOSTILE: HOSTILE}, **told}) for t in sweep.trials]
    written = sweep_page(sweep.model_copy(update={**odd, "trials": [*trials, failed]}), None)
    page = Page(written)
    assert page.open == []
    assert "<script" not in written
    assert not page.tags["script"]
    assert page.text.count(HOSTILE) > 50


def test_reasons_stand_in_the_direction_of_their_script() -> None:
    sweep = changed(made_sweep(2), state="failed", why="نفدت ذاكرة الجهاز", **NOTHING)
    written = sweep_page(sweep, None)
    assert re.search(r'<td class="words" dir="auto">نفدت ذاكرة الجهاز', written)
    assert re.search(r'<li dir="auto">2 failed: نفدت', written)


def test_five_hundred_trials_are_a_page_of_a_few_megabytes() -> None:
    written = sweep_page(made_sweep(500, ["eng", "fin", "ara", "tha", "deu"]), None)
    assert 500_000 < len(written.encode()) < 3_000_000
    table = written[written.index("<span>All 500 trials") :]
    assert table[: table.index("</table>")].count('<tr><th scope="row">') == 500
    assert "<details>\n<summary>Scores, settings and costs</summary>" in written  # folded


def test_the_same_sweep_gives_the_same_bytes_whatever_the_settings() -> None:
    with matplotlib.rc_context({"font.size": 31, "svg.hashsalt": None, "axes.grid": False, "lines.linewidth": 9}):
        assert sweep_page(SWEEP.model_copy(deep=True), CONFIRMATION) == PAGE


def test_languages_that_no_objective_counts_are_told() -> None:
    sweep = made_sweep(3, early=False)
    more = []
    for t in sweep.trials:
        point = Point(step=400, languages={**t.curve[-1].languages, "tel": 0.4}, values=t.values)
        more.append(t.model_copy(update={"curve": [point]}))
    page = Page(sweep_page(sweep.model_copy(update={"trials": more}), None))
    rows = page.table("nDCG@10 of each language; the best of finished trials in bold. No objective counts tel.")
    assert all(cells[-1] == ["0.4000"] for cells in rows.values())


def test_what_a_population_changed_is_told_step_by_step() -> None:
    page = Page(sweep_page(made_population(8), None))
    assert page.open == []
    assert "changes" in sections_of(page)
    assert "the settings of a trial are those that it began with" in " ".join(page.text.split())
    rows = page.table("The settings of trials that went on from another's checkpoint")
    assert list(rows) == [
        ("trial 7", "0"),
        ("trial 7", "100"),
        ("trial 7", "300"),
        ("trial 8", "0"),
        ("trial 8", "200"),
    ]
    assert rows["trial 7", "300"][:2] == [["2.5e-5"], ["0.05"]]
    assert rows["trial 7", "300"][-1] == ["eng 0.5 · ara 0.38 · fin 0.12"]
    assert any(title.startswith("learning_rate by step, of 8 trials") for title in page.images)
    assert "changes" not in sections_of(Page(PAGE))
