"""Metrics on real judgements, against trec_eval's own code and ir_measures; and each trap that numbers have come to
differ by."""

from pathlib import Path
from struct import Struct

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from ir_measures import RR, R, nDCG

from raytrain.evaluate.metrics import DEPTH, METRICS, Hits, score
from raytrain.evaluate.trec import read_qrels, read_run, run_text
from raytrain.study.compare import Draws, Scored, benchmark_result
from raytrain.study.results import LanguageCount

SINGLE = Struct("<f")
FOLDER = Path(__file__).parents[1] / "data/mrtydi"
LANGUAGES = {"fi": 1254, "ko": 421, "sw": 670}
Relevant = dict[str, dict[str, int]]


def judgements(code: str) -> Relevant:
    return read_qrels((FOLDER / f"qrels.mrtydi-v1.1-{code}.test.txt").read_text(), code)


def made_up_run(relevant: Relevant, key: int, *, tied: bool, depth: int = 120) -> str:
    """A run file of another tool: the relevant passages among those of other questions, scores in six digits or of
    four values; a tenth of the questions is missing."""
    rng = np.random.default_rng(key)
    passages = np.array(sorted({passage for grades in relevant.values() for passage in grades}))
    lines = []
    for query, grades in relevant.items():
        if rng.random() < 0.1:
            continue
        chosen = dict.fromkeys([*passages[rng.integers(len(passages), size=depth)].tolist(), *grades])
        values = rng.integers(4, size=len(chosen)) / 2 if tied else rng.normal(size=len(chosen)).round(6)
        for rank, (passage, value) in enumerate(zip(chosen, values.tolist(), strict=True), 1):
            lines.append(f"{query} Q0 {passage} {rank} {value} made-up\n")
    return "".join(lines)


def by_pytrec_eval(relevant: Relevant, text: str, metrics: dict[str, tuple[str, int]]) -> dict[str, list[float]]:
    """A metric's value of every question, 0 where the run lacks it; a run is cut after sorting where that is said."""
    run = {
        query: sorted(hits.items(), key=lambda hit: (SINGLE.unpack(SINGLE.pack(hit[1])), hit[0]), reverse=True)
        for query, hits in pytrec_eval.parse_run(text.splitlines()).items()
    }
    found = {}
    for metric, (name, depth) in metrics.items():
        cut = {query: dict(hits[:depth]) for query, hits in run.items()}
        values = pytrec_eval.RelevanceEvaluator(relevant, {name}).evaluate(cut)
        found[metric] = [next(iter(values[query].values())) if query in values else 0.0 for query in relevant]
    return found


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("code", LANGUAGES)
def test_on_mr_tydi_every_question_has_the_numbers_of_pytrec_eval(code: str, tied: bool) -> None:
    relevant = judgements(code)
    assert len(relevant) == LANGUAGES[code]
    text = made_up_run(relevant, LANGUAGES[code], tied=tied)
    ours = score(relevant, read_run(text, "run"))
    theirs = by_pytrec_eval(
        relevant,
        text,
        {
            "nDCG@10": ("ndcg_cut_10", 10_000),
            "MRR@10": ("recip_rank", 10),
            "MRR@100": ("recip_rank", 100),
            "Recall@10": ("recall_10", 10_000),
            "Recall@100": ("recall_100", 10_000),
            "Recall@1000": ("recall_1000", 10_000),
        },
    )
    assert set(theirs) == set(METRICS)
    for metric, values in theirs.items():
        assert [ours[query][metric] for query in relevant] == pytest.approx(values, abs=1e-6)
        assert np.mean(values) > 0.001
    # What was written is read by anyone as it was ranked.
    assert score(relevant, read_run(run_text(read_run(text, "run"), "t"), "run")) == ours


@pytest.mark.parametrize("tied", [False, True])
def test_on_mr_tydi_the_run_file_has_the_same_numbers_in_ir_measures(tied: bool) -> None:
    """Where conventions agree: of runs whose scores are places, and without questions that have no hits."""
    relevant = judgements("ko")
    ranked = read_run(made_up_run(relevant, 5, tied=tied), "run")
    relevant = {query: grades for query, grades in relevant.items() if query in ranked}
    text = run_text(ranked, "t")
    ours = score(relevant, ranked)
    names = {"nDCG@10": nDCG @ 10, "MRR@10": RR @ 10, "MRR@100": RR @ 100, "Recall@10": R @ 10, "Recall@100": R @ 100}
    names["Recall@1000"] = R @ 1000
    qrels = [ir_measures.Qrel(q, passage, grade) for q, grades in relevant.items() for passage, grade in grades.items()]
    found = {(m.query_id, m.measure): m.value for m in ir_measures.iter_calc(names.values(), qrels, _scored_docs(text))}
    for metric, measure in names.items():
        expected = [found[query, measure] for query in relevant]
        assert [ours[query][metric] for query in relevant] == pytest.approx(expected, abs=1e-6)


