"""Cross-lingual sets and WebFAQ: folders in the layout of BEIR, by pairs of languages or by language."""

import json
from pathlib import Path

import pytest

from raytrain.errors import UserError
from raytrain.evaluate.benchmark import KINDS, load_benchmark
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location


def write(folder: Path, judged: str = "qrels/test.tsv", queries: tuple[str, ...] = ("q",), query: str = "q") -> Path:
    (folder / judged).parent.mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "one"}\n{"_id": "q", "text": "own"}\n')
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": q, "text": folder.name}) + "\n" for q in queries))
    row = {"query-id": query, "corpus-id": "d", "score": 1.0}
    (folder / judged).write_text(f"{query}\td\t1\n" if judged.endswith("tsv") else json.dumps(row) + "\n")
    return folder


def load(name: str, languages: list[str] | None = None) -> list[Retrieval]:
    return list(load_benchmark(name, languages, Location.of))


def test_a_folder_for_questions_and_passages_of_two_languages(tmp_path: Path) -> None:
    for name in ("deu-eng", "fi-en", "en-fi"):
        write(tmp_path / name)
    parts = load(f"crosslingual:{tmp_path}")
    assert [(part.language, part.queries["q"]) for part in parts] == [
        ("deu-eng", "deu-eng"),
        ("eng-fin", "en-fi"),
        ("fin-eng", "fi-en"),
    ]
    assert [part.language for part in load(f"crosslingual:{tmp_path}", ["fin-eng"])] == ["fin-eng"]


@pytest.mark.parametrize("name", ["eng", "eng-en", "deu-gibberish"])
def test_a_folder_that_names_no_two_languages_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}: the name says the language"):
        load(f"crosslingual:{tmp_path}")


@pytest.mark.parametrize("judged", ["test.jsonl", "qrels/test.tsv"])
def test_all_twenty_languages_of_webfaq(tmp_path: Path, judged: str) -> None:
    """Judgements as on the hub, whose scores are floats, or as in BEIR."""
    for language in KINDS["webfaq"].languages:
        write(tmp_path / language, judged)
    parts = load(f"webfaq:{tmp_path}")
    assert tuple(part.language for part in parts) == KINDS["webfaq"].languages
    assert all(part.relevant == {"q": {"d": 1}} for part in parts)


def test_questions_of_other_splits_are_not_lost_but_another_splits(tmp_path: Path) -> None:
    write(tmp_path / "fin", "test.jsonl", queries=("q", "t", "u"))
    assert load(f"webfaq:{tmp_path}")[0].left_out == 2  # asked nowhere else
    (tmp_path / "fin/train.jsonl").write_text('{"query-id": "t", "corpus-id": "d", "score": 1.0}\n')
    assert load(f"webfaq:{tmp_path}")[0].left_out == 0
    (part,) = load(f"webfaq:{tmp_path}#train")
    assert (part.queries, part.left_out) == ({"t": "fin"}, 0)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"query-id": "q", "corpus-id": "d"}, " has no score"),
        ({"query-id": "q", "corpus-id": "d", "score": "1"}, ": score is no number"),
        ({"query-id": "q", "corpus-id": "d", "score": 0.5}, ": grade 0.5 is no whole number"),
        ({"query-id": "x", "corpus-id": "d", "score": 1.0}, " names question x, which is not there"),
        ({"corpus-id": "d", "score": 1.0}, " has no query-id"),
    ],
)
def test_a_wrong_judgement_of_the_hub_is_named(tmp_path: Path, row: dict[str, object], words: str) -> None:
    place = write(tmp_path / "fin", "test.jsonl") / "test.jsonl"
    place.write_text(json.dumps(row) + "\n")
    with pytest.raises(UserError) as caught:
        load(f"webfaq:{tmp_path}")
    assert str(caught.value).startswith(f"{place}: line 1{words}")


def test_judgements_in_two_files_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "fin", "test.jsonl")
    (folder / "qrels").mkdir()
    (folder / "qrels/test.tsv").write_text("q\td\t1\n")
    with pytest.raises(UserError, match=r"holds qrels/test\.tsv and test\.jsonl: leave one out"):
        load(f"webfaq:{tmp_path}")
