"""Reading rows of a prepared corpus by number, and what is said when that fails."""

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.corpus import Corpus
from raytrain.corpus.pairs import PAIRS
from raytrain.errors import UserError
from raytrain.parquet import open_parquet, write_parquet
from raytrain.plan import Shards
from raytrain.storage import Location
from s3server import S3Server

SHARD_ROWS = {"deu": (25, 35), "eng": (60,), "deu-eng": (9, 1, 50)}
LANGUAGES = tuple(sorted(SHARD_ROWS))
GROUP = 8


def write_corpus(folder: Location) -> Corpus:
    """Row n of a language says so; the last row group of a file is short."""
    paths: dict[str, tuple[str, ...]] = {}
    for language, sizes in SHARD_ROWS.items():
        first = 0
        for shard, size in enumerate(sizes):
            rows = [{"id": f"{language}:{n}", "question": f"{n}?", "answer": "x"} for n in range(first, first + size)]
            file = write_parquet(
                pa.Table.from_pylist(rows, PAIRS), folder, f"{language}/part-{shard:05d}.parquet", GROUP
            )
            paths[language] = (*paths.get(language, ()), file.path)
            first += size
    return Corpus(folder, {name: Shards(name, sizes, GROUP) for name, sizes in SHARD_ROWS.items()}, paths)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(Location.of(str(tmp_path_factory.mktemp("corpus"))))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 59)), min_size=1))
def test_rows_come_in_the_order_asked_for(corpus: Corpus, asked: list[tuple[int, int]]) -> None:
    which, rows = np.array(asked).T
    table = corpus.read_mixed(LANGUAGES, which, rows, ("id", "question"))
    assert table.column("id").to_pylist() == [f"{LANGUAGES[language]}:{row}" for language, row in asked]
    assert table.column("question").to_pylist() == [f"{row}?" for _, row in asked]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 59)), min_size=1))
def test_each_row_group_is_read_once_and_only_where_a_row_is_wanted(
    corpus: Corpus, asked: list[tuple[int, int]]
) -> None:
    which, rows = np.array(asked).T
    parts, places = corpus.locate(LANGUAGES, which, rows)
    assert len({part.path for part in parts}) == len(parts)
    assert all(len(set(part.groups)) == len(part.groups) for part in parts)
    assert sum(part.rows for part in parts) <= GROUP * len(set(zip(which, rows, strict=True)))
    read = [f"{part.path}:{group}" for part in parts for group in part.groups]
    wanted = set()
    for language, row in asked:
        shards = corpus.shards[LANGUAGES[language]]
        group = int(np.searchsorted(shards.group_starts, row, side="right")) - 1
        shard = int(shards.shard_of_group[group])
        wanted.add(f"{corpus.paths[LANGUAGES[language]][shard]}:{group - shards.first_group_of_shard[shard]}")
    assert sorted(read) == sorted(wanted)
    assert len(places) == len(asked)


def test_one_language_is_read_and_its_first_rows(corpus: Corpus) -> None:
    ids = corpus.read("deu", np.array([59, 0, 25]), ("id",)).column("id").to_pylist()
    assert ids == ["deu:59", "deu:0", "deu:25"]
    assert corpus.first_rows("eng", 3, ("id",)).column("id").to_pylist() == ["eng:0", "eng:1", "eng:2"]
    assert corpus.first_rows("eng", 1_000, ("id",)).num_rows == 60


def refusal(corpus: Corpus) -> str:
    with pytest.raises(UserError) as caught:
        corpus.read("eng", np.arange(60), ("id", "question"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_shard_is_named_with_what_to_do(tmp_path: Path) -> None:
    corpus = write_corpus(Location.of(str(tmp_path)))
    (tmp_path / "eng/part-00000.parquet").unlink()
    told = refusal(corpus)
    assert f"{tmp_path}/eng/part-00000.parquet" in told
    assert "run prepare again" in told


def test_a_missing_object_is_named(s3: S3Server) -> None:
    corpus = write_corpus(Location.of(f"s3://{s3.bucket()}/corpus"))
    (corpus.folder / "eng/part-00000.parquet").delete()
    told = refusal(corpus)
    assert f"{corpus.folder.uri}/eng/part-00000.parquet" in told
    assert "run prepare again" in told


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_truncated_shard_is_named(tmp_path: Path, keep: int) -> None:
    corpus = write_corpus(Location.of(str(tmp_path)))
    path = tmp_path / "eng/part-00000.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    assert str(path) in refusal(corpus)


def damage(path: Path) -> None:
    """Zeroes the questions of the third row group; the footer stays."""
    column = open_parquet(Location.of(str(path))).metadata.row_group(2).column(PAIRS.names.index("question"))
    data = bytearray(path.read_bytes())
    start = column.data_page_offset
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(bytes(data))


def test_a_damaged_shard_is_named_and_its_other_row_groups_can_be_read(tmp_path: Path) -> None:
    corpus = write_corpus(Location.of(str(tmp_path)))
    damage(tmp_path / "eng/part-00000.parquet")
    assert f"{tmp_path}/eng/part-00000.parquet" in refusal(corpus)
    assert corpus.read("eng", np.array([3, 59]), ("id",)).num_rows == 2


def test_a_shard_with_other_rows_than_the_manifest_says_is_named(tmp_path: Path) -> None:
    corpus = write_corpus(Location.of(str(tmp_path)))
    other = pa.Table.from_pylist([{"id": "other", "question": "?"}] * 57, PAIRS)
    write_parquet(other, corpus.folder, "eng/part-00000.parquet", GROUP)
    told = refusal(corpus)
    assert f"{tmp_path}/eng/part-00000.parquet: has 57 rows where the corpus's manifest says 60" in told


@pytest.mark.parametrize("replaced", [False, True])
def test_a_read_that_fails_for_a_moment_is_repeated(tmp_path: Path, replaced: bool) -> None:
    """A disk that gives rubbish and a little later what was written; a bad shard that is put back."""
    corpus = write_corpus(Location.of(str(tmp_path)))
    path = tmp_path / "eng/part-00000.parquet"
    good = path.read_bytes()
    damage(path)
    whole = path.with_suffix(".new") if replaced else path

    def repair() -> None:
        whole.write_bytes(good)
        whole.replace(path)

    timer = threading.Timer(0.3, repair)
    timer.start()
    table = corpus.read("eng", np.arange(60), ("id", "question"))
    timer.join()
    assert table.column("question").to_pylist() == [f"{row}?" for row in range(60)]


def test_a_busy_object_store_is_asked_again(s3: S3Server) -> None:
    """Requests turned away with 503; pyarrow repeats these by itself."""
    corpus = write_corpus(Location.of(f"s3://{s3.bucket()}/corpus"))
    s3.misbehave("slow-down", 3)
    table = corpus.read_mixed(LANGUAGES, np.repeat([0, 1, 2], 60), np.tile(np.arange(60), 3), ("id",))
    assert table.column("id").to_pylist() == [f"{name}:{row}" for name in LANGUAGES for row in range(60)]
