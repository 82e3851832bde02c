"""A study from raw pairs to a verdict, with all its real parts: what it finds, and what it survives."""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs import small_job, write_corpus, write_held_out
from model.sentence_folder import sentence_folder
from processes import kill_tree, start
from raytrain.artifact import Artifact
from raytrain.errors import UserError
from raytrain.evaluate.metrics import METRICS
from raytrain.jobfile import job_from
from raytrain.pipeline import differences, run, status
from raytrain.search import find
from raytrain.serving import serve
from raytrain.stages.chain import one_run, tasks_of
from raytrain.stages.report import read_report
from raytrain.stages.study import all_pairs, check_apart
from raytrain.study.arms import runs_of
from raytrain.study.gather import Evaluated
from raytrain.study.results import BenchmarkResult, Comparison
from raytrain.submit.plan import plan_of
from s3server import S3Server

pytestmark = pytest.mark.timeout(1800)  # six training runs are set up within the tests that need them

FRENCH, SHUFFLED = {"weights": {"fra": 1.0}}, {"weights": {"ita": 1.0}}
ARMS = {"french": FRENCH, "shuffled": SHUFFLED}
LANGUAGES = ("deu", "eng", "fra")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    """Pairs of three languages, and under the name of a fourth those of French with their answers shuffled."""
    place = write_corpus(folder / "raw", LANGUAGES, rows=400)
    rows = [json.loads(line) for line in (place / "fra.jsonl").read_text().splitlines()]
    answers = [row["answer"] for row in rows]
    random.Random(1).shuffle(answers)
    shuffled = [json.dumps({**row, "answer": answer}) for row, answer in zip(rows, answers, strict=True)]
    (place / "ita.jsonl").write_text("\n".join(shuffled) + "\n")
    write_held_out(folder / "eval", LANGUAGES)
    sentence_folder(folder / "other")
    return place


def study_job(source: Any, held_out: Any, root: Any, arms: dict[str, Any], model: Path) -> dict[str, Any]:
    data = small_job(source, root, max_steps=120, checkpoint_every=60, ledger=False, learning_rate=1e-2)
    data["cluster"]["workers"] = 1
    data["evaluate"] = {"benchmarks": [f"beir:{held_out}"], "models": [str(model)]}
    data["index"] = {"piece_rows": 40, "shard_rows": 150}
    return {**data, "study": {"arms": arms, "seeds": [1, 2, 3]}}


def run_here(data: dict[str, Any]) -> dict[str, Artifact]:
    return run(tasks_of(job_from(data, "test")), print)


def result_of(artifacts: dict[str, Artifact]) -> BenchmarkResult:
    (result,) = read_report(artifacts["report"]).results.benchmarks
    return result


def groups(result: BenchmarkResult) -> dict[str, Comparison]:
    return {c.name: c for c in result.comparisons if c.over == "group"}


