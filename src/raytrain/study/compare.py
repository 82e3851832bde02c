"""Arms × seeds, scored per question, against a baseline arm: estimates, comparisons, findings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from raytrain.languages import is_trained, languages_of
from raytrain.study.results import PRIMARY, BenchmarkResult, Comparison, Estimate, LanguageCount, System
from raytrain.study.statistics import (
    ALPHA,
    TIE,
    Drawing,
    FloatArray,
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
from raytrain.study.verdict import ASKED, verdicts


@dataclass(frozen=True)
class Scored:
    """The scores of one system. ``scores``: metric → language → (max(1, seeds), questions), each from 0 to 1."""

    name: str
    kind: Literal["baseline", "trained", "fused"]
    seeds: tuple[int, ...]
    pairs: Mapping[str, int]
    scores: Mapping[str, Mapping[str, FloatArray]]


@dataclass(frozen=True)
class Draws:
    """How much is drawn. Fewer than the default are for tests: p has no value below 1 / (1 + draws)."""

    resamples: int = 20_000
    permutations: int = 100_000


@dataclass(frozen=True)
class Target:
    """What a mean is taken over: a language, or a group of languages with equal weight each."""

    over: Literal["language", "group"]
    name: str
    languages: tuple[str, ...]


Estimates = dict[tuple[str, str, Target], Estimate]  # by name of the system, metric, target


def benchmark_result(
    name: str,
    counts: Mapping[str, LanguageCount],
    question_ids: Mapping[str, Sequence[str]],
    systems: Sequence[Scored],
    baseline: str | None,
    seed: int = 0,
    *,
    draws: Draws | None = None,
    metric: str = PRIMARY,
) -> BenchmarkResult:
    """All systems on one benchmark; ``baseline`` None compares none of them (a plain run), else on ``metric``.

    Columns of the scores follow ``question_ids``; a language without questions is in ``counts`` only. ``seed`` is
    that of the draws: the same scores give the same result. Raises ValueError for scores of another shape, not
    finite, two systems of one name, or a baseline that is none of them.
    """
    ids = {language: keys for language, keys in question_ids.items() if len(keys)}
    _check(ids, systems, baseline)
    groups = groups_of(list(ids), systems)
    languages = [Target("language", language, (language,)) for language in ids]
    targets = languages + [Target("group", group, tuple(members)) for group, members in groups.items()]
    estimates: Estimates = {}
    comparisons: list[Comparison] = []
    if targets:
        estimates, comparisons = _judge(ids, systems, baseline, targets, seed, draws or Draws(), metric)
    return BenchmarkResult(
        name=name,
        languages=dict(counts),
        groups=groups,
        systems=[_system(system, targets, estimates) for system in systems],
        comparisons=comparisons,
        verdicts=verdicts(groups, comparisons),
    )


def _judge(
    ids: Mapping[str, Sequence[str]],
    systems: Sequence[Scored],
    baseline: str | None,
    targets: Sequence[Target],
    seed: int,
    draws: Draws,
    metric: str,
) -> tuple[Estimates, list[Comparison]]:
    """Every system's estimates, and every arm's rows against the baseline, from one draw of the questions."""
    against = next((s for s in systems if s.name == baseline), None)
    arms = [s for s in systems if s.kind == "trained" and s is not against] if against else []
    columns = [(system, name) for system in systems for name in system.scores]
    if not columns:
        return {}, []
    strata = strata_of(ids)
    reach = [target.languages for target in targets]
    values = {lang: np.stack([s.scores[m][lang].mean(axis=0) for s, m in columns], axis=1) for lang in ids}
    differences = {lang: _differences(arms, against, lang, metric, len(ids[lang])) for lang in ids}
    both = {lang: np.concatenate([values[lang], differences[lang]], axis=1) for lang in ids}
    rng = np.random.default_rng([seed, 0])
    deviations = resample(Drawing(strata, both, reach), draws.resamples, rng)
    estimates = {
        (system.name, name, target): _estimate(system, name, target, deviations[t, :, i])
        for i, (system, name) in enumerate(columns)
        for t, target in enumerate(targets)
    }
    if against is None or not arms:
        return estimates, []
    flips = np.random.default_rng([seed, 1])
    p_questions = sign_flip_p(Drawing(strata, differences, reach), draws.permutations, flips)
    rows = []
    for a, arm in enumerate(arms):
        for t, target in enumerate(targets):
            told = {"p_questions": float(p_questions[t, a])}
            if target.over == "language":
                told |= _of_questions(differences[target.name][:, a])
            drawn = deviations[t, :, len(columns) + a]
            rows.append(_compare(arm, against, systems, target, metric, told, drawn, rng))
    return estimates, corrected(rows)


def trained_on(pairs: Iterable[Mapping[str, int]]) -> set[str]:
    """The languages of which there are training pairs, those of cross-lingual pairs (``deu-eng``) among them."""
    return {language for one in pairs for label, n in one.items() if n > 0 for language in languages_of(label)}


def groups_of(languages: Sequence[str], systems: Sequence[Scored]) -> dict[str, list[str]]:
    """Groups of the scored languages by name, empty ones left out. Trained: any trained system has pairs of it."""
    seen = trained_on(s.pairs for s in systems if s.kind == "trained")
    without = [language for language in languages if "eng" not in languages_of(language)]
    groups = {
        "trained": [language for language in languages if is_trained(language, seen)],
        "never trained": [language for language in languages if not is_trained(language, seen)],
        "all": list(languages),
        "all without eng": without if len(without) < len(languages) else [],
    }
    return {name: members for name, members in groups.items() if members}


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """With ``p_holm``, ``p_questions_holm`` and ``finding``, in the same order.

    All rows over languages, of all arms, are corrected together, and so are those over the groups that a study asks
    about. The wider averages only repeat these: they are shown with their p and are no findings of their own.
    """
    done = list(comparisons)
    families = ([c.over == "language" for c in done], [c.over == "group" and c.name in ASKED for c in done])
    for family in families:
        members = [i for i in range(len(done)) if family[i]]
        for i, p_holm in zip(members, holm([done[k].p_questions for k in members]), strict=True):
            done[i] = done[i].model_copy(update={"p_questions_holm": p_holm})
        places = [i for i, c in enumerate(done) if family[i] and c.p is not None]
        for i, p_holm in zip(places, holm([p for k in places if (p := done[k].p) is not None]), strict=True):
            finding = finding_of(done[i].difference, p_holm)
            done[i] = done[i].model_copy(update={"p_holm": p_holm, "finding": finding})
    return done


def finding_of(difference: float, p: float) -> Literal["better", "worse", "no verdict"]:
    """What a difference is, by its corrected p."""
    if p >= ALPHA or not difference:
        return "no verdict"
    return "better" if difference > 0 else "worse"


def _check(ids: Mapping[str, Sequence[str]], systems: Sequence[Scored], baseline: str | None) -> None:
    names = [system.name for system in systems]
    if len(set(names)) < len(names):
        raise ValueError(f"two systems have one name: {', '.join(names)}")
    if baseline is not None and baseline not in names:
        raise ValueError(f"no system is called {baseline}; there are {', '.join(names)}")
    for system in systems:
        for metric, by_language in system.scores.items():
            for language, keys in ids.items():
                shape = (max(1, len(system.seeds)), len(keys))
                where = f"{system.name}, {metric}, {language}"
                if language not in by_language or by_language[language].shape != shape:
                    raise ValueError(f"{where}: scores must be of shape {shape}")
                if not np.isfinite(by_language[language]).all():
                    raise ValueError(f"{where}: scores must be finite")


def _differences(
    arms: Sequence[Scored], against: Scored | None, language: str, metric: str, questions: int
) -> FloatArray:
    """Arm minus baseline on a metric, means over seeds. Shape (questions, arms)."""
    if against is None:
        return np.empty((questions, 0))
    of_baseline = against.scores[metric][language].mean(axis=0)
    columns = [arm.scores[metric][language].mean(axis=0) - of_baseline for arm in arms]
    return np.stack(columns, axis=1) if columns else np.empty((questions, 0))


def _of_questions(differences: FloatArray) -> dict[str, float]:
    """What a comparison tells of the differences of one language's questions, (n,), where that can be told."""
    found = {"p_t": float(t_test_p(differences[:, None])[0])}
    if len(differences) > 1 and np.ptp(differences) > TIE:  # a spread of 0 tells nothing of other questions
        found["detectable"] = detectable(len(differences), float(differences.std(ddof=1)))
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _by_seed(system: Scored, metric: str, target: Target) -> FloatArray:
    """Mean score of each seed. Shape (max(1, seeds),)."""
    means: FloatArray = np.mean([system.scores[metric][lang].mean(axis=1) for lang in target.languages], axis=0)
    return means


