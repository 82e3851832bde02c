"""Search in an index: the same hits from any number of shards, and nothing from one that is not what it was."""

from pathlib import Path

import numpy as np
import pytest

from embedded import built, embedded, opened, the_file, unit_vectors
from raytrain.artifact import File
from raytrain.errors import UserError
from raytrain.index.backend import Vectors, faiss_module, gpus_of
from raytrain.index.description import Description
from raytrain.index.embeddings import Embeddings
from raytrain.index.gpus import Placement
from raytrain.index.quantizer import load_quantizer
from raytrain.index.reader import Index
from raytrain.index.shards import BLOCK
from raytrain.storage import Location
from s3server import S3Server

ROWS = 3 * BLOCK - 500
DIMENSION = 16
KINDS = ["Flat", "IVF32,Flat", "IVF32,SQ8", "IVF32,PQ4", "OPQ4,IVF32,PQ4"]
LANGUAGES = {"fin": 4_000, "tel": 6_500, "swa": ROWS - 10_500}


def vectors_of_all() -> Vectors:
    vectors = unit_vectors(1, ROWS, DIMENSION, clusters=40)
    vectors[5_000:5_040] = vectors[7]  # a tie over shards and languages
    return vectors


def questions() -> Vectors:
    asked = unit_vectors(2, 40, DIMENSION, clusters=40)
    asked[0] = vectors_of_all()[7]
    return asked


def names() -> list[str]:
    """Ids whose order is not that of the rows."""
    return [f"{(i * 7_919) % ROWS}-{i}" for i in range(ROWS)]


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Embeddings:
    ids, vectors, parts, at = names(), vectors_of_all(), {}, 0
    for language, rows in LANGUAGES.items():
        parts[language] = ids[at : at + rows], vectors[at : at + rows]
        at += rows
    return embedded(tmp_path_factory.mktemp("embeddings"), parts, piece_rows=2_000)


@pytest.fixture(scope="module", params=KINDS)
def by_shards(
    request: pytest.FixtureRequest, embeddings: Embeddings, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[Location, Description]]:
    """An index of one kind in 1 and in 3 shards."""
    place = tmp_path_factory.mktemp("built")
    return {n: built(place / str(n), embeddings, request.param, n, nprobe=6) for n in (1, 3)}


@pytest.mark.parametrize("k", [1, 10, 45])
def test_one_and_three_shards_find_the_same(by_shards: dict[int, tuple[Location, Description]], k: int) -> None:
    assert [len(described.shards) for _, described in by_shards.values()] == [1, 3]
    one, three = (opened(*index).search(questions(), k) for index in by_shards.values())
    assert one == three
    assert {len(hits) for hits in one} == {k}


def test_eight_shards_find_the_same(tmp_path: Path) -> None:
    rows = 8 * BLOCK
    vectors = unit_vectors(3, rows, 8, clusters=40)
    many = embedded(tmp_path / "e", {"fin": ([f"{i}" for i in range(rows)], vectors)}, piece_rows=BLOCK)
    asked = unit_vectors(4, 20, 8, clusters=40)
    for kind in ("Flat", "IVF16,Flat", "IVF16,PQ4"):
        found = {}
        for shards in (1, 8):
            place, described = built(tmp_path / f"{kind}{shards}", many, kind, shards, nprobe=4)
            assert len(described.shards) == shards
            found[shards] = opened(place, described).search(asked, 20)
        assert found[1] == found[8]


