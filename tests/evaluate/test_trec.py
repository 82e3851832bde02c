"""TREC files: what is written is read back, by raytrain and by others."""

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.errors import UserError
from raytrain.evaluate.metrics import DEPTH, MEASURES, Hits, score
from raytrain.evaluate.trec import qrels_text, read_qrels, read_run, run_text, topics_text

ODD = st.sampled_from(
    ["%", "%20", " ", "\t", "\n", "\r", "\x00", "\x1c", "\x85", "\u00a0", "\u2028", "\u3000", "ß", "中"]
)
ID = st.one_of(
    st.text(st.characters(exclude_categories=()), min_size=1, max_size=6),  # lone surrogates too
    st.lists(ODD, min_size=1, max_size=4).map("".join),
)
HITS = st.dictionaries(ID, st.floats(allow_nan=False), min_size=1, max_size=8).map(
    lambda scores: sorted(scores.items(), key=lambda hit: (hit[1], hit[0]), reverse=True)
)
RANKED = st.dictionaries(ID, HITS, max_size=4)
RELEVANT = st.dictionaries(ID, st.dictionaries(ID, st.integers(-1, 3), min_size=1, max_size=5), max_size=4)


def order(ranked: dict[str, Hits]) -> dict[str, list[str]]:
    return {query: [passage for passage, _ in hits] for query, hits in ranked.items()}


def refusal(reader: object, text: str) -> str:
    assert callable(reader)
    with pytest.raises(UserError) as caught:
        reader(text, "a/run.txt")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@settings(deadline=None)
@given(RANKED, ID)
def test_a_run_is_read_back_in_its_order(ranked: dict[str, Hits], tag: str) -> None:
    assert order(read_run(run_text(ranked, tag), "run")) == order(ranked)


@settings(deadline=None)
@given(RELEVANT)
def test_judgements_are_read_back(relevant: dict[str, dict[str, int]]) -> None:
    assert read_qrels(qrels_text(relevant), "qrels") == relevant


@settings(deadline=None)
@given(RANKED, st.data())
def test_the_metrics_are_the_same_read_back_and_in_other_tools(ranked: dict[str, Hits], data: st.DataObject) -> None:
    passages = sorted({passage for hits in ranked.values() for passage, _ in hits} | {"absent"})
    grades = st.dictionaries(st.sampled_from(passages), st.integers(0, 3), min_size=1)
    relevant = {query: data.draw(grades) for query in ranked}
    run, qrels = run_text(ranked, "a tag"), qrels_text(relevant)
    run.encode()  # a file can hold it
    scores = score(relevant, ranked)
    assert score(read_qrels(qrels, "qrels"), read_run(run, "run")) == scores

    lines = [text.encode().decode().splitlines() for text in (qrels, run)]
    evaluator = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(lines[0]), {m.name for m in MEASURES.values()})
    others = evaluator.evaluate(pytrec_eval.parse_run(lines[1]))
    assert sorted(tuple(each[m.name] for m in MEASURES.values()) for each in others.values()) == sorted(
        tuple(each.values()) for each in scores.values()
    )


def test_the_lines_of_a_run() -> None:
    text = run_text({"q 1": [("b", 0.75), ("100%", 0.75)], "empty": [], "q2": [("p\u00a0é", 3.0)]}, "my run")
    assert text == "q%201 Q0 b 1 999 my%20run\nq%201 Q0 100%25 2 998 my%20run\nq2 Q0 p%C2%A0é 1 999 my%20run\n"
    assert qrels_text({"q 1": {"b": 2}, "none": {}, "q2": {"c": 0}}) == "q%201 0 b 2\nq2 0 c 0\n"


def test_the_lines_of_topics() -> None:
    text = topics_text({"q 1": "What\tis\r\nthis\u2028?", "q2": " مَا ", "q3": ""})
    assert text == "q%201\tWhat is this ?\nq2\tمَا\nq3\t\n"
    with pytest.raises(UserError, match="empty question id"):
        topics_text({"": "?"})


def test_a_full_ranking_ends_at_score_0() -> None:
    hits = [(f"p{i}", 1.0) for i in range(DEPTH)]
    read = read_run(run_text({"q": hits}, "t"), "run")["q"]
    assert [value for _, value in read] == [float(place) for place in range(DEPTH - 1, -1, -1)]
    assert [name for name, _ in read] == [name for name, _ in hits]


def test_a_run_of_another_tool_is_ordered_as_trec_eval_does() -> None:
    """By score as float32, then by id descending; the rank column says nothing."""
    text = "\n".join(
        ["q\tQ0\ta\t1\t0.5\tx", "q Q0 b 2 0.5 x", "", "q Q0 c 3 9e-1 x", f"q Q0 d 4 {0.5 - 1e-12} x\r", ""]
    )
    assert read_run(text, "run") == {"q": [("c", pytest.approx(0.9)), ("d", 0.5), ("b", 0.5), ("a", 0.5)]}


def test_nothing_is_read_from_nothing() -> None:
    assert read_run("", "run") == read_run("\n \n", "run") == read_qrels("", "qrels") == {}
    assert run_text({}, "t") == qrels_text({}) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("q Q0 p 1 2.0", "line 2 has 5 columns; wanted: question Q0 passage rank score tag"),
        ("q Q0 p 1 2.0 my run", "line 2 has 7 columns"),
        ("q Q0 p 1 high t", "line 2: score high is no number"),
        ("q Q0 p 1 nan t", "line 2: score nan is no finite number"),
        ("q Q0 p 1 1e39 t", "line 2: score 1e39 is no finite number"),
        ("q Q0 a 2 0.5 t", "line 2 ranks passage a a second time"),
        ("q Q0 %61 2 0.5 t", "line 2 ranks passage a a second time"),
        ("q Q0 p%FF 1 2.0 t", "line 2: id p%FF is not percent-encoded UTF-8"),
    ],
)
def test_a_broken_line_of_a_run_is_named(line: str, words: str) -> None:
    assert refusal(read_run, f"q Q0 a 1 1.0 t\n{line}\n").startswith(f"a/run.txt: {words}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("q p 1", "line 3 has 3 columns; wanted: question 0 passage grade"),
        ("q 0 p 1.5", "line 3: grade 1.5 is no whole number"),
        ("q 0 p yes", "line 3: grade yes is no whole number"),
        ("q 0 a 1", "line 3 judges passage a a second time"),
        ("%FF 0 p 1", "line 3: id %FF is not percent-encoded UTF-8"),
    ],
)
def test_a_broken_judgement_is_named(line: str, words: str) -> None:
    assert refusal(read_qrels, f"q 0 a 1\n\n{line}\n").startswith(f"a/run.txt: {words}")


@pytest.mark.parametrize(
    ("ranked", "tag", "what"),
    [({"": [("a", 1.0)]}, "t", "question id"), ({"q": [("", 1.0)]}, "t", "passage id"), ({}, "", "tag")],
)
def test_what_is_empty_has_no_column(ranked: dict[str, Hits], tag: str, what: str) -> None:
    with pytest.raises(UserError, match=f"empty {what}"):
        run_text(ranked, tag)
