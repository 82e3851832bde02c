"""Benchmarks and baselines as stages, without a model: what is read, kept and scored."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from jobs import small_job, write_corpus
from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.held_out import held_out_of
from raytrain.evaluate.trec import read_run
from raytrain.jobfile import job_from
from raytrain.pipeline import Say, run, up_to
from raytrain.stages.chain import chain
from raytrain.study.gather import Evaluated, results_of

TINY = Path(__file__).parents[1] / "data/tydiqa/tiny_dev.jsonl.gz"
ELEVEN = ("ara", "ben", "eng", "fin", "ind", "jpn", "kor", "rus", "swa", "tel", "tha")


def job_on(tmp_path: Path, *benchmarks: str, languages: tuple[str, ...] = ELEVEN) -> Job:
    data = small_job(write_corpus(tmp_path / "raw", languages, rows=1), tmp_path / "root")
    return job_from({**data, "evaluate": {"benchmarks": list(benchmarks)}}, "test")


def tydi_job(tmp_path: Path) -> Job:
    return job_on(tmp_path, f"tydiqa-primary:{TINY}")


def run_bm25(job: Job, say: Say = print) -> dict[str, Artifact]:
    return run(up_to(chain(job), "bm25"), say)


def test_all_languages_of_tydiqa_are_in_the_results_and_those_with_a_gold_passage_have_scores(tmp_path: Path) -> None:
    done = run_bm25(tydi_job(tmp_path))
    (result,) = results_of(done["benchmark"], [Evaluated("BM25", "baseline", (), [done["bm25"]], {})], None).benchmarks
    assert set(result.languages) == set(ELEVEN)
    assert sum(count.passages for count in result.languages.values()) == 314
    (bm25,) = result.systems
    assert set(bm25.languages) == {"ara", "ind", "rus"}
    assert {lang for lang, count in result.languages.items() if count.left_out} == set(ELEVEN) - set(bm25.languages)
    assert bm25.languages["ind"]["Recall@100"].mean == 1.0


def test_the_run_file_ranks_the_passages_of_the_article(tmp_path: Path) -> None:
    done = run_bm25(tydi_job(tmp_path))
    folder = done["bm25"].location / "tydiqa-primary-open-tiny_dev/ind"
    ((question, hits),) = read_run((folder / "run.trec").read_text(), "run").items()
    assert question == "1906590851264221380"
    assert {passage.split("#")[0] for passage, _ in hits} == {question}


def test_a_benchmark_made_for_more_languages_does_not_do_for_a_job_with_fewer(tmp_path: Path) -> None:
    job = tydi_job(tmp_path)
    run_bm25(job)
    fewer = job.model_copy(update={"corpus": job.corpus.model_copy(update={"languages": ["eng", "fin"]})})
    with pytest.raises(UserError, match="which the corpus lacks"):
        run_bm25(fewer)


def test_a_damaged_benchmark_is_named(tmp_path: Path) -> None:
    job = tydi_job(tmp_path)
    done = run_bm25(job)
    (ind,) = [part for part in held_out_of(done["benchmark"]) if part.language == "ind"]
    place = ind.folder.local_path / "qrels.trec"
    place.write_text(place.read_text().replace("#1", "#2"))
    shutil.rmtree(tmp_path / "root/bm25")
    with pytest.raises(UserError, match=f"{place}: damaged"):
        run_bm25(job)


def test_passage_selection_leaves_a_prediction_for_every_question_of_all_languages(tmp_path: Path) -> None:
    told: list[str] = []
    done = run_bm25(job_on(tmp_path, f"tydiqa-passages:{TINY}"), told.append)
    folder = done["bm25"].location / "tydiqa-selectp-tiny_dev"
    official = {row["example_id"]: row for row in map(json.loads, gzip.decompress(TINY.read_bytes()).splitlines())}
    predictions = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert {row["example_id"]: row["language"] for row in predictions} == {
        name: row["language"] for name, row in official.items()
    }
    for row in predictions:
        assert -1 <= row["passage_answer_index"] < len(official[row["example_id"]]["passage_answer_candidates"])
        assert row["minimal_answer"] == {"start_byte_offset": -1, "end_byte_offset": -1}
    selection = json.loads((folder / "selection.json").read_text())
    assert set(selection["languages"]) == set(ELEVEN)
    assert {lang for lang, found in selection["languages"].items() if found["answered"]} == {"ara", "ind", "rus"}
    assert all(found["questions"] == 1 for found in selection["languages"].values())
    assert selection["averages"] == done["bm25"].manifest.summary["selection"]["tydiqa-selectp-tiny_dev"]
    assert any(line.startswith("bm25: tydiqa-selectp-tiny_dev: TyDiQA-SelectP F1 0.") for line in told)
    assert any("without a relevant passage, and not scored: 8 questions (ben 1, eng 1," in line for line in told)


def test_the_candidates_of_the_article_alone_are_ranked(tmp_path: Path) -> None:
    """Two articles of one language; the other one's passages would rank first."""
    rows = [
        {
            "example_id": name,
            "language": "finnish",
            "document_url": f"https://example.org/{name}",
            "document_plaintext": text,
            "question_text": question,
            "passage_answer_candidates": [
                {"plaintext_start_byte": start, "plaintext_end_byte": start + 3} for start in (0, 4)
            ],
            "annotations": [{"passage_answer": {"candidate_index": index}} for index in chosen],
        }
        for name, text, question, chosen in [
            (1, "aaa bbb", "bbb ccc ddd", [1, 1, -1]),
            (2, "ccc ddd", "aaa", [-1, -1, -1]),
        ]
    ]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    names = [f"{kind}:{tmp_path}/dev.jsonl" for kind in ("tydiqa-passages", "tydiqa-primary")]
    done = run_bm25(job_on(tmp_path, *names, languages=("fin",)))
    folder = done["bm25"].location
    selected = read_run((folder / "tydiqa-selectp-dev/fin/run.trec").read_text(), "run")
    opened = read_run((folder / "tydiqa-primary-open-dev/fin/run.trec").read_text(), "run")
    assert {question: [passage for passage, _ in hits] for question, hits in selected.items()} == {"1": ["1#1"]}
    assert {passage for passage, _ in opened["1"]} == {"1#1", "2#0", "2#1"}
    predictions = [
        json.loads(line) for line in (folder / "tydiqa-selectp-dev/predictions.jsonl").read_text().splitlines()
    ]
    assert [(row["example_id"], row["passage_answer_index"]) for row in predictions] == [(1, 1), (2, -1)]
    assert json.loads((folder / "tydiqa-selectp-dev/selection.json").read_text())["languages"]["fin"]["f1"] == 1.0
    (part,) = [part for part in held_out_of(done["benchmark"]) if part.selecting]
    assert (part.questions, part.left_out, part.selecting) == (1, 1, 2)
    about = done["benchmark"].manifest.summary["about"]
    assert about["tydiqa-selectp-dev"]["task"].startswith("TyDiQA-SelectP")


def test_a_bitext_is_scored_in_both_directions(tmp_path: Path) -> None:
    folder = tmp_path / "bitext"
    folder.mkdir()
    (folder / "deu-eng.tsv").write_text("Wien\tWien is Vienna\nBonn\tBonn\n")
    done = run_bm25(job_on(tmp_path, f"bitext:{folder}", languages=("deu", "eng")))
    scores = done["bm25"].manifest.summary["scores"]["bitext"]
    assert {direction: means["Recall@100"] for direction, means in scores.items()} == {"deu-eng": 1.0, "eng-deu": 1.0}


def test_a_language_of_either_side_that_the_corpus_lacks_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bitext"
    folder.mkdir()
    (folder / "deu-eng.tsv").write_text("Wien\tVienna\n")
    with pytest.raises(UserError, match="has eng, which the corpus lacks"):
        run_bm25(job_on(tmp_path, f"bitext:{folder}", languages=("deu", "fin")))