def test_one_shard_of_lists_finds_what_faiss_finds(
    by_shards: dict[int, tuple[Location, Description]], embeddings: Embeddings
) -> None:
    place, described = by_shards[1]
    asked = questions()[1:]
    faiss = faiss_module()
    if described.quantizer:
        bare = faiss.clone_index(load_quantizer(place, described.quantizer).index)
        bare.add(np.vstack(list(embeddings.blocks(0, ROWS, BLOCK))))
        faiss.extract_index_ivf(bare).nprobe = 6
    else:
        bare = faiss.IndexFlatIP(DIMENSION)
        bare.add(vectors_of_all())
    scores, rows = bare.search(asked, 10)
    hits = opened(place, described).search(asked, 10)
    np.testing.assert_allclose([[hit.score for hit in some] for some in hits], scores, atol=2e-6)
    same = np.array([[hit.number for hit in some] for some in hits]) == rows
    alone = np.ones_like(same)  # faiss breaks ties as it likes
    alone[:, 1:] &= scores[:, 1:] < scores[:, :-1] - 4e-6
    alone[:, :-1] &= scores[:, 1:] < scores[:, :-1] - 4e-6
    alone[:, -1] = False
    assert same[alone].all()
    assert alone.mean() > 0.5


def test_exact_hits_are_those_of_sorting_all_scores(by_shards: dict[int, tuple[Location, Description]]) -> None:
    place, described = by_shards[3]
    if described.quantizer:
        return  # of the exact kind alone
    exact = (questions().astype(np.float64) @ vectors_of_all().astype(np.float64).T).astype(np.float32)
    ids = names()
    for row, hits in zip(exact, opened(place, described).search(questions(), 10), strict=True):
        best = sorted(range(ROWS), key=lambda i: (row[i], ids[i]), reverse=True)[:10]
        assert [(hit.id, hit.score) for hit in hits] == [(ids[i], float(row[i])) for i in best]


def test_languages_are_searched_alone(by_shards: dict[int, tuple[Location, Description]]) -> None:
    for place, described in by_shards.values():
        index = opened(place, described)
        everything = index.search(questions(), 300, nprobe=32)
        for chosen in (["tel"], ["fin", "swa"]):
            some = index.search(questions(), 10, chosen, nprobe=32)
            for hits, all_hits in zip(some, everything, strict=True):
                expected = [hit for hit in all_hits if hit.language in chosen][:10]
                assert len(expected) > 3
                assert hits[: len(expected)] == expected
    with pytest.raises(UserError, match="nothing of zho is indexed; there is fin, swa, tel"):
        index.search(questions(), 3, ["zho"])


def test_a_rare_language_is_found_in_lists_further_away(tmp_path: Path) -> None:
    """Asked for the five nearest of ten passages that one list of 32 may not hold any of."""
    vectors = unit_vectors(8, 3_010, clusters=32)
    languages = {
        "fin": ([f"f{i}" for i in range(3_000)], vectors[:3_000]),
        "tel": (list("abcdefghij"), vectors[3_000:]),
    }
    index = opened(*built(tmp_path / "i", embedded(tmp_path / "e", languages), "IVF32,Flat", 3, nprobe=1))
    asked = unit_vectors(9, 40, clusters=32)
    few = index.search(asked, 5, ["tel"], nprobe=1)
    assert any(len(hits) < 5 for hits in few)
    for hits, at_least in zip(index.search(asked, 5, ["tel"]), few, strict=True):
        assert len(hits) == 5
        assert all(hit.score >= before.score for hit, before in zip(hits, at_least, strict=False))
    assert [len(hits) for hits in index.search(asked, 20, ["tel"])] == [10] * 40


def test_ties_over_shards_go_by_id(by_shards: dict[int, tuple[Location, Description]]) -> None:
    """41 passages are the question itself: whichever ten are asked for, they are those with the last ids."""
    ids = names()
    equal = sorted([ids[7], *ids[5_000:5_040]], reverse=True)
    for place, described in by_shards.values():
        (hits,) = opened(place, described).search(questions()[:1], 10, nprobe=32)
        if described.kind in ("Flat", "IVF32,Flat"):
            assert [hit.id for hit in hits] == equal[:10]
        tied: dict[float, list[str]] = {}
        for hit in hits:
            tied.setdefault(hit.score, []).append(hit.id)
        assert all(group == sorted(group, reverse=True) for group in tied.values())


