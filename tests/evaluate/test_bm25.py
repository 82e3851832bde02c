"""BM25: Lucene's numbers, in languages with and without spaces."""

from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.evaluate.bm25 import rank_among_bm25, rank_bm25, tokens

WORD = st.sampled_from(["a", "b", "c", "d", "e"])
TEXT = st.lists(WORD, max_size=6).map(" ".join)


def lucene(queries: dict[str, str], passages: dict[str, str]) -> dict[str, dict[str, float]]:
    """BM25Similarity of Lucene 8 and newer, with exact lengths; passages without a word are no documents."""
    documents = {name: text.split() for name, text in passages.items() if text.split()}
    mean = sum(map(len, documents.values())) / max(1, len(documents))
    containing = Counter(word for words in documents.values() for word in set(words))

    def weight(word: str, words: list[str]) -> float:
        idf = log(1 + (len(documents) - containing[word] + 0.5) / (containing[word] + 0.5))
        tf = words.count(word)
        return idf * tf / (tf + 1.2 * (1 - 0.75 + 0.75 * len(words) / mean))

    scores = {
        q: {d: sum(weight(w, words) for w in t.split()) for d, words in documents.items()} for q, t in queries.items()
    }
    return {q: {name: value for name, value in row.items() if value > 0} for q, row in scores.items()}


def names(query: str, passages: dict[str, str]) -> list[str]:
    return [name for name, _ in rank_bm25({"q": query}, passages)["q"]]


def test_the_formula_by_hand() -> None:
    """Three passages of 2, 1 and 3 words, so the mean is 2; a is in two of them, b in one."""
    passages = {"p1": "a b", "p2": "c", "p3": "a a c"}
    idf_a, idf_b = log(1 + 1.5 / 2.5), log(1 + 2.5 / 1.5)
    p1 = (idf_a + idf_b) * 1 / (1 + 1.2 * 1.0)
    p3 = idf_a * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))
    (first, second) = rank_bm25({"q": "b a"}, passages)["q"]
    assert first == ("p1", pytest.approx(p1, rel=1e-6))
    assert second == ("p3", pytest.approx(p3, rel=1e-6))


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), TEXT),
    st.dictionaries(st.text("19aß中😀", min_size=1, max_size=3), TEXT, max_size=20),
    st.data(),
    st.integers(1, 25),
)
def test_among_candidates_the_ranking_is_that_of_all_passages_without_the_others(
    queries: dict[str, str], passages: dict[str, str], data: st.DataObject, depth: int
) -> None:
    some = st.lists(st.sampled_from([*passages]), unique=True) if passages else st.just([])
    candidates: dict[str, list[str]] = {query: data.draw(some) for query in queries}
    advanced: list[int] = []
    found = rank_among_bm25(queries, passages, candidates, depth, advanced.append)
    whole = rank_bm25(queries, passages, len(passages) + 1)
    assert found == {q: [hit for hit in whole[q] if hit[0] in candidates[q]][:depth] for q in queries}
    assert sum(advanced) == len(queries) + len(passages)


def test_a_word_counts_as_often_as_the_question_has_it() -> None:
    passages = {"p1": "a b", "p2": "c"}
    once, twice = (rank_bm25({"q": text}, passages)["q"][0][1] for text in ("a", "a a"))
    assert twice == pytest.approx(2 * once)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), TEXT),
    st.dictionaries(st.text("19aß中😀", min_size=1, max_size=3), TEXT, max_size=20),
    st.integers(1, 25),
)
def test_hits_are_those_of_a_plain_reference(queries: dict[str, str], passages: dict[str, str], depth: int) -> None:
    reference = lucene(queries, passages)
    ranked = rank_bm25(queries, passages, depth)
    assert list(ranked) == list(queries)
    for query, hits in ranked.items():
        wanted = [float(np.float32(value)) for value in reference[query].values()]
        assert dict(hits) == pytest.approx({name: reference[query][name] for name, _ in hits}, rel=1e-6)
        assert [value for _, value in hits] == pytest.approx(sorted(wanted, reverse=True)[:depth], rel=1e-6)
        assert hits == sorted(hits, key=lambda hit: (hit[1], hit[0]), reverse=True)
        full = rank_bm25({query: queries[query]}, passages, len(passages) + 1)[query]
        assert hits == full[:depth]  # ties at the boundary fall as they do within


def test_a_hundred_are_given_or_all_that_share_a_word() -> None:
    passages = {f"p{i:03d}": "word and more" if i % 2 else "nothing" for i in range(300)}
    ranked = rank_bm25({"many": "word", "none": "other", "half": "other word"}, passages, 100)
    assert [name for name, _ in ranked["many"]] == [f"p{i:03d}" for i in range(299, 99, -2)]
    assert ranked["none"] == []
    assert ranked["half"] == ranked["many"]


