"""Which rows go because an earlier one is the same: as the rule says, whatever files and partitions there are."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phases import kept_rows, make_small, run_phases

from raytrain.corpus.pairs import PAIRS
from raytrain.corpus.signatures import content_keys, order_keys
from raytrain.evaluate.held_out import HeldOut, write_held_out
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location

WORDS = ["red", "blue", "cat", "dog", "runs", "sits", "now", "here"]
NEAR = 0.6

texts = st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(" ".join)
pairs = st.fixed_dictionaries({"id": st.sampled_from("abcdefghijklmnop"), "question": texts, "answer": texts})


def write(rows: list[dict[str, str]], folder: Path, files: int) -> Path:
    (folder / "eng").mkdir(parents=True)
    for number in range(files):
        lines = [json.dumps(row) for row in rows[number::files]]
        if lines:
            (folder / "eng" / f"{files - number}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def shingle_set(row: dict[str, str]) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", f"{row['question']} {row['answer']}".lower())
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def in_order(rows: list[dict[str, str]], seed: int = 17) -> list[dict[str, str]]:
    table = pa.Table.from_pylist([{"origin": "", "url": "", **row} for row in rows], PAIRS)
    keys = zip(order_keys(table.column("id"), seed).tolist(), content_keys(table).tolist(), rows, strict=True)
    return [row for _, _, row in sorted(keys, key=lambda entry: entry[:2])]


def by_the_rule(rows: list[dict[str, str]]) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Each row against all earlier ones, in the plainest way."""
    kept: list[dict[str, str]] = []
    reasons: dict[str, int] = {}
    ordered = in_order(rows)
    for i, row in enumerate(ordered):
        earlier = ordered[:i]
        own = shingle_set(row)
        near = [len(own & other) / len(own | other) for other in map(shingle_set, earlier)]
        if any(other["id"] == row["id"] for other in earlier):
            reason = "duplicate_id"
        elif any(other["question"].lower() == row["question"].lower() for other in earlier):
            reason = "duplicate_question"
        elif any(similarity >= NEAR for similarity in near):
            reason = "near_duplicate"
        else:
            kept.append(row)
            continue
        reasons[reason] = reasons.get(reason, 0) + 1
    return kept, reasons


def plain(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: row[name] for name in ("id", "question", "answer")} for row in rows]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(pairs, min_size=1, max_size=40), files=st.integers(1, 3), bits=st.integers(0, 3))
def test_a_row_goes_if_an_earlier_one_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], files: int, bits: int
) -> None:
    folder = tmp_path_factory.mktemp("phases")
    source = write(rows, folder / "raw", files)
    work, runs = run_phases(source, folder / "work", 1 << bits, deduplicate={"near": NEAR}, shard_rows=7)
    kept, reasons = kept_rows(work, runs, "eng")
    assert (plain(kept), reasons) == by_the_rule(rows)


def test_the_same_rows_in_any_files_and_partitions_are_the_same_corpus(tmp_path: Path) -> None:
    rng = random.Random(7)
    rows = [
        {
            "id": str(rng.randrange(400)),
            "question": " ".join(rng.choices(WORDS, k=6)),
            "answer": " ".join(rng.choices(WORDS, k=20)),
        }
        for _ in range(600)
    ]
    found = []
    for i, (files, partitions) in enumerate([(1, 1), (3, 4), (5, 16)]):
        rng.shuffle(rows)
        source = write(rows, tmp_path / f"raw{i}", files)
        found.append(kept_rows(*run_phases(source, tmp_path / f"work{i}", partitions, shard_rows=50), "eng"))
    assert found[0] == found[1] == found[2]
    assert found[0][1]


def test_families_of_like_rows_leave_their_first(tmp_path: Path) -> None:
    """Rows share bands with some of their family and not with others, and one that is near is enough."""
    rng = random.Random(3)
    rows = []
    for family in range(60):
        words = [f"w{rng.randrange(10**6)}" for _ in range(40)]
        for member in range(6):
            edited = list(words)
            for _ in range(rng.randrange(4)):
                edited[rng.randrange(40)] = f"x{rng.randrange(10**6)}"
            text = " ".join(edited)
            rows.append({"id": f"{family}-{member}", "question": f"{member}{family} {text[:60]}", "answer": text[60:]})
    source = write(rows, tmp_path / "raw", 2)
    kept, reasons = kept_rows(*run_phases(source, tmp_path / "work", 4, deduplicate={"near": NEAR}), "eng")
    expected, counts = by_the_rule(rows)
    assert counts["near_duplicate"] > 150
    # Of pairs just at the threshold some are never compared: 5 in 1,000 by the theory.
    assert 0.99 * counts["near_duplicate"] <= reasons["near_duplicate"] <= counts["near_duplicate"]
    assert {row["id"] for row in expected} <= {row["id"] for row in kept}


