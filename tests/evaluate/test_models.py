"""What a job says of a model of others, and when its scores can't be zero-shot."""

import pytest

from raytrain.evaluate.models import OtherModel, note_of


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("intfloat/multilingual-e5-base", "multilingual-e5-base"),
        ("s3://bucket/models/mini/", "mini"),
        ("runs/my model", "my_model"),
    ],
)
def test_a_model_is_called_by_the_last_part_of_its_name(name: str, called: str) -> None:
    assert OtherModel(name=name).called == called


def test_a_name_alone_is_a_model() -> None:
    assert OtherModel.model_validate("a/b") == OtherModel(name="a/b")


@pytest.mark.parametrize("name", ["x/BM25", "untrained", "trained/", "///"])
def test_names_that_the_tables_have_already_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name it otherwise"):
        OtherModel(name=name)


@pytest.mark.parametrize("name", ["intfloat/multilingual-e5-large-instruct", "BAAI/bge-m3"])
@pytest.mark.parametrize("benchmark", ["mrtydi-v1.1", "miracl-dev", "tydiqa-goldp-dev"])
def test_models_known_to_be_trained_on_tydi_questions_are_never_zero_shot(name: str, benchmark: str) -> None:
    """Whatever the job says; Mr. TyDi and MIRACL ask TyDi QA's questions."""
    for trained_on in (None, []):
        note = note_of(OtherModel(name=name, trained_on=trained_on), benchmark)
        assert "trained on mrtydi and miracl, so its scores here are not zero-shot" in note
    assert "not zero-shot" not in note_of(OtherModel(name=name), "webfaq")


def test_of_other_models_the_job_says_it() -> None:
    assert "not known here" in note_of(OtherModel(name="a/b"), "mrtydi")
    assert "not trained on this benchmark, as far as the job says" in note_of(
        OtherModel(name="a/b", trained_on=[]), "x"
    )
    trained = OtherModel(name="a/b", trained_on=["webfaq"])
    assert "trained on webfaq, so its scores here are not zero-shot" in note_of(trained, "webfaq-retrieval")
    assert "not trained on this benchmark" in note_of(trained, "mrtydi")
