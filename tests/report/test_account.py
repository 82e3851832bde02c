"""The account of a corpus: nothing is lost between the reasons, the steps and the sums."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from raytrain.artifact import Input, Manifest, RowAccount
from raytrain.corpus.config import Decontaminate
from raytrain.corpus.runs import RELATIONS
from raytrain.report.account import (
    BAD,
    KINDS,
    STEPS,
    account_of,
    by_step,
    kinds_found,
    most_read_first,
    reasons_in_order,
    total_of,
    with_benchmark_texts,
)
from raytrain.study.results import CorpusAccount

OF_STEP = {
    BAD: ["missing_answer", "not_json", "empty_question", "mismatched_neg_scores"],
    "not asked for": ["language_not_wanted"],
    "cleaning": ["question_empty", "question_short", "answer_asks"],
    "other language": ["language_other", "language_unsure"],
    "benchmarks": ["benchmark_question_near", "benchmark_passage_exact", "benchmark_other_passage"],
    "duplicates": ["duplicate_id", "duplicate_question", "near_duplicate"],
}
REASONS = [reason for reasons in OF_STEP.values() for reason in reasons]
DROPPED = st.dictionaries(st.sampled_from(REASONS), st.integers(1, 10**9))


def rows(kept: int, dropped: dict[str, int]) -> RowAccount:
    return RowAccount(taken=kept + sum(dropped.values()), kept=kept, dropped=dropped)


def corpus_account(languages: dict[str, RowAccount], **changes: Any) -> CorpusAccount:
    return CorpusAccount(**({"languages": languages, "search": Decontaminate(), "matches": {}} | changes))


def manifest_of(corpus: CorpusAccount, inputs: tuple[str, ...], rules: Any) -> Manifest:
    """What prepare leaves."""
    kept = {name: of for name, of in corpus.languages.items() if of.kept}
    total = total_of(corpus.languages.values())
    return Manifest(
        format=1,
        stage="prepare",
        hash="1f3a",
        writer="w",
        created="2026-01-02T03:04:05Z",
        identity={"corpus": {"decontaminate": rules}},
        config={},
        inputs={name: Input(stage=name, hash="2", content="3") for name in inputs},
        files=[],
        content="77aa",
        rows=total,
        summary={
            "languages": {
                name: {"rows": of.kept, "shards": {}, "taken": of.taken, "dropped": of.dropped}
                for name, of in kept.items()
            },
            "without_rows": {n: of.model_dump() for n, of in corpus.languages.items() if n not in kept},
            "benchmark_matches": corpus.matches,
        },
        versions={},
    )


def test_every_reason_belongs_to_its_step() -> None:
    assert tuple(OF_STEP) == STEPS
    for step, reasons in OF_STEP.items():
        assert by_step(rows(1, dict.fromkeys(reasons, 2))) == {step: 2 * len(reasons)}
    assert all(by_step(rows(0, {reason: 1})).keys() <= {"benchmarks", "duplicates"} for reason in RELATIONS)


@given(DROPPED)
def test_steps_hold_all_that_was_dropped_in_their_order(dropped: dict[str, int]) -> None:
    found = by_step(rows(3, dropped))
    assert sum(found.values()) == sum(dropped.values())
    assert list(found) == [step for step in STEPS if step in found]
    ordered = reasons_in_order(dropped)
    assert sorted(ordered) == sorted(dropped)
    steps = [next(iter(by_step(rows(0, {reason: 1})))) for reason in ordered]
    assert steps == sorted(steps, key=STEPS.index)


@given(st.dictionaries(st.sampled_from(["eng", "fin", "deu-eng"]), st.tuples(st.integers(0, 99), DROPPED)))
def test_the_account_in_the_manifest_is_whole(found: dict[str, tuple[int, dict[str, int]]]) -> None:
    languages = {label: rows(*of) for label, of in found.items()}
    corpus = corpus_account(languages, matches={"tydi": {"fin": {"question_near": 2}}})
    read = account_of(manifest_of(corpus, ("benchmark",), Decontaminate().model_dump(mode="json")))
    assert read == corpus
    total = total_of(read.languages.values())
    assert total.taken == total.kept + sum(total.dropped.values())
    taken = [languages[label].taken for label in most_read_first(read)]
    assert taken == sorted(taken, reverse=True)
    assert with_benchmark_texts(read) == sum(n for r, n in total.dropped.items() if r.startswith("benchmark_"))


def test_it_says_that_nothing_was_searched() -> None:
    corpus = corpus_account({"eng": rows(1, {})})
    off = {"exact": False, "near": False, "all_passages": False}
    on = Decontaminate().model_dump(mode="json")
    for inputs, given_rules in (((), on), (("benchmark",), False), (("benchmark",), off)):
        assert account_of(manifest_of(corpus, inputs, given_rules)).search is None
    only_passages = account_of(manifest_of(corpus, ("benchmark",), off | {"all_passages": True}))
    assert only_passages.search == Decontaminate(exact=False, near=False, all_passages=True)


def test_matches_are_summed_over_labels_by_kind() -> None:
    matches = {"tydi": {"fin": {"question_exact": 1, "passage_near": 2}, "eng": {"passage_near": 3}}}
    corpus = corpus_account({}, matches=matches)
    assert kinds_found(corpus, "tydi", ["fin", "eng"]) == [1, 0, 0, 5, 0]
    assert kinds_found(corpus, "tydi", ["fin"]) == [1, 0, 0, 2, 0]
    assert kinds_found(corpus, "other", ["fin"]) == [0] * len(KINDS)