def _estimate(system: Scored, metric: str, target: Target, deviations: FloatArray) -> Estimate:
    by_seed = _by_seed(system, metric, target)
    mean = float(by_seed.mean())
    low, high = interval(mean, deviations)
    return Estimate(mean=mean, low=low, high=high, by_seed=by_seed.tolist() if system.seeds else [])


def _system(system: Scored, targets: Sequence[Target], estimates: Estimates) -> System:
    found = {target: {m: estimates[system.name, m, target] for m in system.scores} for target in targets}
    return System(
        name=system.name,
        kind=system.kind,
        seeds=list(system.seeds),
        pairs=dict(system.pairs),
        languages={target.name: e for target, e in found.items() if target.over == "language"},
        groups={target.name: e for target, e in found.items() if target.over == "group"},
    )


def _compare(
    arm: Scored,
    against: Scored,
    systems: Sequence[Scored],
    target: Target,
    metric: str,
    of_questions: Mapping[str, float],
    deviations: FloatArray,
    rng: np.random.Generator,
) -> Comparison:
    """One row, not yet corrected. Without two seeds in any arm the interval is over questions alone, and no p."""
    difference = float(_by_seed(arm, metric, target).mean() - _by_seed(against, metric, target).mean())
    spread = seed_spread(_by_seed(s, metric, target).tolist() for s in systems if s.kind == "trained")
    p = None
    if spread is not None:
        of_arms = [max(1, len(s.seeds)) if s.kind == "trained" else 0 for s in (arm, against)]
        deviations = add_seeds(deviations, spread, of_arms, rng)
        p = two_sided_p(difference, deviations)
    low, high = interval(difference, deviations)
    return Comparison(
        system=arm.name,
        baseline=against.name,
        metric=metric,
        over=target.over,
        name=target.name,
        difference=difference,
        low=low,
        high=high,
        p_questions=of_questions["p_questions"],
        p_t=of_questions.get("p_t"),
        detectable=of_questions.get("detectable"),
        p=p,
        p_holm=None,
        finding="no verdict",
    )
