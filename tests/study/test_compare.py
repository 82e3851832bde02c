"""Studies made up: small ones with known answers, and many drawn at random to count false and missed findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raytrain.evaluate.metrics import METRICS
from raytrain.study.compare import Draws, Scored, benchmark_result, groups_of
from raytrain.study.results import PRIMARY, BenchmarkResult, Comparison, LanguageCount
from raytrain.study.statistics import FloatArray
from raytrain.study.verdict import verdicts

FEW = Draws(resamples=600, permutations=400)
Scores = dict[str, FloatArray]


def scored(
    name: str,
    by_language: Scores,
    *,
    seeds: Sequence[int] = (0, 1),
    pairs: Sequence[str] = ("eng",),
    trained: bool = True,
) -> Scored:
    scores = dict.fromkeys(METRICS, by_language)
    return Scored(name, "trained" if trained else "baseline", tuple(seeds), dict.fromkeys(pairs, 10), scores)


def counts_of(ids: dict[str, list[str]]) -> dict[str, LanguageCount]:
    return {
        lang: LanguageCount(questions=len(keys), passages=9, left_out=0, trained=False) for lang, keys in ids.items()
    }


def result_of(
    systems: list[Scored],
    ids: dict[str, list[str]],
    baseline: str | None = "english",
    draws: Draws = FEW,
    seed: int = 0,
) -> BenchmarkResult:
    return benchmark_result("made-up", counts_of(ids), ids, systems, baseline, seed, draws=draws)


def row(result: BenchmarkResult, name: str, system: str = "mixed") -> Comparison:
    (found,) = [c for c in result.comparisons if c.name == name and c.system == system]
    return found


def shared_ids(languages: Sequence[str], n: int) -> dict[str, list[str]]:
    return {lang: [f"q{i}" for i in range(n)] for lang in languages}


def random_scores(languages: Sequence[str], n: int, seeds: int, key: int) -> Scores:
    rng = np.random.default_rng(key)
    return {lang: rng.random((seeds, n)) for lang in languages}


# exact numbers


def test_means_are_over_seeds_and_questions_and_macro_over_languages() -> None:
    ids = {"eng": ["a", "b"], "fin": ["c", "d", "e", "f"]}
    english = scored("english", {"eng": np.array([[1.0, 0.5], [0.5, 0.0]]), "fin": np.zeros((2, 4))})
    mixed = scored("mixed", {"eng": np.array([[1.0, 1.0], [0.0, 0.0]]), "fin": np.full((2, 4), 0.25)}, pairs=["fin"])
    result = result_of([english, mixed], ids)
    system = result.systems[0]
    assert system.languages["eng"][PRIMARY].by_seed == [0.75, 0.25]
    assert system.languages["eng"]["MRR@100"].mean == 0.5
    assert system.groups["all"][PRIMARY].mean == 0.25
    assert system.groups["all"][PRIMARY].by_seed == [0.375, 0.125]
    assert result.groups == {"trained": ["eng", "fin"], "all": ["eng", "fin"], "all without eng": ["fin"]}
    assert [row(result, name).difference for name in ("eng", "fin", "all")] == [0.0, 0.25, 0.125]
    assert [c.name for c in result.comparisons] == ["eng", "fin", "trained", "all", "all without eng"]


def test_groups_follow_the_pairs_of_trained_systems_only() -> None:
    arms = [
        scored("english", {}, pairs=["eng", "tam"]),
        Scored("mixed", "trained", (0,), {"swa": 5, "tel": 0}, {}),
        scored("other", {}, pairs=["tel"], trained=False),
    ]
    assert groups_of(["eng", "swa", "tel"], arms) == {
        "trained": ["eng", "swa"],
        "never trained": ["tel"],
        "all": ["eng", "swa", "tel"],
        "all without eng": ["swa", "tel"],
    }
    assert groups_of(["eng"], arms) == {"trained": ["eng"], "all": ["eng"]}
    assert "all without eng" not in groups_of(["swa", "tel"], arms)
    assert groups_of([], arms) == {}


def test_of_a_pair_of_languages_one_is_enough() -> None:
    arms = [scored("english", {}), Scored("mixed", "trained", (0,), {"swa": 5, "deu-fin": 3}, {})]
    assert groups_of(["deu-rus", "eng-fra", "rus-tel", "tel-rus"], arms) == {
        "trained": ["deu-rus", "eng-fra"],
        "never trained": ["rus-tel", "tel-rus"],
        "all": ["deu-rus", "eng-fra", "rus-tel", "tel-rus"],
        "all without eng": ["deu-rus", "rus-tel", "tel-rus"],
    }


def test_a_plain_run_has_estimates_and_nothing_else() -> None:
    ids = shared_ids(["eng", "tel"], 40) | {"tha": []}
    bm25 = scored("bm25", random_scores(["eng", "tel"], 40, 1, 1), seeds=(), pairs=(), trained=False)
    trained = scored("trained", random_scores(["eng", "tel"], 40, 1, 2), seeds=(7,))
    result = result_of([bm25, trained], ids, baseline=None)
    assert (result.comparisons, result.verdicts) == ([], [])
    assert set(result.languages) == {"eng", "tel", "tha"}
    assert set(result.systems[0].languages) == {"eng", "tel"}
    estimate = result.systems[0].languages["tel"]["Recall@100"]
    values = bm25.scores["Recall@100"]["tel"]
    half = 1.96 * values.std() / np.sqrt(40)
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert (estimate.by_seed, result.systems[0].seeds) == ([], [])
    assert len(result.systems[1].groups["all"][PRIMARY].by_seed) == 1


def test_a_benchmark_without_any_question_has_no_numbers() -> None:
    result = result_of([scored("english", {}), scored("mixed", {})], {"eng": []})
    assert (result.groups, result.comparisons, result.verdicts) == ({}, [], [])
    assert result.systems[0].languages == {}


def test_untrained_systems_are_not_compared_and_lend_no_seeds() -> None:
    ids = shared_ids(["eng"], 30)
    untrained = scored("untrained", random_scores(["eng"], 30, 2, 0), pairs=(), trained=False)
    arms = [
        scored(name, random_scores(["eng"], 30, 1, i), seeds=(0,)) for i, name in enumerate(["english", "mixed"], 1)
    ]
    result = result_of([untrained, *arms], ids)
    assert {c.system for c in result.comparisons} == {"mixed"}
    assert all(c.p is None for c in result.comparisons)


def test_an_untrained_baseline_adds_no_seeds_of_its_own() -> None:
    """The same arm against the same scores: narrower where the baseline is no training run."""
    ids = shared_ids(["eng"], 30)
    flat = {"eng": np.full((1, 30), 0.4)}
    mixed = scored("mixed", {"eng": np.array([[0.50] * 30, [0.52] * 30])})
    widths = []
    for trained in (True, False):
        result = result_of([scored("english", flat, seeds=(0,), trained=trained), mixed], ids)
        widths.append(row(result, "eng").high - row(result, "eng").low)
    assert widths[1] == pytest.approx(widths[0] / np.sqrt(3), rel=1e-6)  # 1/2 instead of 1/2 + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": "turkish"}, "no system is called turkish; there are english, mixed"),
        ({"name": "english"}, "two systems have one name"),
        ({"scores": np.zeros((1, 3))}, r"mixed, nDCG@10, eng: scores must be of shape \(2, 3\)"),
        ({"scores": np.full((2, 3), np.nan)}, "mixed, nDCG@10, eng: scores must be finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: dict[str, object], message: str) -> None:
    scores = change.get("scores", np.zeros((2, 3)))
    assert isinstance(scores, np.ndarray)
    systems = [scored("english", {"eng": np.zeros((2, 3))}), scored(str(change.get("name", "mixed")), {"eng": scores})]
    with pytest.raises(ValueError, match=message):
        result_of(systems, shared_ids(["eng"], 3), baseline=str(change.get("baseline", "english")))


# findings


def test_one_seed_an_arm_gives_an_interval_over_questions_and_no_verdict() -> None:
    ids = shared_ids(["eng", "tel"], 50)
    english = scored("english", {lang: np.zeros((1, 50)) for lang in ids}, seeds=(0,))
    mixed = scored("mixed", {lang: np.full((1, 50), 0.5) for lang in ids}, seeds=(0,), pairs=["eng", "deu"])
    result = result_of([english, mixed], ids)
    for c in result.comparisons:
        assert (c.p, c.p_holm, c.finding) == (None, None, "no verdict")
        assert (c.low, c.high) == (0.5, 0.5)
        assert c.p_questions == 1 / 401
    assert result.verdicts == [
        f"mixed against english, 1 {kind} language ({lang}): +0.500 nDCG@10 [+0.500, +0.500] over questions alone: "
        "no verdict: one seed an arm says nothing about the next training run; name two or more in study.seeds."
        for kind, lang in (("never-trained", "tel"), ("trained", "eng"))
    ]


def test_the_same_scores_in_both_arms_are_no_difference() -> None:
    ids = shared_ids(["eng", "tel"], 40)
    scores = random_scores(list(ids), 40, 2, 3)
    result = result_of([scored("english", scores), scored("mixed", scores)], ids)
    for c in result.comparisons:
        assert (c.difference, c.p_questions, c.p, c.finding) == (0, 1, 1, "no verdict")
        assert c.p_holm == (None if c.name.startswith("all") else 1)
        assert c.low < 0 < c.high  # new seeds would differ
    still = {lang: np.repeat(x[:1], 2, axis=0) for lang, x in scores.items()}
    result = result_of([scored("english", still), scored("mixed", still)], ids)
    assert {(c.low, c.high, c.p) for c in result.comparisons} == {(0, 0, 1)}


def test_languages_and_groups_are_corrected_each_among_themselves_over_all_arms() -> None:
    ids = shared_ids(["eng", "fin", "tel"], 60)
    arms = [scored(name, random_scores(list(ids), 60, 2, i)) for i, name in enumerate(["english", "mixed", "even"])]
    result = result_of(arms, ids)
    assert {c.name for c in result.comparisons if c.p_holm is None} == {"all", "all without eng"}  # told, not asked
    for over, tests in (("language", 6), ("group", 4)):
        rows = [c for c in result.comparisons if c.over == over and c.p_holm is not None]
        assert len(rows) == tests
        smallest = min(rows, key=lambda c: c.p or 0)
        assert smallest.p is not None
        assert smallest.p_holm == pytest.approx(min(1, smallest.p * tests))


def test_beside_its_p_every_language_has_a_t_test_and_what_could_be_found() -> None:
    ids = shared_ids(["eng", "fin"], 60)
    english, mixed = (scored(name, random_scores(list(ids), 60, 2, i)) for i, name in enumerate(["english", "mixed"]))
    result = result_of([english, mixed], ids, draws=Draws(600, 4_000))
    for language in ids:
        differences = (mixed.scores[PRIMARY][language] - english.scores[PRIMARY][language]).mean(axis=0)
        c = row(result, language)
        assert c.p_t == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
        assert c.p_questions == pytest.approx(c.p_t, abs=0.03)
        assert c.detectable == pytest.approx(2.8 * differences.std(ddof=1) / np.sqrt(60), rel=0.03)
    assert {(c.p_t, c.detectable) for c in result.comparisons if c.over == "group"} == {(None, None)}
    raw = sorted(row(result, language).p_questions for language in ids)
    held = sorted(row(result, language).p_questions_holm or 0 for language in ids)
    assert held == pytest.approx([min(1, 2 * raw[0]), min(1, max(2 * raw[0], raw[1]))])
    one = {language: ["only"] for language in ids}
    single = [scored(arm.name, {x: arm.scores[PRIMARY][x][:, :1] for x in ids}) for arm in (english, mixed)]
    assert {(c.p_t, c.detectable) for c in result_of(single, one).comparisons} == {(None, None)}
    again = scored("again", dict(english.scores[PRIMARY]))  # no difference tells nothing of what could be found
    assert {(c.p_t, c.detectable) for c in result_of([english, again], ids).comparisons} == {(None, None)}


def test_another_metric_can_be_compared() -> None:
    ids = shared_ids(["eng"], 40)
    arms = [scored(name, random_scores(["eng"], 40, 1, i), seeds=()) for i, name in enumerate(["english", "mixed"])]
    zero = {metric: {"eng": np.zeros((1, 40))} for metric in METRICS}
    flat = [Scored(s.name, s.kind, (), {}, zero | {"Recall@10": s.scores["Recall@10"]}) for s in arms]
    for metric, differs in (("Recall@10", True), ("MRR@10", False)):
        result = benchmark_result("made-up", counts_of(ids), ids, flat, "english", draws=FEW, metric=metric)
        assert {c.metric for c in result.comparisons} == {metric}
        assert (row(result, "eng").difference != 0) is differs


STUDIES = st.tuples(st.integers(0, 10**6), st.integers(1, 4), st.integers(3, 50), st.integers(2, 3), st.booleans())


@settings(deadline=None, max_examples=25)
@given(STUDIES)
def test_swapping_the_arms_turns_the_signs(study: tuple[int, int, int, int, bool]) -> None:
    key, languages, n, seeds, shared = study
    names = [f"l{i}" for i in range(languages)]
    ids = {lang: [f"{'' if shared else lang}{i}" for i in range(n)] for lang in names}
    a, b = (scored(x, random_scores(names, n, seeds, key + i), seeds=range(seeds)) for i, x in enumerate("ab"))
    draws = Draws(resamples=4_000, permutations=2_000)
    forth, back = result_of([a, b], ids, "a", draws), result_of([a, b], ids, "b", draws)
    for f, g in zip(forth.comparisons, back.comparisons, strict=True):
        assert (f.over, f.name, f.system, g.system) == (g.over, g.name, "b", "a")
        assert f.difference == pytest.approx(-g.difference, abs=1e-12)
        width = f.high - f.low
        assert (f.low, f.high) == pytest.approx((-g.high, -g.low), abs=0.25 * width)
        assert f.p_questions == pytest.approx(g.p_questions, abs=1e-9)  # the same signs are drawn
        assert f.p == pytest.approx(g.p, abs=0.06)


@settings(deadline=None, max_examples=25)
@given(STUDIES, st.randoms(use_true_random=False))
def test_the_order_of_questions_and_languages_is_nothing(
    study: tuple[int, int, int, int, bool], random: Random
) -> None:
    key, languages, n, seeds, shared = study
    names = [f"l{i}" for i in range(languages)]
    ids = {lang: [f"{'' if shared else lang}{i}" for i in range(n)] for lang in names}
    arms = [scored(x, random_scores(names, n, seeds, key + i), seeds=range(seeds)) for i, x in enumerate(["a", "b"])]
    orders = {}
    for lang in reversed(names):
        orders[lang] = list(range(n))
        random.shuffle(orders[lang])
    turned = [
        scored(arm.name, {lang: arm.scores[PRIMARY][lang][:, order] for lang, order in orders.items()}, seeds=arm.seeds)
        for arm in arms
    ]
    draws = Draws(resamples=4_000, permutations=4_000)
    one = result_of(arms, ids, "a", draws)
    other = result_of(turned, {lang: [ids[lang][i] for i in order] for lang, order in orders.items()}, "a", draws)
    for c in one.comparisons:
        d = row(other, c.name, "b")
        width = c.high - c.low
        assert d.difference == pytest.approx(c.difference, abs=1e-12)
        assert (d.low, d.high) == pytest.approx((c.low, c.high), abs=0.25 * width)
        assert (d.p_questions, d.p) == pytest.approx((c.p_questions, c.p), abs=0.06)


def test_the_same_scores_and_seed_give_the_same_result() -> None:
    ids = shared_ids(["eng", "tel"], 40)
    arms = [scored(name, random_scores(list(ids), 40, 2, i)) for i, name in enumerate(["english", "mixed"])]
    assert result_of(arms, ids) == result_of(arms, ids)
    assert result_of(arms, ids) != result_of(arms, ids, seed=1)


# sentences


def comparison(**change: object) -> Comparison:
    fields = {"system": "mixed", "baseline": "english", "metric": PRIMARY, "over": "group", "name": "never trained"}
    numbers = {"difference": 0.0412, "low": 0.0101, "high": 0.0729, "p_questions": 0.001, "p": 0.004, "p_holm": 0.012}
    return Comparison.model_validate(fields | numbers | {"finding": "better"} | change)


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({}, "+0.041 nDCG@10 [+0.010, +0.073], p = 0.012 (Holm): better."),
        (
            {"difference": -0.02, "low": -0.03, "high": -0.01, "p_holm": 0.0002, "finding": "worse"},
            "-0.020 nDCG@10 [-0.030, -0.010], p < 0.001 (Holm): worse.",
        ),
        (
            {"difference": -1e-9, "low": -0.01, "p": 0.4, "p_holm": 0.8, "finding": "no verdict"},
            "+0.000 nDCG@10 [-0.010, +0.073], p = 0.80 (Holm): no verdict: the difference is within what new seeds and "
            "questions would change.",
        ),
        (
            {"p": 0.03, "p_holm": 0.06, "finding": "no verdict"},
            "+0.041 nDCG@10 [+0.010, +0.073], p = 0.060 (Holm): no verdict: p = 0.030 by itself, but this is one of 1 "
            "comparisons.",
        ),
    ],
)
def test_a_sentence_says_what_was_found(change: dict[str, object], end: str) -> None:
    (sentence,) = verdicts({"never trained": ["ben", "fin"]}, [comparison(**change)])
    assert sentence == f"mixed against english, 2 never-trained languages (ben, fin): {end}"


def test_arms_keep_their_order_with_the_never_trained_first_and_other_groups_unsaid() -> None:
    groups = {"trained": ["eng"], "never trained": [f"l{i}" for i in range(30)], "all": ["eng"]}
    rows = [comparison(system=arm, name=name) for arm in ("mixed", "even") for name in groups]
    sentences = verdicts(groups, [*rows, comparison(over="language", name="trained", system="none")])
    starts = [sentence.split(" (l0" if "never" in sentence else " (eng")[0] for sentence in sentences]
    assert starts == [
        f"{arm} against english, {what}"
        for arm in ("mixed", "even")
        for what in ("30 never-trained languages", "1 trained language")
    ]
    assert "l18, l19, …): " in sentences[0]


# many studies


@dataclass(frozen=True)
class World:
    """What the truth is: noise of questions, of seeds (each moves all languages, and each alone), and an effect."""

    effect: float = 0.0
    seed_noise: float = 0.03
    seeds: int = 2
    languages: int = 4
    questions: int = 60

    def study(self, key: int) -> tuple[list[Scored], dict[str, list[str]]]:
        """Two arms; question difficulty and its gain by the mix are shared by the languages, as in translations."""
        rng = np.random.default_rng(key)
        names = ["eng", "fin", "tel", "tha"][: self.languages]
        ids = shared_ids(names, self.questions)
        difficulty = 0.5 + 0.2 * rng.normal(size=self.questions)
        arms = []
        for arm, effect in (("english", 0.0), ("mixed", self.effect)):
            gain = effect + 0.1 * rng.normal(size=self.questions)
            common = self.seed_noise * rng.normal(size=(self.seeds, 1))
            scores = {
                lang: difficulty
                + gain
                + common
                + self.seed_noise / 2 * rng.normal(size=(self.seeds, 1))
                + 0.1 * rng.normal(size=(self.seeds, self.questions))
                for lang in names
            }
            pairs = ["eng", "fin"] if arm == "mixed" else ["eng"]
            arms.append(scored_primary(arm, scores, range(self.seeds), pairs))
        return arms, ids

    def results(self, studies: int) -> list[BenchmarkResult]:
        return [result_of(*self.study(key), draws=Draws(400, 200), seed=key) for key in range(studies)]


def scored_primary(name: str, scores: Scores, seeds: Sequence[int], pairs: Sequence[str]) -> Scored:
    return Scored(name, "trained", tuple(seeds), dict.fromkeys(pairs, 10), {PRIMARY: scores})


def share(results: list[BenchmarkResult], found: str) -> float:
    return float(np.mean([any(c.over == "group" and c.finding == found for c in r.comparisons) for r in results]))


@pytest.fixture(scope="module")
def alike() -> list[BenchmarkResult]:
    """Studies of two arms between which there is nothing but other seeds and other questions."""
    return World(questions=150).results(300)


def test_arms_alike_are_rarely_found_to_differ(alike: list[BenchmarkResult]) -> None:
    assert share(alike, "better") + share(alike, "worse") <= 0.07
    assert np.mean([c.p is not None and c.p < 0.05 for c in (row(r, "all") for r in alike)]) <= 0.07


def test_a_test_that_knows_no_seeds_calls_arms_alike_different(alike: list[BenchmarkResult]) -> None:
    """Why seeds count: over questions alone, what a seed did to every question is taken for the arm's doing."""
    assert np.mean([row(r, "all").p_questions < 0.05 for r in alike]) >= 0.3


def test_of_several_languages_one_stands_out_by_chance_unless_corrected(alike: list[BenchmarkResult]) -> None:
    rows = [[c for c in r.comparisons if c.over == "language"] for r in alike]
    raw = np.mean([any(c.p is not None and c.p < 0.05 for c in of_study) for of_study in rows])
    found = np.mean([any(c.finding != "no verdict" for c in of_study) for of_study in rows])
    assert found <= 0.07
    assert raw >= 0.1


@pytest.mark.parametrize("seed_noise", [0.0, 0.005, 0.05])
def test_the_interval_covers_the_truth(seed_noise: float) -> None:
    results = World(effect=0.05, seed_noise=seed_noise).results(250)
    for name in ("all", "tel"):
        covered = np.mean([row(r, name).low <= 0.05 <= row(r, name).high for r in results])
        assert covered >= 0.93


def test_an_effect_well_above_the_noise_of_three_seeds_is_found() -> None:
    results = World(effect=0.08, seed_noise=0.006, seeds=3, questions=150).results(60)
    assert share(results, "better") >= 0.8
    assert share(results, "worse") == 0
    assert share(World(effect=-0.08, seed_noise=0.006, seeds=3, questions=150).results(20), "worse") >= 0.8