def _scored_docs(text: str) -> list[ir_measures.ScoredDoc]:
    rows = [line.split() for line in text.splitlines()]
    return [ir_measures.ScoredDoc(row[0], row[2], float(row[4])) for row in rows]


# Traps


def hits(*names: str) -> Hits:
    return [(name, 1.0) for name in names]


def test_trap_ties_go_by_id_descending_as_in_trec_eval_whatever_the_order_of_the_lines() -> None:
    """ir_measures' RR@k takes them ascending, ranx as they stand: on the same file others get 1/3 and 1/2."""
    lines = [f"q Q0 {passage} {rank} 0.5 t" for rank, passage in enumerate(["b", "a", "c"], 1)]
    relevant = {"q": {"a": 1}}
    for text in ("\n".join(lines), "\n".join(reversed(lines))):
        assert score(relevant, read_run(text, "run"))["q"]["MRR@10"] == pytest.approx(1 / 3)
        run = pytrec_eval.parse_run(text.splitlines())
        assert pytrec_eval.RelevanceEvaluator(relevant, {"recip_rank"}).evaluate(run)["q"]["recip_rank"] == (
            pytest.approx(1 / 3)
        )


def test_trap_scores_that_are_equal_in_single_precision_are_ties() -> None:
    text = f"q Q0 a 1 {1 + 1e-9} t\nq Q0 b 2 1.0 t"
    assert [passage for passage, _ in read_run(text, "run")["q"]] == ["b", "a"]
    assert score({"q": {"a": 1}}, read_run(text, "run"))["q"]["MRR@100"] == 0.5


def test_trap_recip_rank_has_no_cutoff_of_its_own() -> None:
    names = [f"p{i:04d}" for i in range(1, DEPTH + 1)]
    for place, expected in ((10, (0.1, 0.1)), (11, (0, 1 / 11)), (100, (0, 0.01)), (101, (0, 0)), (1000, (0, 0))):
        found = score({"q": {names[place - 1]: 1}}, {"q": hits(*names)})["q"]
        assert (found["MRR@10"], found["MRR@100"]) == pytest.approx(expected)
        assert found["Recall@1000"] == 1


def test_trap_a_question_missing_from_the_run_counts_0() -> None:
    relevant: Relevant = {"there": {"p": 1}, "missing": {"p": 1}}
    run = {"there": hits("p")}
    assert pytrec_eval.RelevanceEvaluator(relevant, {"recip_rank"}).evaluate({"there": {"p": 1.0}}).keys() == {"there"}
    assert score(relevant, run)["missing"] == dict.fromkeys(METRICS, 0.0)
    assert np.mean([found["MRR@100"] for found in score(relevant, run).values()]) == 0.5


def test_trap_a_passage_with_the_id_of_its_question_is_kept() -> None:
    assert score({"7": {"7": 1}}, {"7": hits("7", "8")})["7"] == dict.fromkeys(METRICS, 1.0)
    assert score({"7": {"8": 1}}, {"7": hits("7", "8")})["7"]["MRR@10"] == 0.5


@pytest.mark.parametrize("metric", METRICS)
def test_trap_averages_are_told_with_english_and_without_and_over_trained_and_never_trained(metric: str) -> None:
    values = {"ara": 0.2, "eng": 0.8, "fin": 0.4, "tel": 0.6}
    ids = {language: ["a", "b"] for language in values}
    counts = {x: LanguageCount(questions=2, passages=9, left_out=0, trained=x in ("eng", "fin")) for x in values}
    scores = {m: {x: np.full((1, 2), value) for x, value in values.items()} for m in METRICS}
    system = Scored("trained", "trained", (1,), {"eng": 5, "fin": 1}, scores)
    (found,) = benchmark_result("b", counts, ids, [system], None, draws=Draws(20, 20)).systems
    means = {group: estimates[metric].mean for group, estimates in found.groups.items()}
    assert means == pytest.approx({"trained": 0.6, "never trained": 0.4, "all": 0.5, "all without eng": 0.4})