def test_ties_go_by_id_descending() -> None:
    passages = {f"p{i}": text for i, text in enumerate(["a b", "b a", "x", "a b", "b a"])}
    assert names("b a", passages) == ["p4", "p3", "p1", "p0"]
    assert names("b a x", dict(reversed(passages.items()))) == ["p2", "p4", "p3", "p1", "p0"]


def test_equal_weights_summed_in_another_order_are_a_tie() -> None:
    """p1 has the weights of p0 under other names; the question adds them up in another order for each."""
    words, others = "abcdefg", "tuvwxyz"
    passages = {"p0": " ".join(words), "p1": " ".join(others)}
    for k, pair in enumerate(zip(words, others, strict=True)):
        passages |= {f"{word}{n}": word for word in pair for n in range(k)}
    for shift in range(1, len(words)):
        question = " ".join(words + others[shift:] + others[:shift])
        best = rank_bm25({"q": question}, passages)["q"][:2]
        assert [name for name, _ in best] == ["p1", "p0"]
        assert best[0][1] == best[1][1]


@pytest.mark.parametrize("text", ["", "  ", "?!…", "unheard", "\u0e31"])
def test_a_question_without_known_words_has_no_hits(text: str) -> None:
    assert rank_bm25({"q": text}, {"p": "some words"}) == {"q": []}


@pytest.mark.parametrize("passages", [{}, {"p": ""}, {"p1": "—", "p2": " \n"}])
def test_a_collection_without_words_has_no_hits(passages: dict[str, str]) -> None:
    assert rank_bm25({"q": "word", "r": ""}, passages) == {"q": [], "r": []}
    assert rank_bm25({}, passages) == {}


def test_passages_without_words_change_no_score() -> None:
    passages = {"p1": "a b", "p2": "c a a"}
    assert rank_bm25({"q": "a b"}, passages | {"p0": "", "p3": "?"}) == rank_bm25({"q": "a b"}, passages)


def test_every_text_is_counted_once() -> None:
    counts: list[int] = []
    rank_bm25({"q": "a", "r": ""}, {f"p{i}": "a" if i % 3 else "" for i in range(2500)}, advance=counts.append)
    assert sum(counts) == 2502


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The U.S., don't; snake_case x2", ["the", "u", "s", "don", "t", "snake_case", "x2"]),
        ("STRASSE Straße ＡＢＣ ﬁn", ["strasse", "strasse", "abc", "fin"]),
        ("caf\u00e9 cafe\u0301 co\u00adop", ["café", "café", "coop"]),
        ("বাংলাদেশের রাজধানী", ["বাংলাদেশের", "রাজধানী"]),
        ("తెలుగు భాష", ["తెలుగు", "భాష"]),
        ("हिन्दी क्‍ष", ["हिन्दी", "क्ष"]),
        ("می\u200cخواهم", ["میخواهم"]),
        ("대한민국의 수도", ["대한민국의", "수도"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("東京tower水2個", ["東京", "tower", "水", "2", "個"]),
        ("ﾊﾞﾅﾅ", ["バナ", "ナナ"]),
        ("你好，世界", ["你好", "世界"]),
        ("ที่นี่", ["ที่นี่"]),
        ("ภาษา๒๕", ["ภา", "าษ", "ษา", "๒๕"]),
        ("ไทย\u200bลาว", ["ไท", "ทย", "ลา", "าว"]),
        ("မြန်မာ", ["မြန်", "န်မာ"]),
    ],
)
def test_the_tokens_of_a_text(text: str, wanted: list[str]) -> None:
    assert tokens(text) == wanted


@pytest.mark.parametrize(
    ("question", "answer", "others"),
    [
        (
            "เมืองหลวงของประเทศไทยคืออะไร",
            "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
            ["โตเกียวตั้งอยู่ในญี่ปุ่น", "แม่น้ำโขงไหลผ่านลาว"],
        ),
        (
            "日本の首都はどこですか",
            "東京は日本の首都である。",
            ["富士山は一番高い。", "パリはフランスにある。"],
        ),
        (
            "中国的首都是哪里？",
            "北京是中国的首都和政治中心。",
            ["长江是最长的河流。", "上海位于东海之滨。"],
        ),
        ("বাংলাদেশের রাজধানী কোথায়?", "বাংলাদেশের রাজধানী ঢাকা।", ["পদ্মা একটি নদী।", "কলকাতা ভারতের শহর।"]),
    ],
)
def test_the_answer_is_found_where_words_are_not_parted_by_spaces_or_hold_marks(
    question: str, answer: str, others: list[str]
) -> None:
    passages = {"z1": others[0], "answer": answer, "z2": others[1]}
    assert names(question, passages)[0] == "answer"


def test_words_that_share_but_their_consonants_are_different_words() -> None:
    """Cut at vowel signs, as by Python's ``\\w``, both passages would hold the letters asked for."""
    assert names("কাল", {"black": "কালো রং", "time": "কাল আসবে"}) == ["time"]
    assert names("हिन्दी", {"other": "हान्दे दूसरी", "hindi": "हिन्दी भाषा"}) == ["hindi"]