def test_shards_that_do_not_fit_into_memory_take_turns(by_shards: dict[int, tuple[Location, Description]]) -> None:
    place, described = by_shards[3]
    largest = max(record.shard.size for record in described.shards)
    index = opened(place, described, memory=largest)
    assert index.search(questions(), 10) == opened(place, described).search(questions(), 10)
    assert len(index.shards.held) == 1


def test_a_question_alone_is_a_question_among_many(by_shards: dict[int, tuple[Location, Description]]) -> None:
    index = opened(*by_shards[3])
    together = index.search(questions(), 10)
    alone = [index.search(question[None], 10)[0] for question in questions()]
    assert [[hit.id for hit in hits] for hits in alone] == [[hit.id for hit in hits] for hits in together]
    if index.description.kind == "Flat":  # bit by bit; those with lists depend on the product with their centroids
        assert alone == together


@pytest.fixture
def small(tmp_path: Path) -> tuple[Location, Description]:
    some = embedded(tmp_path / "e", {"fin": ([f"{i}" for i in range(90)], unit_vectors(5, 90))}, piece_rows=40)
    return built(tmp_path / "i", some, "IVF4,Flat", 3, nprobe=2)


def refusal(place: Location, described: Description, copies: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        opened(place, described, copies=copies)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("file", ["shards/00001-*.faiss", "quantizer-*.faiss", "shards/00001-*.ids.arrow"])
def test_a_flipped_byte_is_refused_and_named(small: tuple[Location, Description], file: str) -> None:
    place, described = small
    changed = the_file(place, file)
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(bytes(data))
    assert f"{changed.uri}: damaged" in refusal(place, described)


@pytest.mark.parametrize("file", ["shards/00001-*.faiss", "quantizer-*.faiss", "shards/00001-*.ids.arrow"])
def test_a_missing_file_is_named(small: tuple[Location, Description], file: str) -> None:
    place, described = small
    lost = the_file(place, file)
    lost.delete()
    assert lost.uri in refusal(place, described)


def test_a_shard_of_another_quantizer_is_refused(small: tuple[Location, Description], tmp_path: Path) -> None:
    place, described = small
    stray = described.shards[1].model_copy(update={"quantizer": "0" * 64})
    mixed = described.model_copy(update={"shards": [described.shards[0], stray, described.shards[2]]})
    assert "shards/00001" in refusal(place, mixed)
    assert ".faiss: was built with another quantizer (000000000000)" in refusal(place, mixed)


def test_a_shard_too_few_or_twice_is_refused(small: tuple[Location, Description]) -> None:
    place, described = small
    first, _, last = described.shards
    assert "begins at row 60 and not at 30" in refusal(place, described.model_copy(update={"shards": [first, last]}))
    twice = described.model_copy(update={"shards": [first, first, last]})
    assert "begins at row 0 and not at 30" in refusal(place, twice)
    short = described.model_copy(update={"shards": described.shards[:2]})
    assert "holds 60 of 90 passages" in refusal(place, short)


def test_what_can_not_be_asked(small: tuple[Location, Description]) -> None:
    index = opened(*small)
    for asked, why in (
        (np.zeros((2, 7), np.float32), "vectors of shape 2 × 7: the index has 16 dimensions"),
        (np.zeros(16, np.float32), "vectors of shape 16"),
        (np.full((1, 16), np.nan, np.float32), "are no numbers"),
        ("what?", "a list of questions"),
        (["what?", " "], "question 1 is empty"),
    ):
        with pytest.raises(UserError, match=why):
            index.search(asked)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"languages: give a list: \['fin'\]"):
        index.search(np.zeros((1, 16), np.float32), 3, "fin")
    with pytest.raises(UserError, match="ask for 1 or more"):
        index.search(np.zeros((1, 16), np.float32), 0)
    assert index.search(np.empty((0, 16), np.float32)) == []
    assert index.search([]) == []


def test_gpus_that_are_not_there_are_told(small: tuple[Location, Description]) -> None:
    if gpus_of(faiss_module()):
        return  # the test below searches there
    place, described = small
    with pytest.raises(UserError, match="FAISS sees no GPU here: install raytrain"):
        Index(place, described, embed=len, read_texts=len, gpus="sharded")  # type: ignore[arg-type]


