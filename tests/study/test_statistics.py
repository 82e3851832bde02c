"""The mathematics of a study against closed forms, against scipy, and as properties."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raytrain.study import statistics
from raytrain.study.statistics import (
    SMALL_STRATUM,
    Drawing,
    FloatArray,
    SeedSpread,
    add_seeds,
    detectable,
    holm,
    interval,
    resample,
    seed_spread,
    sign_flip_p,
    strata_of,
    t_test_p,
    two_sided_p,
)

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def column(values: list[float] | FloatArray) -> FloatArray:
    return np.asarray(values, np.float64)[:, None]


def named(language: str, n: int) -> list[str]:
    return [f"{language}-{i}" for i in range(n)]


def drawing(ids: dict[str, list[str]], values: dict[str, FloatArray], *targets: list[str]) -> Drawing:
    return Drawing(strata_of(ids), values, targets or [[language] for language in ids])


# strata


def test_ids_of_the_same_languages_are_one_stratum_wherever_they_stand() -> None:
    shared, own = named("both", 40), named("fin", 35)
    strata = strata_of({"eng": shared, "fin": own + shared[::-1]})
    assert [s.size for s in strata] == [40, 35]
    assert {lang: columns.tolist() for lang, (_, columns) in strata[0].places.items()} == {
        "eng": list(range(40)),
        "fin": list(range(74, 34, -1)),
    }
    assert {lang: columns.tolist() for lang, (_, columns) in strata[1].places.items()} == {"fin": list(range(35))}


def test_every_score_lies_in_one_stratum_and_small_ones_are_merged() -> None:
    ids = {"eng": ["a", "b", "c"], "fin": ["b", "c", "d"], "tel": ["c"]}
    (merged,) = strata_of(ids)
    assert merged.size == 4
    assert {lang: sorted(columns.tolist()) for lang, (_, columns) in merged.places.items()} == {
        "eng": [0, 1, 2],
        "fin": [0, 1, 2],
        "tel": [0],
    }
    rows = {lang: dict(zip(c.tolist(), r.tolist(), strict=True)) for lang, (r, c) in merged.places.items()}
    assert rows["eng"][2] == rows["fin"][1] == rows["tel"][0]  # c


def test_an_id_twice_in_a_language_is_refused() -> None:
    with pytest.raises(ValueError, match="fin has question q1 twice"):
        strata_of({"eng": ["q1"], "fin": ["q1", "q2", "q1"]})


# the bootstrap


def test_the_bootstrap_of_one_language_has_the_standard_error_of_the_mean() -> None:
    x = column(rng(1).random(200))
    drawn = resample(drawing({"fin": named("fin", 200)}, {"fin": x}), 20_000, rng())
    assert drawn.shape == (1, 20_000, 1)
    assert drawn.mean() == pytest.approx(0, abs=5e-4)
    assert drawn.std() == pytest.approx(x.std() / np.sqrt(200), rel=0.02)


def test_the_bootstrap_draws_whole_scores_so_it_has_the_very_values_of_a_resampled_mean() -> None:
    """Of two questions scored 0 and 1: means 0, ½, 1 with chances ¼, ½, ¼."""
    drawn = resample(drawing({"fin": ["a", "b"]}, {"fin": column([0, 1])}), 20_000, rng())[0, :, 0] + 0.5
    shares = {value: float((drawn == value).mean()) for value in np.unique(drawn)}
    assert shares == pytest.approx({0.0: 0.25, 0.5: 0.5, 1.0: 0.25}, abs=0.015)


def test_a_question_asked_in_several_languages_is_one_draw() -> None:
    """Equal columns under shared ids add nothing by being there twice; under ids of their own they do."""
    x = column(rng(1).random(150))
    languages = [f"l{i}" for i in range(4)]
    values = dict.fromkeys(languages, x)
    shared = resample(drawing(dict.fromkeys(languages, named("q", 150)), values, languages), 8_000, rng())
    apart = resample(drawing({lang: named(lang, 150) for lang in languages}, values, languages), 8_000, rng())
    alone = x.std() / np.sqrt(150)
    assert shared.std() == pytest.approx(alone, rel=0.03)
    assert apart.std() == pytest.approx(alone / 2, rel=0.03)


@pytest.mark.parametrize("overlap", [0, 5, 40, 75, 80])
def test_the_spread_of_a_group_is_that_of_its_contributions(overlap: int) -> None:
    """sqrt of the sum of squares of c_u, whether the strata are large, small or merged."""
    n = 80
    common = named("common", overlap)
    ids = {lang: common + named(lang, n - overlap) for lang in ("eng", "fin")}
    base = rng(2).random(overlap)
    values = {lang: column(np.concatenate([base, rng(s).random(n - overlap)])) for s, lang in enumerate(ids, start=3)}
    drawn = resample(drawing(ids, values, ["eng", "fin"]), 20_000, rng())
    contributions: dict[str, float] = {}
    for lang, keys in ids.items():
        for key, score in zip(keys, values[lang][:, 0] - values[lang].mean(), strict=True):
            contributions[key] = contributions.get(key, 0.0) + score / (n * 2)
    assert drawn.std() == pytest.approx(np.sqrt(sum(c**2 for c in contributions.values())), rel=0.04)


def test_ids_each_alone_in_its_set_of_languages_still_vary() -> None:
    """Three languages and every pattern of them once: drawn within such strata nothing would ever change."""
    patterns = {"a": "100", "b": "010", "c": "001", "d": "110", "e": "011", "f": "101", "g": "111"}
    ids = {f"l{i}": [key for key, p in patterns.items() if p[i] == "1"] for i in range(3)}
    values = {lang: column(rng(i).random(4)) for i, lang in enumerate(ids)}
    drawn = resample(drawing(ids, values), 5_000, rng())[:, :, 0]
    expected = [values[lang].std() / np.sqrt(4) for lang in ids]
    assert drawn.std(axis=1) == pytest.approx(expected, rel=0.1)


def test_equal_columns_do_not_vary_and_one_question_has_no_spread() -> None:
    ids = {"eng": named("eng", 50), "fin": ["only"]}
    values = {"eng": np.full((50, 2), 0.25), "fin": np.array([[0.3, 0.7]])}
    assert not resample(drawing(ids, values, ["eng"], ["fin"], ["eng", "fin"]), 100, rng()).any()


def test_blocks_of_draws_are_joined_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CELLS_AT_ONCE", 7 * 40)
    x = column(rng(1).random(40))
    drawn = resample(drawing({"fin": named("fin", 40)}, {"fin": x}), 2_000, rng())[0, :, 0]
    assert drawn.std() == pytest.approx(x.std() / np.sqrt(40), rel=0.06)
    assert len(np.unique(drawn)) > 1_900
    differences = column([0.2, 0.3, -0.1])
    few = sign_flip_p(drawing({"fin": named("fin", 3)}, {"fin": differences}), 2_000, rng())
    assert few == pytest.approx(0.5, abs=0.05)


# the sign-flip test


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 2)), min_size=2, max_size=9))
def test_signs_flipped_at_random_agree_with_scipy_flipping_all(differences: list[float]) -> None:
    ids = {"fin": named("fin", len(differences))}
    ours = sign_flip_p(drawing(ids, {"fin": column(differences)}), 20_000, rng())[0, 0]
    exact = stats.permutation_test(
        (np.array(differences),), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert ours == pytest.approx(exact.pvalue, abs=0.02)


def test_a_shared_id_flips_in_all_its_languages_together() -> None:
    """Five shared ids, all better: only all-plus and all-minus are as far out, 2 of 32. Apart: 2 of 1024."""
    values = dict.fromkeys(("eng", "fin"), column([0.1] * 5))
    shared = sign_flip_p(drawing(dict.fromkeys(values, named("q", 5)), values, ["eng", "fin"]), 100_000, rng())
    apart = sign_flip_p(drawing({lang: named(lang, 5) for lang in values}, values, ["eng", "fin"]), 100_000, rng())
    assert shared[0, 0] == pytest.approx(2 / 32, abs=0.003)
    assert apart[0, 0] == pytest.approx(2 / 1024, abs=0.001)


def test_no_difference_at_all_has_p_1_and_none_has_p_0() -> None:
    ids = {"fin": named("fin", 200)}
    values = {"fin": np.stack([np.zeros(200), np.full(200, 0.1)], axis=1)}
    assert sign_flip_p(drawing(ids, values), 999, rng()).tolist() == [[1.0, 0.001]]


def test_the_p_of_equal_systems_is_uniform() -> None:
    noise = rng(5).normal(size=(60, 400))
    p = sign_flip_p(drawing({"fin": named("fin", 60)}, {"fin": noise}), 2_000, rng())[0]
    assert stats.kstest(p, "uniform").pvalue > 0.01


# seeds


def test_the_spread_of_seeds_is_pooled_over_arms_with_two_or_more() -> None:
    spread = seed_spread([[0.50, 0.54], [0.30, 0.31, 0.35], [0.9]])
    squares = 2 * 0.02**2 + (0.02**2 + 0.01**2 + 0.03**2)
    assert spread is not None
    assert (spread.sd, spread.df) == (pytest.approx(np.sqrt(squares / 3)), 3)


def test_without_two_seeds_in_any_arm_there_is_no_spread() -> None:
    assert seed_spread([[0.5], [0.6]]) is None
    assert seed_spread([]) is None


def test_seeds_alone_give_the_two_sample_t_test() -> None:
    """With no variance between questions the interval and p are those of the classical test."""
    a, b = [0.52, 0.55, 0.50], [0.47, 0.49, 0.44]
    spread = seed_spread([a, b])
    assert spread is not None
    difference = float(np.mean(a) - np.mean(b))
    drawn = add_seeds(np.zeros(200_000), spread, [3, 3], rng())
    expected = stats.ttest_ind(a, b)
    assert two_sided_p(difference, drawn) == pytest.approx(expected.pvalue, rel=0.05)
    assert interval(difference, drawn) == pytest.approx(expected.confidence_interval(), abs=0.001)


def test_seeds_count_by_their_number_and_what_is_not_trained_not_at_all() -> None:
    spread = SeedSpread(0.1, 1000)
    sds = [add_seeds(np.zeros(50_000), spread, n, rng()).std() for n in ([1, 1], [2, 2], [4, 1], [4, 0], [0, 0])]
    assert sds == pytest.approx([0.1414, 0.1, 0.1118, 0.05, 0.0], rel=0.02)


# intervals, p, Holm


def test_an_interval_holds_the_middle_95_percent() -> None:
    assert interval(1.0, np.arange(-100, 101) / 100) == pytest.approx((0.05, 1.95))


def test_p_counts_deviations_as_large_on_either_side() -> None:
    deviations = np.array([-0.3, -0.2, 0.1, 0.2, 0.1 + 0.1 + 1e-15, 0.0, 0.05, -0.1, 0.15])
    assert two_sided_p(0.2, deviations) == two_sided_p(-0.2, deviations) == (1 + 4) / 10
    assert two_sided_p(0.0, deviations) == two_sided_p(0.0, np.zeros(9)) == 1.0
    assert two_sided_p(0.4, deviations) == 0.1


# the t-test, and what can be found at all


def test_the_t_test_is_scipys_paired_one() -> None:
    a, b = rng(1).random((40, 3)), rng(2).random((40, 3)) * [1, 1.1, 1.5]
    assert t_test_p(b - a) == pytest.approx(stats.ttest_rel(b, a).pvalue)


def test_the_t_test_says_nothing_of_one_question_or_of_equal_differences() -> None:
    assert np.isnan(t_test_p(np.array([[0.5]]))).all()
    equal = np.stack([np.zeros(9), np.full(9, 0.1) * [1, 1 + 1e-15, *[1] * 7], np.arange(9)], axis=1)
    assert np.isnan(t_test_p(equal)).tolist() == [True, True, False]


def test_the_detectable_difference_is_that_of_the_textbooks() -> None:
    """R: power.t.test(n = 20, sd = 1, power = .8, type = "paired") gives 0.6604."""
    assert detectable(20, 1.0) == pytest.approx(0.6604, abs=5e-5)
    assert detectable(10_000, 0.5) == pytest.approx((1.959964 + 0.841621) * 0.005, rel=1e-3)
    assert np.isnan(detectable(1, 1.0))


@given(st.integers(2, 5_000), st.floats(0, 1))
def test_more_questions_show_smaller_differences(n: int, sd: float) -> None:
    least = detectable(n, sd)
    assert 0 <= detectable(n + 1, sd) <= least
    assert detectable(n, 2 * sd) == pytest.approx(2 * least)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(P_VALUES)
def test_holm_is_monotone_and_never_below_the_raw_p(p_values: list[float]) -> None:
    """Against the definition without a walk: the largest, over smaller p, of p times how many are no smaller."""
    adjusted = holm(p_values)
    at_least = [sum(other >= p for other in p_values) for p in p_values]
    steps = [min(1.0, n * p) for n, p in zip(at_least, p_values, strict=True)]
    for p, q in zip(p_values, adjusted, strict=True):
        assert q == max(step for step, other in zip(steps, p_values, strict=True) if other <= p)
        assert p <= q <= 1
    assert (np.diff(np.array(adjusted)[np.argsort(p_values, kind="stable")]) >= 0).all()


@given(P_VALUES, st.randoms(use_true_random=False))
def test_holm_does_not_depend_on_the_order(p_values: list[float], random: Random) -> None:
    places = list(range(len(p_values)))
    random.shuffle(places)
    shuffled = holm([p_values[i] for i in places])
    assert shuffled == [holm(p_values)[i] for i in places]


def test_small_strata_are_those_below_thirty() -> None:
    """Two sets of languages just large enough stay apart; one id fewer each and they are drawn together."""
    sizes = [[s.size for s in strata_of({"eng": named("e", n), "fin": named("f", n)})] for n in (30, 29)]
    assert SMALL_STRATUM == 30
    assert sizes == [[30, 30], [58]]
