"""The generator of the benchmark of prepare: what it says of its rows holds."""

import sys
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raytrain.corpus.likeness.normal_form import text_keys
from raytrain.corpus.likeness.normal_form import words as words_of
from raytrain.evaluate.benchmark import load_benchmark
from raytrain.storage import Location

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from planted import BELOW_TAU, KEEP, KINDS, TAU, jaccard, shingles, words
from voices import voice_of
from webfaq_shaped import LANGUAGES, Truth, rows_by_language, write

SOME = ("en", "ja", "th", "tr", "ku")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return write(tmp_path_factory.mktemp("made"), 4_000, 7, SOME)


def known(made: Truth, language: str) -> list[dict[str, Any]]:
    """The rows of a language with what is known of them; texts that are no UTF-8 are left out."""
    rows = pq.read_table(made.truth / f"{language}.parquet").to_pylist()
    files = {file: pq.read_table(made.pairs / file) for file in {row["file"] for row in rows}}
    for row in rows:
        table = files[row["file"]].slice(row["row"], 1)
        assert table["id"].to_pylist() == [row["id"]]
        if not row["kind"].startswith("broken"):
            row |= {side: table[side].to_pylist()[0] for side in ("question", "answer")}
    return rows


def test_the_shape_is_that_of_webfaq() -> None:
    rows = rows_by_language(250_000)
    assert len(rows) == len(set(LANGUAGES)) == 75
    assert sum(rows.values()) == 250_000
    assert 0.49 < rows["en"] / 250_000 < 0.53
    assert min(rows.values()) >= 150


def test_every_row_is_told_of_once_and_every_kind_is_there(made: Truth) -> None:
    for language, count in made.languages.items():
        rows = known(made, language)
        assert len(rows) == count == len({(row["file"], row["row"]) for row in rows})
        leaked = language in ("eng", "jpn", "tha", "tur")
        assert {row["kind"] for row in rows} == {name for name, kind in KINDS.items() if leaked or not kind.leaks}


def test_rows_to_keep_pass_the_rules_and_have_ids_and_questions_of_their_own(made: Truth) -> None:
    for language, lid in zip(made.languages, SOME, strict=True):
        rows = [row for row in known(made, language) if row["fate"] == KEEP]
        assert len({row["id"] for row in rows}) == len({" ".join(words(row["question"])) for row in rows}) == len(rows)
        plain = [row for row in rows if row["kind"] in ("clean", "template", "near_miss", "thirty_characters")]
        assert all(voice_of(lid).fits(row["question"], row["answer"]) for row in plain)


def test_groups_hold_what_they_say(made: Truth) -> None:
    for language in made.languages:
        groups = defaultdict[int, list[dict[str, Any]]](list)
        for row in known(made, language):
            groups[row["group"]].append(row)
        for rows in groups.values():
            kind = rows[0]["kind"]
            if kind not in ("same_id", "same_question", "near", "template", "near_miss"):
                assert len(rows) == 1
                continue
            sets = [shingles(row["question"], row["answer"]) for row in rows]
            likeness = [jaccard(*pair) for pair in combinations(sets, 2)]
            if kind == "same_id":
                assert len({row["id"] for row in rows}) == 1
            if kind == "same_question":
                assert len({tuple(words(row["question"])) for row in rows}) == 1
            if kind == "near":
                assert min(likeness) >= TAU
            if kind in ("template", "near_miss"):
                assert 0.5 <= min(likeness) <= max(likeness) <= BELOW_TAU


def test_near_is_decided_alike_by_prepares_words(made: Truth) -> None:
    for language in made.languages:
        rows = [row for row in known(made, language) if row["kind"] in ("same_question", "near", "template", "clean")]
        questions = [row["question"] for row in rows]
        keys = text_keys(words_of(pa.array(questions))).tolist()
        ours = [" ".join(words(question)) for question in questions]
        assert len(set(keys)) == len(set(ours)) == len(set(zip(keys, ours, strict=True)))


def test_one_shared_id_is_in_every_language(made: Truth) -> None:
    ids = Counter(key for name in made.languages for key in {row["id"] for row in known(made, name)})
    assert Counter(ids.values())[len(SOME)] == 1


def test_broken_rows_are_no_utf8(made: Truth) -> None:
    table = pq.read_table(made.pairs / "tur.parquet")
    with pytest.raises(pa.ArrowInvalid, match="UTF8"):
        table.validate(full=True)


def test_the_benchmark_is_a_beir_folder_and_holds_what_leaked(made: Truth) -> None:
    parts = {part.language: part for part in load_benchmark(f"beir:{made.benchmark}", None, Location.of)}
    assert set(parts) == {"eng", "jpn", "tha", "tur"}
    for language, part in parts.items():
        asked = {tuple(words(text)) for text in part.queries.values()}
        relevant = {key for judged in part.relevant.values() for key, grade in judged.items() if grade > 0}
        told = {tuple(words(part.passages[key])) for key in relevant}
        other = {tuple(words(text)) for key, text in part.passages.items() if key not in relevant}
        rows = [
            row for row in known(made, language) if "question" in row and None not in (row["question"], row["answer"])
        ]
        assert {row["kind"] for row in rows if tuple(words(row["question"])) in asked} == {"asked_exact"}
        assert {row["kind"] for row in rows if tuple(words(row["answer"])) in told} == {"told_exact"}
        assert {row["kind"] for row in rows if tuple(words(row["answer"])) in other} == {"other_passage"}


def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    written = [write(tmp_path / str(n), 300, 3, ("is", "lo"), workers=n) for n in (1, 2)]
    for name in ("pairs/isl.parquet", "truth/lao.parquet", "eval/isl/queries.jsonl"):
        assert len({(made.pairs.parent / name).read_bytes() for made in written}) == 1
