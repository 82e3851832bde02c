"""The plots of a sweep: that they draw what is there, where it belongs."""

import re
from collections import Counter
from xml.etree import ElementTree

import pytest

from made_sweeps import HEAT, MIX, RATE, SIZE, made_population, made_sweep
from raytrain.report.drawing import RULE
from raytrain.report.sweep_changes import changes
from raytrain.report.sweep_cost import costs
from raytrain.report.sweep_curves import curves
from raytrain.report.sweep_front import fronts
from raytrain.report.sweep_importance import importance_plot
from raytrain.report.sweep_mix import mixes
from raytrain.report.sweep_palette import shades
from raytrain.report.sweep_parallel import parallel
from raytrain.report.sweep_trials import STYLES, setting_names, setting_text, short_keys
from raytrain.tune.coordinates import Coordinate, coordinates_of
from raytrain.tune.importance import Importance, Influence, importances
from raytrain.tune.results import Axis, Cost, Sweep

LOOKS = {name: style.colour.lower() for name, style in STYLES.items()}


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def lines(svg: str) -> Counter[str]:
    """Lines that are no grid or frame, by colour."""
    styles = re.findall(r'<path d="[^"]*" [^>]*style="fill: none; ([^"]*)"', svg)
    return Counter(match[1] for style in styles if (match := re.search(r"stroke: (#\w+)", style)))


def marks(svg: str) -> list[tuple[float, float, str]]:
    """Where marks are, in pixels from the left and top, and their colour."""
    found = []
    for use in ElementTree.fromstring(svg).iter("use"):
        fill = re.search(r"fill: (#\w+)", use.attrib.get("style", ""))
        found.append((float(use.attrib["x"]), float(use.attrib["y"]), fill[1] if fill else ""))
    return found


def with_mixes(*mixes: dict[str, float]) -> Sweep:
    sweep = made_sweep(len(mixes), list(mixes[0]), early=False)
    trials = [t.model_copy(update={"settings": {MIX: mix}}) for t, mix in zip(sweep.trials, mixes, strict=True)]
    return sweep.model_copy(update={"trials": trials})


def test_parallel_coordinates_have_an_axis_a_setting_and_a_line_a_trial() -> None:
    sweep = made_sweep(40)
    svg = parallel(sweep, "p")
    shown = texts(svg)
    for name in ("learning_rate", "temperature", "batch_size", "eng", "fin", "ara", "average"):
        assert shown.count(name) == 1
    assert {"1e-6", "3.16e-5", "0.001", "0.0447", "32", "64", "128"} <= set(shown)  # of a log scale, the middle
    assert shown.count("log") == 2
    found = lines(svg)
    assert found[LOOKS["stopped early"]] == 15
    assert found[LOOKS["failed"]] == 3
    assert found[LOOKS["default"]] == found[LOOKS["best"]] == 1
    grey = shades({t.number: t.values["average"] for t in sweep.trials if t.state == "finished"})
    assert len(grey) == 22
    assert parallel(sweep, "p") == svg


def test_a_line_is_high_where_its_value_is() -> None:
    sweep = made_sweep(3, early=False)
    low = sweep.trials[0].model_copy(update={"settings": {RATE: 1e-6, HEAT: 0.01, SIZE: 32, MIX: {"eng": 1}}})
    svg = parallel(sweep.model_copy(update={"trials": [low, *sweep.trials[1:]]}), "p")
    dashed = 'style="fill: none; stroke-dasharray'
    (path,) = re.findall(rf'<path d="([^"]*)"[^>]*{dashed}[^"]*stroke: {LOOKS["default"]}', svg)
    heights = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path)][:4]
    assert heights[0] == heights[1] == heights[2] == pytest.approx(350)  # at the bottom of the frame
    assert heights[3] == pytest.approx(50)