@pytest.fixture(scope="module")
def data(local_ray: None, folder: Path, source: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The job of a study with some arms; all share one root, so that an arm is trained once."""
    return lambda arms: study_job(source, folder / "eval", folder / "root", arms, folder / "other")


@pytest.fixture(scope="module")
def alike(data: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Artifact]:
    """A/A: the same mix in both arms, with seeds of its own in each, which are those that the planted effect needs."""
    return run_here(data({"french": {**FRENCH, "seeds": [1, 2]}, "again": {**FRENCH, "seeds": [3]}}))


@pytest.fixture(scope="module")
def planted(data: Callable[[dict[str, Any]], dict[str, Any]], alike: dict[str, Artifact]) -> dict[str, Artifact]:
    return run_here(data(ARMS))


def test_two_arms_alike_give_no_verdict(alike: dict[str, Artifact]) -> None:
    result = result_of(alike)
    assert {c.finding for c in result.comparisons} == {"no verdict"}
    assert any(c.difference != 0 for c in result.comparisons)  # they are other runs indeed
    assert all("no verdict" in line for line in result.verdicts)
    assert len(result.verdicts) == 2


def test_a_planted_effect_is_found(planted: dict[str, Artifact]) -> None:
    result = result_of(planted)
    found = groups(result)
    assert (result.groups["trained"], result.groups["never trained"]) == (["fra"], ["deu", "eng"])
    assert found["never trained"].finding == "worse"
    assert result.verdicts[0].endswith("worse.")
    # In one language three seeds tell less: the effect is as large, and beyond what other questions would change.
    assert found["trained"].difference < -0.1
    assert found["trained"].p_questions is not None
    assert found["trained"].p_questions < 0.001


def test_only_the_mix_differs_between_arms(data: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    job = job_from(data(ARMS), "test")
    assert job.study
    french, shuffled, french_2, *_ = runs_of(job, job.study)
    changed = differences(french.job.model_dump(mode="json"), shuffled.job.model_dump(mode="json"))
    assert changed
    assert all(line.startswith("train.mix.") for line in changed)
    changed = differences(french.job.model_dump(mode="json"), french_2.job.model_dump(mode="json"))
    assert changed == ["train.seed: 1 → 2"]


def test_arms_share_corpus_first_weights_and_evaluation(planted: dict[str, Artifact]) -> None:
    one, other = (
        {name.split("/")[1]: a.manifest for name, a in planted.items() if name.startswith(f"{arm}:1/")} for arm in ARMS
    )
    shared = {("plan", "prepare"), ("train", "prepare"), ("train", "model"), ("embed", "benchmark")}
    for stage, given in shared | {("evaluate", "benchmark")}:
        assert one[stage].inputs[given] == other[stage].inputs[given]
    assert differences(one["plan"].identity, other["plan"].identity)
    for stage in ("train", "export", "embed", "evaluate", "index"):  # configs alike: what differs is what went in
        changed = differences(one[stage].identity, other[stage].identity)
        assert all(line.startswith("inputs.") for line in changed)
    for stage in ("plan", "train"):  # equal pairs, equal steps
        summaries = [m[stage].summary for m in (one, other)]
        totals = [s.get("pairs") or sum(e["pairs"] for e in s["languages"].values()) for s in summaries]
        assert totals[0] == totals[1] == 120 * 24


def test_an_arm_is_trained_once_however_many_studies_it_is_in(
    alike: dict[str, Artifact], planted: dict[str, Artifact]
) -> None:
    for task in ("french:1/train", "french:2/fused", "seed:1/untrained", "beside:other/other", "bm25", "prepare"):
        assert alike[task].location == planted[task].location
        assert alike[task].manifest.writer == planted[task].manifest.writer


def test_every_system_is_scored_on_every_language(planted: dict[str, Artifact]) -> None:
    result = result_of(planted)
    names = ["BM25", "untrained", "other", "french", "shuffled", "BM25 + french", "BM25 + shuffled"]
    assert [system.name for system in result.systems] == names
    for system in result.systems:
        assert set(system.languages) == set(LANGUAGES)
        for scores in system.languages.values():
            assert set(scores) == set(METRICS)
            assert all(e.low <= e.mean <= e.high for e in scores.values())
    assert result.systems[0].groups["all"]["nDCG@10"].mean > 0.9  # rare words in common: BM25's home


def test_the_report_names_all_it_comes_from(planted: dict[str, Artifact]) -> None:
    report = read_report(planted["report"])
    told = {entry["name"]: entry for entry in report.provenance["artifacts"]}
    assert set(told) == {name for name in planted if name != "report" and not name.endswith("/index")}
    for name, entry in told.items():
        assert (entry["hash"], entry["content"]) == (planted[name].manifest.hash, planted[name].manifest.content)
    assert report.provenance["versions"]["pytrec-eval-terrier"] == version("pytrec-eval-terrier")
    assert not any("Seeds an arm" in caveat for caveat in report.caveats)  # three are enough
    assert report.notes["beir-eval"][0].startswith("other: what it was trained on is not known here")
    assert {c.system for b in report.results.benchmarks for c in b.comparisons} == {"shuffled"}  # no baseline is judged
    files = report.provenance["benchmarks"]["beir-eval"]["files"]
    assert len([path for path in files if path.endswith("qrels.trec")]) == 3
    assert set(report.curves) == {f"{arm}:{seed}" for arm in ARMS for seed in (1, 2, 3)}


def test_the_means_of_every_metric_are_in_one_file_with_how_they_came_about(planted: dict[str, Artifact]) -> None:
    found = json.loads((planted["report"].location / "metrics.json").read_text())
    (result,) = read_report(planted["report"]).results.benchmarks
    benchmark, how = found["benchmarks"]["beir-eval"], found["how"]
    for system in result.systems:
        for over, estimates in (("languages", system.languages), ("groups", system.groups)):
            told = benchmark["systems"][system.name][over]
            assert told == {x: {m: e.mean for m, e in of.items()} for x, of in estimates.items()}
            assert all(set(means) == set(METRICS) for means in told.values())
    assert {"trained", "never trained", "all", "all without eng"} == set(benchmark["groups"])
    assert how["search"]["exact"] is True
    assert how["texts"]["pooling"] == "mean"
    assert how["versions"]["pytrec-eval-terrier"] == version("pytrec-eval-terrier")
    for name in ("french:1/export", "seed:1/model"):
        files = {file.path: file.sha256 for file in planted[name].manifest.files}
        assert how["models"][name]["sha256"] == files
        assert any(path.endswith("tokenizer.json") for path in files)
    evaluation = how["evaluations"]["french:1/evaluate"]
    assert (evaluation["device"], evaluation["rules"]["depth"]) == ("cpu", 1000)
    assert {"bm25", "seed:1/untrained"} <= set(how["evaluations"])
    assert any(path.endswith("topics.tsv") for path in how["benchmarks"]["beir-eval"]["files"])


def test_what_the_study_would_take_is_what_it_took(
    planted: dict[str, Artifact], data: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    train, embed = plan_of(job_from(data(ARMS), "test")).lines
    runs = [artifact for name, artifact in planted.items() if name.endswith("/train")]
    steps = [json.loads(step) for run in runs for step in (run.location / "metrics.jsonl").read_text().splitlines()]
    assert train.work.runs == len(runs)
    assert train.cost.tokens.low < sum(step["tokens"] for step in steps) < train.cost.tokens.high
    embedded = [
        artifact.manifest.summary for name, artifact in planted.items() if name.endswith(("/embed", "ed-embed"))
    ]
    assert embed.work.runs == len(embedded)
    assert embed.cost.tokens.low < sum(summary["tokens"] for summary in embedded) < embed.cost.tokens.high
    for line, what in ((train, "a sample of the corpus"), (embed, "a sample of the benchmarks")):
        assert line.work.tokens_a_text.source.startswith(what)
        assert line.rate is not None
        assert line.rate.how == "measured"


def test_search_finds_the_passage_that_shares_the_words(
    planted: dict[str, Artifact], data: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    job = job_from(data(ARMS), "test")
    serve(job, tasks_of(job), planted)
    with pytest.raises(UserError, match="with --arm: french, shuffled"):
        find(job, "ban dol", None, 3, None, None)
    hits = find(job, "ban dol", None, 30, "french", None)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.language for hit in hits} == set(LANGUAGES)
    (hit,) = find(job, hits[5].text, hits[5].language, 1, "french", 2)
    assert hit.text == hits[5].text
    with pytest.raises(UserError, match="it has french:1, shuffled:1, french:2, shuffled:2"):
        find(job, "ban dol", None, 3, "english", None)
    with pytest.raises(UserError, match="nothing of tha is indexed; there is deu, eng, fra"):
        find(job, "ban dol", "thai", 3, "french", None)


@pytest.mark.system
def test_on_an_object_store_the_numbers_are_the_same(
    planted: dict[str, Artifact],
    data: Callable[[dict[str, Any]], dict[str, Any]],
    s3: S3Server,
    source: Path,
    folder: Path,
) -> None:
    bucket = s3.bucket()
    for place in (source, folder / "eval"):
        for path in place.rglob("*.*"):
            s3.client().upload_file(str(path), bucket, path.relative_to(folder).as_posix())
    arms = {name: {**mix, "seeds": [1]} for name, mix in ARMS.items()}
    here = run_here(data(arms))
    places = (f"s3://{bucket}/{name}" for name in ("raw", "eval", "root"))
    there = run_here(study_job(*places, arms, folder / "other"))
    assert read_report(there["report"]).results == read_report(here["report"]).results
    verdict = result_of(there).verdicts[0]
    assert "one seed an arm says nothing" in verdict


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while not happened():
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.system
def test_a_study_killed_in_index_evaluation_and_training_ends_with_the_same_numbers(
    planted: dict[str, Artifact],
    data: Callable[[dict[str, Any]], dict[str, Any]],
    folder: Path,
    tmp_path: Path,
) -> None:
    """SIGKILL to the driver and all it started. Finished arms are not touched again."""
    root = tmp_path / "root"
    shutil.copytree(folder / "root", root)
    lost = [planted[name] for name in planted if name.startswith(("shuffled:2/", "french:2/embed", "french:2/eval"))]
    for artifact in [*lost, planted["study"], planted["report"]]:
        if artifact.manifest.stage != "plan":
            shutil.rmtree(root / artifact.manifest.stage / artifact.manifest.hash)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    job_data = {**data(ARMS), "root": str(root)}
    job_file = tmp_path / "job.yaml"
    job_file.write_text(yaml.safe_dump(job_data))

    def partial(task: str, pattern: str) -> Callable[[], bool]:
        place = root / planted[task].manifest.stage / planted[task].manifest.hash
        return lambda: bool(list(place.glob(pattern))) and not (place / "manifest.json").exists()

    moments = [
        partial("french:2/embed", "records/*/*/*.json"),
        partial("french:2/evaluate", "*/*/scores.parquet"),
        partial("shuffled:2/train", "checkpoints/*/manifest.json"),
    ]
    for moment in moments:
        process = start(job_file)
        wait_until(moment, process)
        kill_tree(process)
    process = start(job_file)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told.decode()
    assert "train: goes on from the checkpoint of step 60 of 120" in told.decode()
    job = job_from(job_data, "test")
    artifacts = {state.name: state.artifact for state in status(tasks_of(job)) if state.artifact}
    assert read_report(artifacts["report"]).results == read_report(planted["report"]).results
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_one_run_of_a_study_job_is_an_ordinary_one(data: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    job = one_run(job_from(data(ARMS), "test"))
    assert [task.name for task in tasks_of(job)][-4:] == ["evaluate", "fused", "index", "report"]


def test_arms_that_name_one_mix_in_two_ways_are_refused(
    data: Callable[[dict[str, Any]], dict[str, Any]], planted: dict[str, Artifact]
) -> None:
    """Their runs are found done, and must not count as draws of their own."""
    with pytest.raises(UserError, match="arms french and same have the same mix and seed 1"):
        run_here(data({"french": FRENCH, "same": {"include": ["fra"]}}))
    every = {"weights": dict.fromkeys(("deu", "eng", "fra", "ita"), 1.0)}  # as many rows each: only the corpus tells
    same = [Evaluated(name, "trained", (1,), [planted["french:1/evaluate"]], {"fra": 1}) for name in ("a", "b")]
    with pytest.raises(UserError, match=r"study.arms: a and b have the same rows in every step"):
        check_apart(same)
    assert job_from(data({"all": {}, "every": every}), "test").study  # which no config can tell apart


def test_a_language_that_one_seed_alone_was_trained_on_is_trained() -> None:
    """A rare language may fall into the plan of one seed and not into another's."""
    assert all_pairs([{"eng": 24, "fin": 0}, {"eng": 23, "fin": 1}]) == {"eng": 47, "fin": 1}


def test_damaged_scores_stop_the_verdict(
    planted: dict[str, Artifact], data: Callable[[dict[str, Any]], dict[str, Any]], folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "root", tmp_path / "root")
    damaged = planted["shuffled:2/evaluate"].manifest.hash
    there = tmp_path / "root/evaluate" / damaged / "beir-eval/fra/scores.parquet"
    shutil.copy(there.parents[1] / "eng/scores.parquet", there)
    shutil.rmtree(tmp_path / "root" / "study")
    with pytest.raises(UserError, match=f"{there}: damaged"):
        run_here({**data(ARMS), "root": str(tmp_path / "root")})
