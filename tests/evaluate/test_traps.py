"""The traps of TyDi QA, Mr. TyDi and MIRACL that concern what is read, one test each."""

import json
from pathlib import Path

import pytest
from releases import MRTYDI_DEV, MRTYDI_TEST, miracl, mrtydi

from jobs import small_job, write_corpus
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.benchmark import load_benchmark, same_questions
from raytrain.evaluate.held_out import HeldOut, write_held_out
from raytrain.evaluate.metrics import score
from raytrain.evaluate.models import known_training
from raytrain.evaluate.retrieval import Retrieval
from raytrain.evaluate.scored import write_scored
from raytrain.jobfile import job_from
from raytrain.stages.benchmark import check_validation
from raytrain.stages.report import caveats
from raytrain.storage import Location


def primary(folder: Path, text: str, spans: list[tuple[int, int]], chosen: list[int]) -> Retrieval:
    row = {
        "example_id": 1,
        "language": "thai",
        "document_url": "u",
        "document_plaintext": text,
        "question_text": "?",
        "passage_answer_candidates": [{"plaintext_start_byte": a, "plaintext_end_byte": b} for a, b in spans],
        "annotations": [{"passage_answer": {"candidate_index": index}} for index in chosen],
    }
    (folder / "dev.jsonl").write_text(json.dumps(row) + "\n")
    (part,) = load_benchmark(f"tydiqa-primary:{folder}/dev.jsonl", None, Location.of)
    return part


def test_offsets_are_utf_8_bytes_and_not_characters(tmp_path: Path) -> None:
    text = "กรุงเทพ abc"
    assert primary(tmp_path, text, [(0, 21), (22, 25)], [1, 1, 1]).passages == {"1#0": "กรุงเทพ", "1#1": "abc"}


def test_minus_1_is_null_and_not_the_last_candidate(tmp_path: Path) -> None:
    part = primary(tmp_path, "abc def", [(0, 3), (4, 7)], [-1, -1, -1])
    assert (part.relevant, part.left_out) == ({}, 1)
    assert primary(tmp_path, "abc def", [(0, 3), (4, 7)], [0, 0, -1]).relevant == {"1": {"1#0": 1}}


@pytest.mark.parametrize(("chosen", "answered"), [([0, -1, -1], False), ([0, 0, -1], True), ([0, 1, -1], True)])
def test_a_gold_passage_needs_two_annotators(tmp_path: Path, chosen: list[int], answered: bool) -> None:
    part = primary(tmp_path, "abc def", [(0, 3), (4, 7)], chosen)
    assert bool(part.relevant) is answered


def test_a_passage_with_the_id_of_its_question_is_kept(tmp_path: Path) -> None:
    """WebFAQ's ids can collide; some tools leave such passages out of the ranking."""
    folder = tmp_path / "fin"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "7", "text": "right"}\n{"_id": "8", "text": "wrong"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "7", "text": "?"}\n')
    (folder / "test.jsonl").write_text('{"query-id": "7", "corpus-id": "7", "score": 1.0}\n')
    (part,) = load_benchmark(f"webfaq:{tmp_path}", None, Location.of)
    assert part.relevant == {"7": {"7": 1}}
    assert score(part.relevant, {"7": [("7", 1.0), ("8", 0.5)]})["7"]["nDCG@10"] == 1.0


def validated(tmp_path: Path, chosen_by: str, judged_on: str) -> Job:
    data = small_job(write_corpus(tmp_path / "raw", ("fin",), rows=1), tmp_path / "root")
    data["train"]["validate_on"] = {"benchmark": chosen_by, "every": 10}
    return job_from({**data, "evaluate": {"benchmarks": [judged_on]}}, "test")