def test_three_languages_are_a_triangle_with_each_in_its_corner() -> None:
    pure = [{"eng": 1, "fin": 0, "ara": 0}, {"eng": 0, "fin": 1, "ara": 0}, {"eng": 0, "fin": 0, "ara": 1}]
    (svg,) = mixes(with_mixes(*pure), "m")
    assert {"English (eng)", "Finnish (fin)", "Arabic (ara)", "25%", "50%", "75%"} <= set(texts(svg))
    points = sorted((x, y) for x, y, _ in marks(svg))
    (left, bottom), (middle, top), (right, also_bottom) = points
    assert bottom == also_bottom > top
    assert middle == pytest.approx((left + right) / 2)
    assert bottom - top == pytest.approx((right - left) * 3**0.5 / 2, rel=1e-3)


def test_the_triangle_has_every_trial_that_scored_and_marks_default_and_best() -> None:
    sweep = made_sweep(40)
    (svg,) = mixes(sweep, "m")
    found = Counter(colour for _, _, colour in marks(svg))
    assert sum(found.values()) == 37
    assert found[LOOKS["default"]] == found[LOOKS["best"]] == 1
    assert found["none"] + found[""] == 15  # hollow


@pytest.mark.parametrize("languages", [["eng", "fin"], [f"l{i}" for i in range(23)]])
def test_other_mixes_are_stacked_bars_with_all_languages(languages: list[str]) -> None:
    sweep = made_sweep(40, languages)
    (svg,) = mixes(sweep, "m")
    shown = " ".join(texts(svg))
    assert all(language in shown for language in languages)
    assert "finished, the best first; at the right, faint," in shown
    assert f"best ({sweep.best})" in shown
    assert "default (0)" in shown
    fills = set(re.findall(r"fill: (#\w{6}); ?(?:opacity[^;]*; ?)?stroke: none|fill: (#\w{6})\"", svg))
    assert len({a or b for a, b in fills}) >= len(languages)  # none has the colour of another


def test_without_a_mix_or_a_score_there_is_no_plot_of_mixes() -> None:
    sweep = made_sweep(5, early=False)
    assert mixes(sweep.model_copy(update={"space": sweep.space[:3]}), "m") == []
    waiting = [t.model_copy(update={"state": "waiting", "curve": [], "values": {}}) for t in sweep.trials]
    assert mixes(sweep.model_copy(update={"trials": waiting}), "m") == []


def test_the_best_so_far_goes_up_over_what_all_trials_cost() -> None:
    sweep = made_sweep(40)
    pairs, hours, money = costs(sweep, "c")
    assert ["pairs trained" in texts(svg) for svg in (pairs, hours, money)] == [True, False, False]
    assert "GPU-hours" in texts(hours)
    assert "USD" in texts(money)
    (path,) = (d for d, stroke in re.findall(r'<path d="([^"]*)"[^>]*stroke: (#\w+)', pairs) if stroke == LOOKS["best"])
    heights = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path)]
    assert heights == sorted(heights, reverse=True)
    assert len(marks(pairs)) == 22
    assert any(stroke == LOOKS["default"] for stroke in lines(pairs))
    free = [t.model_copy(update={"cost": Cost(steps=400, pairs=10)}) for t in sweep.trials]
    assert len(costs(sweep.model_copy(update={"trials": free}), "c")) == 1  # neither GPU-hours nor money


def test_every_trial_has_its_curve() -> None:
    sweep = made_sweep(40, objectives=["average", "worst"])
    found = curves(sweep, "u")
    assert len(found) == 2
    drawn = lines(found[0])
    assert drawn[LOOKS["default"]] == 1
    assert drawn[LOOKS["best"]] == len(sweep.front)
    ended = sum(t.state == "finished" for t in sweep.trials)
    crosses = [colour for _, _, colour in marks(found[0])]
    assert crosses.count(LOOKS["failed"]) == sum(t.state == "failed" for t in sweep.trials)
    assert crosses.count(LOOKS["stopped early"]) == sum(t.state == "stopped" for t in sweep.trials)
    assert sum(drawn.values()) >= ended


def test_the_front_is_marked_and_the_dominated_are_faint() -> None:
    sweep = made_sweep(40, objectives=["average", "worst"])
    (svg,) = fronts(sweep, "f")
    found = Counter(colour for _, _, colour in marks(svg))
    assert found[LOOKS["best"]] == len(sweep.front)
    assert found[LOOKS["default"]] == 1
    ended = sum(t.state == "finished" for t in sweep.trials)
    beyond = [int(match[1]) for text in texts(svg) if (match := re.match(r"(\d+) more, worse", text))]
    assert found[LOOKS["stopped early"]] + sum(beyond) == ended - len(sweep.front) - 1
    assert {str(number) for number in sweep.front} <= set(texts(svg))
    assert fronts(made_sweep(10), "f") == []


