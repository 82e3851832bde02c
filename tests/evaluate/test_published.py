"""Published numbers: as their sources have them, and shown only for a benchmark of the size they were measured on."""

from dataclasses import dataclass, replace

import pytest

from raytrain.evaluate.published import Published, published_for, tables

MR_TYDI, MIRACL = tables()


@dataclass(frozen=True)
class Read:
    questions: int
    passages: int
    left_out: int = 0


def sizes(table: Published) -> dict[str, Read]:
    return {language: Read(n, table.passages[language]) for language, n in table.questions.items()}


# What the sources print as the average over all languages, to three places: Mr. TyDi's README, MIRACL's paper.
@pytest.mark.parametrize(
    ("table", "system", "metric", "average"),
    [
        (MR_TYDI, "BM25, default", "MRR@100", 0.321),
        (MR_TYDI, "BM25, default", "Recall@100", 0.732),
        (MR_TYDI, "mDPR, NQ", "Recall@100", 0.594),
        (MR_TYDI, "BM25 + mDPR, NQ", "Recall@100", 0.834),
    ],
)
def test_the_mean_of_what_was_entered_is_the_average_that_the_source_prints(
    table: Published, system: str, metric: str, average: float
) -> None:
    (found,) = [one for one in table.systems if one.name == system]
    scores = found.scores[metric]
    assert len(scores) == len(table.questions)
    assert sum(scores.values()) / len(scores) == pytest.approx(average, abs=6e-4)


def test_every_entry_has_a_source_and_values_of_the_languages_that_have_a_size() -> None:
    for table in tables():
        assert set(table.passages) == set(table.questions)
        for system in table.systems:
            assert system.source
            assert system.url.startswith("https://")
            assert system.scores
            for scores in system.scores.values():
                assert set(scores) <= set(table.questions)
                assert all(0 < value < 1 for value in scores.values())


def test_a_benchmark_of_their_size_has_them_in_the_languages_that_were_read() -> None:
    some = {language: size for language, size in sizes(MR_TYDI).items() if language in ("fin", "tel")}
    (found,) = published_for("mrtydi-v1.1", some)
    assert found.questions == {"fin": 1254, "tel": 646}
    assert found.systems[0].scores["MRR@100"] == {"fin": 0.284, "tel": 0.343}
    assert published_for("mrtydi", some) == [found]


@pytest.mark.parametrize("label", ["beir-mrtydi", "miracl-dev", "mrtydix", "tydiqa-goldp-dev"])
def test_a_benchmark_of_another_kind_has_none(label: str) -> None:
    assert published_for(label, sizes(MR_TYDI)) == []


def test_another_split_and_a_sample_of_the_passages_have_none() -> None:
    whole = sizes(MIRACL)
    other_split = {language: replace(size, questions=size.questions + 1) for language, size in whole.items()}
    sample = {language: replace(size, passages=size.passages // 2) for language, size in whole.items()}
    assert published_for("miracl", other_split) == []
    assert published_for("miracl", sample) == []


def test_empty_passages_that_a_reader_leaves_out_make_no_other_benchmark() -> None:
    near = {language: replace(size, passages=size.passages - 9) for language, size in sizes(MIRACL).items()}
    unanswered = {language: replace(size, questions=size.questions - 3, left_out=3) for language, size in near.items()}
    (found,) = published_for("miracl-v1.0", unanswered)
    assert found == MIRACL
