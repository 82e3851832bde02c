"""What of training rows is in a benchmark: in their language, the same or near, in any of their positives."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.config import Decontaminate
from raytrain.corpus.decontaminate import (
    PASSAGE,
    QUESTION,
    Contamination,
    HeldOutTexts,
    Searched,
    read_passage_keys,
    relevant_texts,
    write_passage_keys,
)
from raytrain.corpus.likeness.normal_form import text_keys, words
from raytrain.evaluate.benchmark import load_benchmark
from raytrain.evaluate.held_out import HeldOut, write_held_out
from raytrain.evaluate.retrieval import Retrieval
from raytrain.parquet import write_parquet
from raytrain.storage import Location

ASKED = "what is the capital of the green island in the north"
TOLD = "the capital of the green island is a small town by the sea with a long name"
NEARLY = ASKED.replace("north", "South")  # 7 of 9 shingles are the same


@pytest.fixture
def held_out(tmp_path: Path) -> HeldOutTexts:
    folder = Location.of(str(tmp_path))
    files = {}
    for language, kind, text in (("eng", QUESTION, ASKED), ("eng", PASSAGE, TOLD), ("deu", QUESTION, "Wie heißt er?")):
        write_parquet(pa.table({"text": [text]}), folder, f"{language}-{kind}")
        files["qa", language, kind] = folder / f"{language}-{kind}"
    files["other", "eng", QUESTION] = files["qa", "eng", QUESTION]
    return HeldOutTexts(files)


def search(
    held_out: HeldOutTexts,
    rows: Sequence[tuple[str, str, str]],
    near: float | bool = 0.8,
    exact: bool = True,
    positives: Sequence[list[str] | None] | None = None,
) -> Contamination:
    labels, questions, answers = (pa.chunked_array([pa.array(c, pa.string())]) for c in zip(*rows, strict=True))
    every = np.arange(len(rows))
    lists = pa.chunked_array([pa.array(positives or [None] * len(rows), pa.list_(pa.string()))])
    texts = {
        QUESTION: Searched(words(questions), every),
        PASSAGE: Searched(words(answers), every).with_lists(lists),
    }
    return held_out.search(labels, texts, Decontaminate(near=near, exact=exact))


def test_the_same_text_is_found_in_its_language_alone(held_out: HeldOutTexts) -> None:
    rows = [
        ("eng", f"«{ASKED.upper()}»", "no"),
        ("deu", ASKED, "no"),
        ("eng", "who", f"{TOLD}!"),
        ("eng", TOLD, ASKED),  # the other way round it is no matter
        ("deu-eng", "wie heisst er", TOLD),
        ("eng-deu", ASKED, TOLD),
        ("deu", "wie heißt er", "no"),
    ]
    found = search(held_out, rows)
    exact, passage = "benchmark_question_exact", "benchmark_passage_exact"
    assert found.reasons.to_pylist() == [exact, None, passage, None, passage, exact, exact]
    assert found.counts == {
        ("qa", "eng", "question_exact"): 1,
        ("other", "eng", "question_exact"): 1,
        ("qa", "eng", "passage_exact"): 1,
        ("qa", "deu-eng", "passage_exact"): 1,
        ("qa", "eng-deu", "question_exact"): 1,
        ("other", "eng-deu", "question_exact"): 1,
        ("qa", "deu", "question_exact"): 1,
    }


def test_near_texts_are_found_from_the_threshold_on(held_out: HeldOutTexts) -> None:
    rows = [("eng", NEARLY, "no")]
    assert search(held_out, rows, near=0.8).reasons.to_pylist() == ["benchmark_question_near"]
    assert search(held_out, rows, near=0.9).reasons.to_pylist() == [None]
    assert search(held_out, rows, near=False).reasons.to_pylist() == [None]
    same = [("eng", ASKED, "no")]
    assert search(held_out, same, exact=False).reasons.to_pylist() == ["benchmark_question_near"]
    assert search(held_out, same, near=False, exact=False).reasons.to_pylist() == [None]


def test_further_positives_are_searched(held_out: HeldOutTexts) -> None:
    rows = [("eng", "who", "no"), ("eng", "who", "no"), ("eng", "who", TOLD), ("eng", "who", "no")]
    positives = [None, ["a", TOLD], [TOLD, TOLD], []]
    found = search(held_out, rows, positives=positives)
    passage = "benchmark_passage_exact"
    assert found.reasons.to_pylist() == [None, passage, passage, None]
    assert found.counts == {("qa", "eng", "passage_exact"): 2}


def benchmark(folder: Path) -> HeldOut:
    part = Retrieval(
        "fin",
        {"q1": "kuka", "q2": "mikä"},
        {f"p{i}": f"teksti numero {i}" for i in range(500)},
        {"q1": {"p3": 1, "p4": 0}, "q2": {"p3": 2, "p7": 1}},
    )
    _, counts = write_held_out("qa", part, Location.of(str(folder)))
    return HeldOut("qa", "fin", Location.of(str(folder)) / "qa/fin", **counts)


def test_relevant_texts_are_the_questions_and_what_answers_them(tmp_path: Path) -> None:
    texts = relevant_texts(benchmark(tmp_path))
    assert texts[QUESTION].column("text").to_pylist() == ["kuka", "mikä"]
    assert texts[PASSAGE].column("text").to_pylist() == ["teksti numero 3", "teksti numero 7"]


@given(bits=st.integers(0, 11))
def test_every_passage_is_in_the_part_of_its_first_bits(tmp_path_factory: pytest.TempPathFactory, bits: int) -> None:
    folder = tmp_path_factory.mktemp("keys")
    place = Location.of(str(folder / "keys"))
    write_passage_keys(benchmark(folder), place)
    keys = text_keys(words(pa.array([f"teksti numero {i}" for i in range(500)])))
    for number in {int(key) * (1 << bits) >> 64 for key in keys}:
        own = [key for key in keys if int(key) * (1 << bits) >> 64 == number]
        assert np.isin(own, read_passage_keys(place, number, 1 << bits)).all()
    whole = [read_passage_keys(place, number, 4) for number in range(4)]
    assert sorted(np.concatenate(whole).tolist()) == sorted(set(keys.tolist()))


def test_members_of_a_macro_language_are_searched_for_each_other(held_out: HeldOutTexts, tmp_path: Path) -> None:
    write_parquet(pa.table({"text": [ASKED]}), Location.of(str(tmp_path)), "zho-question")
    chinese = HeldOutTexts({("qa", "zho", QUESTION): Location.of(str(tmp_path)) / "zho-question"})
    rows = [("cmn", ASKED, "no"), ("jpn", ASKED, "no")]
    assert search(chinese, rows).reasons.to_pylist() == ["benchmark_question_exact", None]


def test_a_passage_with_a_title_is_known_with_and_without_it(tmp_path: Path) -> None:
    folder = tmp_path / "eval"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "who"}\n')
    passages = [{"_id": "p", "title": "Island", "text": TOLD}, {"_id": "o", "title": "", "text": "other"}]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(passage) + "\n" for passage in passages))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tp\t1\n")
    (part,) = load_benchmark(f"beir:{folder}", ["eng"], Location.of)
    _, counts = write_held_out("qa", part, Location.of(str(tmp_path)))
    texts = relevant_texts(HeldOut("qa", "eng", Location.of(str(tmp_path)) / "qa/eng", **counts))
    assert texts[PASSAGE].column("text").to_pylist() == [f"Island {TOLD}", TOLD]


def test_a_cross_lingual_set_is_searched_by_the_languages_of_its_questions_and_of_its_passages(tmp_path: Path) -> None:
    for kind, text in (("question", ASKED), ("passage", TOLD)):
        write_parquet(pa.table({"text": [text]}), Location.of(str(tmp_path)), kind)
    pair = HeldOutTexts({("qa", "deu-eng", kind): Location.of(str(tmp_path)) / kind for kind in (QUESTION, PASSAGE)})
    rows = [("deu", ASKED, TOLD), ("eng", ASKED, TOLD), ("deu-eng", ASKED, TOLD), ("eng-deu", ASKED, TOLD)]
    assert search(pair, rows).counts == {
        ("qa", "deu", "question_exact"): 1,
        ("qa", "eng", "passage_exact"): 1,
        ("qa", "deu-eng", "question_exact"): 1,
        ("qa", "deu-eng", "passage_exact"): 1,
    }


def test_questions_without_an_answer_that_are_asked_all_the_same_are_searched_for(tmp_path: Path) -> None:
    part = Retrieval(
        "fin", {"q1": "kuka"}, {"p": "hän"}, {"q1": {"p": 1}}, 1, {}, {"q1": ["p"], "q2": ["p"]}, {"q2": "mikä"}
    )
    _, counts = write_held_out("qa", part, Location.of(str(tmp_path)))
    texts = relevant_texts(HeldOut("qa", "fin", Location.of(str(tmp_path)) / "qa/fin", **counts))
    assert texts[QUESTION].column("text").to_pylist() == ["kuka", "mikä"]