def influence(setting: Coordinate, share: float | None, chance: float | None, low: float, high: float) -> Influence:
    return Influence(setting, share, chance, (low + high) / 2, low, high)


def test_only_what_goes_beyond_chance_is_filled() -> None:
    one, other = Coordinate("train.learning_rate"), Coordinate("train.epochs")
    rows = [influence(one, 0.8, 0.2, 0.3, 0.7), influence(other, 0.2, 0.4, -0.3, 0.3)]
    svg = importance_plot(Importance("average", 20, 0, 5, "", rows), "i")
    assert {"learning_rate", "epochs", "importance", "rank correlation"} <= set(texts(svg))
    bars = re.findall(r'<path [^>]*style="fill: (#\w+)"', svg)
    assert bars.count(LOOKS["best"]) == 1
    assert bars.count("#c3c9d2") == 1
    assert sorted(colour for _, _, colour in marks(svg)) == [LOOKS["best"], "#ffffff"]


def test_without_importance_the_direction_is_shown_alone() -> None:
    (found,) = importances(made_sweep(6, early=False))
    shown = texts(importance_plot(found, "i"))
    assert "rank correlation" in shown
    assert "importance" not in shown
    assert importance_plot(Importance("average", 0, 0, 0, "…", []), "i") == ""
    words = Influence(Coordinate("x", options=("a", "b")), None, None, None, None, None)
    assert "no order" in texts(importance_plot(Importance("average", 9, 0, 5, "…", [words]), "i"))


def test_names_are_as_short_as_tells_them_apart() -> None:
    assert short_keys(["train.mix.temperature", "train.losses.info_nce.temperature", "train.learning_rate"]) == {
        "train.mix.temperature": "mix.temperature",
        "train.losses.info_nce.temperature": "info_nce.temperature",
        "train.learning_rate": "learning_rate",
    }
    sweep = made_sweep(2)
    assert "share of fin" in setting_names(coordinates_of(sweep)).values()
    two = [*sweep.space, Axis(key="other.weights", kind="mix", languages=["fin"])]
    named = setting_names(coordinates_of(sweep.model_copy(update={"space": two})))
    assert {"mix.weights: fin", "other.weights: fin"} <= set(named.values())


def test_values_are_short_text() -> None:
    values = [3e-05, 0.123456, 128, True, None, "mean", [1, 2.5], {"fin": 0.2, "eng": 0.8}, {"a": {"b": 1}}]
    expected = ["3e-5", "0.123", "128", "True", "–", "mean", "1, 2.5", "eng 0.8 · fin 0.2", "a b 1"]
    assert list(map(setting_text, values)) == expected


def test_changed_settings_are_staircases_over_the_steps() -> None:
    sweep = made_population(8)
    panels = changes(sweep, "c")
    # What was changed in no trial, temperature and batch size, has no panel.
    assert [texts(svg)[-1] for svg in panels] == ["learning_rate, log", "share of eng", "share of fin", "share of ara"]
    for svg in panels:
        assert lines(svg)[LOOKS["best"]] == 1
        assert sum(of for colour, of in lines(svg).items() if colour != RULE) == 8
        assert ElementTree.fromstring(svg).tag == "svg"
    *_, last_but_one, last = sweep.trials
    only = sweep.model_copy(update={"trials": [last_but_one, last], "best": last.number})
    (path,) = re.findall(rf'<path d="([^"]*)"[^>]*stroke: {LOOKS["best"]}', changes(only, "c")[1])
    corners = list(dict.fromkeys((float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)))
    left, middle, right = 16.0, 154.0, 292.0  # of the frame, in pixels; half of the steps are in its middle
    assert [x for x, _ in corners] == pytest.approx([left, middle, middle, right])
    assert corners[0][1] == corners[1][1] > corners[2][1] == corners[3][1]  # a third of English, then a half
    assert changes(made_sweep(8), "c") == []
