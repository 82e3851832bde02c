"""Mr. TyDi as released: topics, judgements and collection of each language, and what is wrong is named."""

from pathlib import Path

import pytest
from releases import MRTYDI_DEV, MRTYDI_TEST, mrtydi

from raytrain.errors import UserError
from raytrain.evaluate.benchmark import identity_of, load_benchmark
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location


def load(place: Path, split: str = "", languages: list[str] | None = None) -> list[Retrieval]:
    return list(load_benchmark(f"mrtydi:{place}{split}", languages, Location.of))


@pytest.mark.parametrize("docs", ["collection/docs.jsonl.gz", "collection/docs.jsonl", "docs.jsonl.gz"])
def test_a_release_is_read_by_language(tmp_path: Path, docs: str) -> None:
    mrtydi(tmp_path / "mrtydi-v1.1-finnish", docs, test=MRTYDI_TEST, dev=MRTYDI_DEV)
    mrtydi(tmp_path / "sw", docs, test=MRTYDI_DEV)
    fin, swa = load(tmp_path)
    assert (fin.language, swa.language) == ("fin", "swa")
    assert fin.passages == {
        "8625#0": "Kokemäki Kokemäki on kaupunki.\n\nSe on Satakunnassa.",
        "8625#16": "Kokemäki Kaupungiksi se tuli 1977.",
        "119046#1": "No title, no empty line",
    }
    assert fin.untitled == {
        "8625#0": "Kokemäki on kaupunki.\n\nSe on Satakunnassa.",
        "8625#16": "Kaupungiksi se tuli 1977.",
    }
    assert fin.queries == {"8318": "Milloin Kokemäki on perustettu?", "8319": "Kuka?"}
    assert fin.relevant == {"8318": {"8625#16": 1}, "8319": {"119046#1": 1}}
    assert load(tmp_path, languages=["swa"]) == [swa]


def test_a_split_is_chosen_in_the_name(tmp_path: Path) -> None:
    mrtydi(tmp_path / "fi", test=MRTYDI_TEST, dev=MRTYDI_DEV)
    assert load(tmp_path, "#dev")[0].queries == {"7": "Missä Kokemäki on?"}
    assert load(tmp_path, "#test") == load(tmp_path)
    with pytest.raises(UserError, match=r"fi/topic\.train\.tsv"):
        load(tmp_path, "#train")
    identities = [identity_of(f"mrtydi:{tmp_path}{split}", Location.of) for split in ("", "#dev")]
    assert [sorted(identity) for identity in identities] == [
        ["fi/collection/docs.jsonl.gz", f"fi/qrels.{split}.txt", f"fi/topic.{split}.tsv"] for split in ("test", "dev")
    ]


def test_the_next_language_is_read_when_it_is_its_turn(tmp_path: Path) -> None:
    """Eleven Wikipedias at once would not fit into memory."""
    mrtydi(tmp_path / "fi", test=MRTYDI_TEST)
    mrtydi(tmp_path / "sw", test=MRTYDI_TEST)
    (tmp_path / "sw/collection/docs.jsonl.gz").write_bytes(b"broken")
    parts = load_benchmark(f"mrtydi:{tmp_path}", None, Location.of)
    assert next(parts).language == "fin"
    with pytest.raises(UserError, match=r"sw/collection/docs\.jsonl\.gz: ends in the middle, or is no gzip"):
        next(parts)


@pytest.mark.parametrize(
    ("topic", "judgement", "words"),
    [
        ("8320", "", "topic.test.tsv: line 3 is no id, tab and question"),
        ("8320\t ", "", "topic.test.tsv: line 3 is no id, tab and question"),
        ("", "8319 Q0 1#1", "qrels.test.txt: line 3 has 3 columns; wanted: question Q0 passage grade"),
        ("", "8319 Q0 8625#0 one", "qrels.test.txt: line 3: grade one is no whole number"),
        ("", "9 Q0 8625#0 1", "qrels.test.txt: line 3 names question 9, which is not there"),
        ("", "8319 Q0 119046#1 1", "qrels.test.txt: line 3 judges passage 119046#1 for 8319 a second time"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, topic: str, judgement: str, words: str) -> None:
    topics, judgements = MRTYDI_TEST
    mrtydi(tmp_path / "fi", test=([*topics, topic], [*judgements, judgement]))
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/fi/{words}")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no folders \{lang\}/docs.jsonl"):
        load(tmp_path)
    mrtydi(tmp_path / "mrtydi-v1.1-finnish", test=MRTYDI_TEST)
    with pytest.raises(UserError, match="has no swa; it has fin"):
        load(tmp_path, languages=["swa"])
    mrtydi(tmp_path / "fi", test=MRTYDI_TEST)
    with pytest.raises(UserError, match=r"fi/ and mrtydi-v1\.1-finnish/ are both fin"):
        load(tmp_path)