@pytest.mark.skipif(not gpus_of(faiss_module()), reason="needs a GPU and the GPU wheel of FAISS")
@pytest.mark.parametrize("gpus", ["sharded", "replicated"])
def test_gpus_find_what_cpus_find(by_shards: dict[int, tuple[Location, Description]], gpus: Placement) -> None:
    place, described = by_shards[3]
    index = Index(place, described, embed=len, read_texts=len, gpus=gpus)  # type: ignore[arg-type]
    here = opened(place, described).search(questions(), 10)
    there = index.search(questions(), 10)
    same = [a.id == b.id for some, others in zip(here, there, strict=True) for a, b in zip(some, others, strict=True)]
    assert np.mean(same) >= (1 if described.kind == "Flat" else 0.98)
    assert index.search(questions(), 10, ["tel"]) == opened(place, described).search(questions(), 10, ["tel"])


def test_more_than_there_is(small: tuple[Location, Description]) -> None:
    (hits,) = opened(*small).search(unit_vectors(7, 1), 1_000, nprobe=4)
    assert sorted(hit.number for hit in hits) == list(range(90))
    (few,) = opened(*small).search(unit_vectors(7, 1), 1_000, nprobe=1)
    assert 0 < len(few) < 90  # of one list


def test_an_index_on_s3_is_copied_and_compared(s3: S3Server, tmp_path: Path) -> None:
    some = embedded(tmp_path / "e", {"fin": ([f"{i}" for i in range(90)], unit_vectors(5, 90))}, piece_rows=40)
    here = opened(*built(tmp_path / "i", some, "IVF4,Flat", 3, nprobe=2))
    place = Location.of(f"s3://{s3.bucket()}/i")
    _, described = built(place, some, "IVF4,Flat", 3, nprobe=2)
    asked = unit_vectors(6, 9)
    assert opened(place, described).search(asked, 20) == here.search(asked, 20)
    shard = place / described.shards[2].shard.path
    shard.write_bytes(shard.read_bytes()[:-1])
    assert f"{shard.uri}: damaged" in refusal(place, described)


def test_copies_of_an_index_on_s3_are_used_again(s3: S3Server, tmp_path: Path) -> None:
    some = embedded(tmp_path / "e", {"fin": ([f"{i}" for i in range(90)], unit_vectors(5, 90))}, piece_rows=40)
    place, described = built(Location.of(f"s3://{s3.bucket()}/i"), some, "IVF4,Flat", 3, nprobe=2)
    assert described.quantizer is not None
    copies, asked = tmp_path / "copies", unit_vectors(6, 9)
    expected = opened(place, described, copies=copies).search(asked, 20)
    lost = place / described.shards[1].shard.path
    lost.delete()
    (place / described.quantizer.path).delete()
    assert opened(place, described, copies=copies).search(asked, 20) == expected
    copy = copies / described.shards[1].shard.sha256
    copy.write_bytes(copy.read_bytes()[:-1])  # is not believed
    assert lost.uri in refusal(place, described, copies)
    assert {path.name for path in copies.iterdir()} == {  # no half copy
        file.sha256 for file in (described.quantizer, *(f for record in described.shards for f in record.files))
    }


def test_a_shard_that_goes_while_the_index_is_open_is_told(small: tuple[Location, Description]) -> None:
    place, described = small
    index = opened(place, described, memory=1)
    index.search(unit_vectors(6, 2), 5)
    gone = place / described.shards[0].shard.path
    gone.delete()
    with pytest.raises(UserError, match="can't be read now") as caught:
        index.search(unit_vectors(6, 2), 5)
    assert str(gone.local_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_description_is_plain_data(small: tuple[Location, Description]) -> None:
    described = small[1]
    assert Description.model_validate_json(described.model_dump_json()) == described
    assert isinstance(described.quantizer, File)
