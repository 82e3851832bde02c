"""Benchmarks and baselines as stages, without a model: what is read, kept and scored."""

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
from raytrain.pipeline import run, up_to
from raytrain.stages.chain import chain
from raytrain.study.gather import Evaluated, results_of

TINY = Path(__file__).parents[1] / "data/tydiqa/tiny_dev.jsonl.gz"
ELEVEN = ("ara", "ben", "eng", "fin", "ind", "jpn", "kor", "rus", "swa", "tel", "tha")


def tydi_job(tmp_path: Path) -> Job:
    data = small_job(write_corpus(tmp_path / "raw", ELEVEN, rows=1), tmp_path / "root")
    return job_from({**data, "evaluate": {"benchmarks": [f"tydiqa-primary:{TINY}"]}}, "test")


def run_bm25(job: Job) -> dict[str, Artifact]:
    return run(up_to(chain(job), "bm25"), print)


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
