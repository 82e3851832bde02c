"""What shape the rows of a file have, and which labels: by the names of columns and file."""

import pytest

from raytrain.corpus.raw.shapes import Shape, labels_of, shape_of
from raytrain.errors import UserError

BITEXT = ["question1", "answer1", "question2", "answer2"]


@pytest.mark.parametrize(
    ("columns", "shape"),
    [
        (["answer", "question"], "pairs"),
        (["id", "origin", "url", "question", "answer", "semantic_similarity_score"], "pairs"),
        (["query", "pos"], "training"),
        (["query", "pos", "neg", "pos_scores", "neg_scores", "prompt"], "training"),
        (["query", "positive", "negatives", "scores"], "training"),
        (["query", "positives"], "training"),
        (["origin", *BITEXT, "labse_similarity", "details"], "bitext"),
        (["language1", "language2", *BITEXT], "bitext"),
    ],
)
def test_shapes_by_columns(columns: list[str], shape: Shape) -> None:
    assert shape_of(columns, "f") == shape


@pytest.mark.parametrize("columns", [["question", "reply"], ["query", "neg"], BITEXT[:3], ["pos"]])
def test_columns_of_no_shape_are_refused_with_the_shapes_there_are(columns: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        shape_of(columns, "f.parquet")
    assert str(caught.value) == (
        f"f.parquet: no rows that can be read: it has {', '.join(columns)}, and needs question, answer; "
        "or query, pos (positive); or question1, answer1, question2, answer2"
    )


def test_no_columns_and_columns_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match="it has none, and needs"):
        shape_of([], "f")
    with pytest.raises(UserError, match="f: column 'answer' is there twice"):
        shape_of(["question", "answer", "answer"], "f")


def test_labels_by_the_name() -> None:
    assert labels_of("pairs", ["question", "answer"], "Finnish", "f") == ("fin",)
    assert labels_of("pairs", ["question", "answer"], "de-en", "f") == ("deu-eng",)
    assert labels_of("training", ["query", "pos"], "sw", "f") == ("swa",)
    assert labels_of("bitext", BITEXT, "deu-eng", "f") == ("deu-eng", "eng-deu")


@pytest.mark.parametrize("name", ["deu-eng", "eng", "other"])
def test_rows_that_say_their_languages_need_no_name(name: str) -> None:
    assert labels_of("bitext", [*BITEXT, "language1", "language2"], name, "f") == ()


def test_a_name_that_has_to_say_more_is_refused() -> None:
    with pytest.raises(UserError, match=r"^f: 'other' says the language, and 'other' is no language"):
        labels_of("pairs", ["question", "answer"], "other", "f")
    with pytest.raises(UserError, match=r"^f: a bitext of eng and what\? Name it by both languages, as in deu-eng"):
        labels_of("bitext", BITEXT, "en", "f")