@pytest.mark.parametrize(
    ("switch", "reason"),
    [("ids", "duplicate_id"), ("questions", "duplicate_question"), ("near", "near_duplicate")],
)
def test_every_comparison_is_a_switch(tmp_path: Path, switch: str, reason: str) -> None:
    rows = [
        {"id": "a", "question": "red cat runs", "answer": "blue dog sits here now"},
        {"id": "a", "question": "dog now", "answer": "runs runs cat blue"},
        {"id": "b", "question": "Red CAT, runs", "answer": "here sits a dog"},
        {"id": "c", "question": "a cat runs here", "answer": "red cat sits here now and runs as the blue dog does"},
        {"id": "d", "question": "a cat runs here", "answer": "red cat sits here now and runs as the blue dog did"},
    ]
    rows[4]["question"] = "a cat runs here now"
    source = write(rows, tmp_path / "raw", 1)
    rules = {"ids": True, "questions": True, "near": 0.6}
    with_all = kept_rows(*run_phases(source, tmp_path / "all", deduplicate=rules), "eng")[1]
    without = kept_rows(*run_phases(source, tmp_path / "without", deduplicate=rules | {switch: False}), "eng")[1]
    assert with_all == {"duplicate_id": 1, "duplicate_question": 1, "near_duplicate": 1}
    assert without == {name: 1 for name in with_all if name != reason}


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def test_a_bitext_is_compared_label_by_label_whatever_its_batches_runs_and_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(1)
    rows = [
        {f"{name}{side}": sentence(rng, words) for name, words in (("question", 5), ("answer", 20)) for side in "12"}
        for _ in range(300)
    ]
    rows += [row | {f"question{side}": f"{row[f'question{side}']} now" for side in "12"} for row in rows[:100]]
    (tmp_path / "raw").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "raw/deu-eng.parquet", row_group_size=30)
    options = {"shard_rows": 20, "deduplicate": {"near": NEAR}}
    whole = run_phases(tmp_path / "raw", tmp_path / "whole", 1, **options)
    make_small(monkeypatch)
    small = run_phases(tmp_path / "raw", tmp_path / "small", 8, **options)
    assert (len(whole[1].rows), len(small[1].rows) > 8) == (1, True)
    for label, asked, told in (("deu-eng", "1", "2"), ("eng-deu", "2", "1")):
        kept, reasons = kept_rows(*whole, label)
        assert kept_rows(*small, label) == (kept, reasons)
        pairs = [{"id": row["id"], "question": row["question"], "answer": row["answer"]} for row in kept]
        raw = {(row[f"question{asked}"], row[f"answer{told}"]) for row in rows}
        assert raw >= {(pair["question"], pair["answer"]) for pair in pairs}
        assert by_the_rule(pairs) == (pairs, {})
        assert len(kept) + sum(reasons.values()) == len(rows)
        assert set(reasons) == {"duplicate_question", "near_duplicate"}


def write_training(rows: list[dict[str, Any]], folder: Path, files: int) -> Path:
    (folder / "eng").mkdir(parents=True)
    for number in range(files):
        lines = "".join(json.dumps(row) + "\n" for row in rows[number::files])
        (folder / "eng" / f"{number}.jsonl").write_text(lines)
    return folder


def test_of_rows_that_differ_in_lists_or_url_the_same_stay_in_any_files_and_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(monkeypatch)
    rng = random.Random(5)
    lists: list[dict[str, Any]] = [{}, {"neg": ["a b"]}, {"neg": ["a c"]}, {"neg": ["a b"], "neg_scores": [0.5]}]
    rows = [
        {
            "query": f"who is number {i}",
            "pos": [f"the answer {i}"],
            "url": rng.choice("abc"),
            **rng.choice(lists[:most]),
        }
        for i, most in enumerate([1, 4] * 30)  # of every other question no row has lists
        for _ in range(4)
    ]
    apart = sorted(rows, key=lambda row: "neg" in row)  # batches with lists only, and without any
    found = []
    for number, (order, files) in enumerate([(rows, 1), (apart, 2), (apart[::-1], 1), (rows[::-1], 5)]):
        source = write_training(order, tmp_path / f"raw{number}", files)
        found.append(kept_rows(*run_phases(source, tmp_path / f"work{number}", 2, shard_rows=25), "eng"))
    assert found[0] == found[1] == found[2] == found[3]
    assert (len(found[0][0]), sum(found[0][1].values())) == (60, 180)
    assert len({json.dumps([row["negatives"], row["negative_scores"]]) for row in found[0][0]}) > 2


def other_passages(folder: Path, language: str, passages: list[str]) -> HeldOut:
    texts = {f"p{number}": text for number, text in enumerate(passages)}
    part = Retrieval(language, {"q": "wer"}, texts, {"q": {"p0": 1}})
    _, counts = write_held_out("qa", part, Location.of(str(folder)))
    return HeldOut("qa", language, Location.of(str(folder)) / "qa" / language, **counts)


def test_answers_of_a_bitext_are_sought_among_passages_of_the_language_they_are_in(tmp_path: Path) -> None:
    rng = random.Random(2)
    rows = [
        {f"{name}{side}": f"{name} {side} {i} {sentence(rng, 9)}" for name in ("question", "answer") for side in "12"}
        for i in range(60)
    ]
    (tmp_path / "raw").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "raw/deu-eng.parquet")
    # Language 1 is German: its answers are those of eng-deu, and German passages that are English texts match nothing.
    german = [row["answer1"].upper() for row in rows[:7]] + [row["answer2"] for row in rows[20:25]]
    english = [row["answer2"] for row in rows[:11]] + [row["answer1"] for row in rows[30:35]]
    held_out = [other_passages(tmp_path, "deu", german), other_passages(tmp_path, "eng", english)]
    config = {"decontaminate": {"all_passages": True}, "deduplicate": False}
    work, runs = run_phases(tmp_path / "raw", tmp_path / "work", 4, held_out, **config)
    for label, told, gone in (("eng-deu", "answer1", 7), ("deu-eng", "answer2", 11)):
        kept, reasons = kept_rows(work, runs, label)
        assert reasons == {"benchmark_other_passage": gone}
        assert {row["answer"] for row in kept} == {row[told] for row in rows[gone:]}
