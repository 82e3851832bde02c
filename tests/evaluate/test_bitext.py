"""Bitexts: both directions of every pair, duplicates as one, and lines that are no pair named."""

import gzip
from pathlib import Path

import pytest

from raytrain.errors import UserError
from raytrain.evaluate.benchmark import load_benchmark
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location

PAIRS = [("Hallo!", "Hello!"), ("Hallo!", "Hi!"), ("Guten Tag!", "Hello!"), ("Danke.", "Thanks.")]


def load(place: Path, languages: list[str] | None = None) -> list[Retrieval]:
    return list(load_benchmark(f"bitext:{place}", languages, Location.of))


def write_tsv(folder: Path, pairs: list[tuple[str, str]], name: str = "deu-eng.tsv") -> Path:
    folder.mkdir(exist_ok=True)
    data = "".join(f"{a}\t{b}\n" for a, b in pairs).encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def refusal(place: Path, languages: list[str] | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load(place, languages)
    return str(caught.value)


def test_both_directions_and_duplicates_are_equally_relevant(tmp_path: Path) -> None:
    there, back = load(write_tsv(tmp_path / "b", PAIRS))
    assert (there.language, back.language) == ("deu-eng", "eng-deu")
    assert there.queries == {"1": "Hallo!", "3": "Guten Tag!", "4": "Danke."}
    assert there.passages == {"1": "Hello!", "2": "Hi!", "4": "Thanks."}
    assert there.relevant == {"1": {"1": 1, "2": 1}, "3": {"1": 1}, "4": {"4": 1}}
    assert back.queries == {"1": "Hello!", "2": "Hi!", "4": "Thanks."}
    assert back.passages == {"1": "Hallo!", "3": "Guten Tag!", "4": "Danke."}
    assert back.relevant == {"1": {"1": 1, "3": 1}, "2": {"1": 1}, "4": {"4": 1}}


def test_aligned_files_and_tables_are_the_same(tmp_path: Path) -> None:
    expected = load(write_tsv(tmp_path / "tsv", PAIRS))
    assert load(write_tsv(tmp_path / "packed", PAIRS, "de-en.tsv.gz")) == expected
    for folder, first, second in [
        ("tatoeba", "tatoeba.deu-eng.deu", "tatoeba.deu-eng.eng"),
        ("bare", "de-en.de", "de-en.en"),
    ]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / first).write_text("".join(f"{pair[0]}\n" for pair in PAIRS))
        (tmp_path / folder / second).write_text("".join(f"{pair[1]}\n" for pair in PAIRS))
        (tmp_path / folder / "README").write_text("not read")
        assert load(tmp_path / folder) == expected
    turned = write_tsv(tmp_path / "turned", [(b, a) for a, b in PAIRS], "eng-deu.tsv")
    assert load(turned, ["deu-eng"])[0].queries == expected[0].queries


def test_one_direction_can_be_asked_for(tmp_path: Path) -> None:
    write_tsv(tmp_path / "b", PAIRS)
    write_tsv(tmp_path / "b", PAIRS, "fin-eng.tsv")
    assert [part.language for part in load(tmp_path / "b", ["eng-fin", "deu-eng"])] == ["deu-eng", "eng-fin"]
    assert "has no deu-fin; it has deu-eng, eng-deu, eng-fin, fin-eng" in refusal(tmp_path / "b", ["deu-fin"])


@pytest.mark.parametrize("line", ["one", "one\t", "\ttwo", "a\tb\tc", "", " \t "])
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, line: str) -> None:
    place = write_tsv(tmp_path / "b", PAIRS) / "deu-eng.tsv"
    place.write_text(place.read_text() + f"{line}\n")
    assert refusal(tmp_path / "b") == f"{place}: line 5 is no sentence and translation"


def test_files_of_other_lengths_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.deu-eng.deu").write_text("a\nb\n")
    (tmp_path / "x.deu-eng.eng").write_text("c\n")
    assert refusal(tmp_path).startswith(f"{tmp_path}/x.deu-eng.eng ends before line 2")


def test_files_that_do_not_say_what_they_pair_are_named(tmp_path: Path) -> None:
    assert "holds no deu-eng.tsv" in refusal(tmp_path / "absent")
    write_tsv(tmp_path / "a", PAIRS, "deu-gibberish.tsv")
    assert "deu-gibberish.tsv: the name says the languages" in refusal(tmp_path / "a")
    write_tsv(tmp_path / "b", PAIRS)
    write_tsv(tmp_path / "b", PAIRS, "eng-deu.tsv")
    assert "holds eng-deu and deu-eng: one gives both ways" in refusal(tmp_path / "b").replace(
        "deu-eng and eng-deu", "eng-deu and deu-eng"
    )
    (tmp_path / "c").mkdir()
    (tmp_path / "c/x.deu-eng.deu").write_text("a\n")
    assert "deu-eng wants one .tsv, or a file a language" in refusal(tmp_path / "c")
    write_tsv(tmp_path / "d", PAIRS)
    write_tsv(tmp_path / "d", PAIRS, "deu-eng.tsv.gz")
    assert "deu-eng wants one .tsv, or a file a language" in refusal(tmp_path / "d")
    write_tsv(tmp_path / "e", [])
    assert refusal(tmp_path / "e") == f"evaluate: {tmp_path}/e/deu-eng.tsv holds no pair"