@pytest.mark.parametrize(
    ("chosen_by", "judged_on"),
    [
        ("mrtydi:{}/mrtydi#dev", "miracl:{}/miracl#dev"),
        ("mrtydi:{}/mrtydi#dev", "miracl:{}/miracl#train"),
        ("miracl:{}/miracl#train", "mrtydi:{}/mrtydi#dev"),
    ],
)
def test_tuning_on_mr_tydi_and_judging_on_miracl_is_refused_for_their_questions_are_the_same(
    tmp_path: Path, chosen_by: str, judged_on: str
) -> None:
    mrtydi(tmp_path / "mrtydi/fi", test=MRTYDI_TEST, dev=MRTYDI_DEV)
    miracl(tmp_path / "miracl", "fi")
    miracl(tmp_path / "miracl", "fi", "train")
    with pytest.raises(UserError, match="both ask questions of TyDi QA train: the model would be chosen by what"):
        check_validation(validated(tmp_path, chosen_by.format(tmp_path), judged_on.format(tmp_path)))


def test_other_splits_may_be_validated_on(tmp_path: Path) -> None:
    mrtydi(tmp_path / "mrtydi/fi", test=MRTYDI_TEST, dev=MRTYDI_DEV)
    miracl(tmp_path / "miracl", "fi")
    for number, chosen_by in enumerate(["miracl:{}/miracl", "mrtydi:{}/mrtydi#dev"]):
        check_validation(validated(tmp_path / f"{number}", chosen_by.format(tmp_path), f"mrtydi:{tmp_path}/mrtydi"))


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("mrtydi:x#train", "miracl:y", "TyDi QA train"),
        ("mrtydi:x", "tydiqa-goldp:/a/tydiqa-goldp-v1.1-dev.json", "TyDi QA dev"),
        ("tydiqa-primary:tydiqa-v1.0-train.jsonl.gz", "miracl:y#train", "TyDi QA train"),
        ("tydiqa-goldp:validation.parquet", "tydiqa-primary:tydiqa-v1.0-dev.jsonl.gz", "TyDi QA dev"),
        ("mrtydi:x", "miracl:y", ""),
        ("mrtydi:x#dev", "mrtydi:x#train", ""),
        ("beir:x#dev", "webfaq:y#train", ""),
    ],
)
def test_names_tell_whose_questions_are_asked(one: str, other: str, shared: str) -> None:
    assert same_questions(one, other) == same_questions(other, one) == shared


@pytest.mark.parametrize("model", ["intfloat/multilingual-e5-base", "/models/multilingual-e5-large", "BAAI/bge-m3"])
def test_me5_and_bge_m3_are_never_called_zero_shot(tmp_path: Path, model: str) -> None:
    names = ["mrtydi:x", "miracl:y", "webfaq:z"]
    assert known_training(model) == ("mrtydi", "miracl")
    data = small_job(write_corpus(tmp_path / "raw", ("fin",), rows=1), tmp_path / "root")
    data["model"] = {"name_or_path": model, "revision": "main"}
    told = caveats(job_from({**data, "evaluate": {"benchmarks": names}}, "test"))
    line = next(line for line in told if "zero-shot" in line)
    assert line.startswith(f"{model} was trained on mrtydi and miracl")
    assert "mrtydi-x, miracl-y neither" in line
    assert known_training("xlm-roberta-base") == ()


def test_passage_selection_can_not_choose_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text("")
    job = validated(tmp_path, f"tydiqa-passages:{tmp_path}/dev.jsonl", "demo:cldr")
    with pytest.raises(UserError, match="take tydiqa-primary of the same file"):
        check_validation(job)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_run_with_scores_that_are_no_numbers_is_refused(tmp_path: Path, value: float) -> None:
    place = Location.of(str(tmp_path))
    _, counts = write_held_out("b", Retrieval("fin", {"q": "?"}, {"p": "."}, {"q": {"p": 1}}), place)
    part = HeldOut("b", "fin", place / "b/fin", **counts)
    with pytest.raises(UserError, match=f"b/fin: passage p scores {value} for question q: no number"):
        write_scored(part, {"q": [("p", value)]}, "tag", place)
