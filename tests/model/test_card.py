"""The model card: what the hub reads of it, what it tells, and the copy of an export that it goes with."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from huggingface_hub import ModelCard

from jobs import small_job, write_corpus, write_held_out
from raytrain.artifact import Artifact, RowAccount, commit, download_folder, make_manifest, upload_folder
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.metrics import METRICS
from raytrain.export_to import export_to, scored_of
from raytrain.jobfile import job_from
from raytrain.model.card import NAME, Origin, Scored, card, hub_code
from raytrain.parquet import write_parquet
from raytrain.pipeline import Outcome, Task, examine, run, up_to
from raytrain.stages.chain import chain
from raytrain.storage import Location

DROPPED = {"duplicate_id": 4, "benchmark_question_exact": 2, "answer_short": 30}
TAKEN = {"deu": 300, "eng": 300, "fin": 300}
SCORES = {"deu": 0.31, "eng": 0.42, "fin": 0.53}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("card")
    source = write_corpus(folder / "raw", rows=TAKEN["deu"])
    held_out = write_held_out(folder / "held-out", questions=5)
    mix = {"weights": {"deu": 1.0, "eng": 3.0, "fin": 0.0}}
    data = small_job(source, folder / "root", mix=mix, losses={"nce": {"temperature": {"start": 0.1}}})
    data["evaluate"] = {"benchmarks": [f"beir:{held_out}"]}
    data["model"] |= {"query_prompt": "query: ", "pooling": "cls"}
    return job_from(data, "test")


def committed(task: Task, done: dict[str, Artifact], outcome: Outcome) -> Artifact:
    """An artifact as its stage would leave it, where it is looked for."""
    state = examine(task, done)
    assert state.location is not None
    manifest = make_manifest(
        stage=task.stage.name,
        writer="test",
        identity=state.identity or {},
        config=task.job.model_dump(mode="json"),
        inputs={role: done[name] for role, name in task.inputs.items()},
        files=outcome.files,
        content=outcome.content,
        rows=outcome.rows,
        summary=outcome.summary,
    )
    return commit(state.location, manifest)


def prepared(job: Job, place: Location) -> Outcome:
    files, languages = [], {}
    for language, taken in TAKEN.items():
        table = pa.Table.from_pylist(
            [{"id": f"{language}{i}", "question": f"what is {i}", "answer": f"{language} is {i}"} for i in range(264)]
        )
        files.append(write_parquet(table, place, f"{language}/part-00000.parquet", 32))
        counts = {"rows": 264, "row_bytes": 20, "shards": {files[-1].path: 264}, "taken": taken, "dropped": DROPPED}
        languages[language] = counts
    summary = {"row_group_rows": 32, "training_rows": False, "languages": languages}
    summary |= {"without_rows": {}, "benchmark_matches": {}}
    account = RowAccount(taken=900, kept=792, dropped={reason: 3 * n for reason, n in DROPPED.items()})
    return Outcome(files, [f"{language}/" for language in languages], summary, account)


def trained(model: Artifact, place: Location, temp: Path) -> Outcome:
    files = upload_folder(download_folder(model, "model", temp), place, "model")
    summary = {"steps": 40, "skipped": 1, "last_loss": 1.0, "temperatures": {"nce": 0.07}}
    return Outcome(files, ["model/"], summary | {"model_sha256": "abc", "workers": 2, "pairs": 960})


def quiet(tasks: list[Task]) -> dict[str, Artifact]:
    return run(tasks, lambda line: None)


@pytest.fixture(scope="module")
def done(job: Job, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """What there is when the model is exported; the corpus and the trained weights are made up."""
    tasks = {task.name: task for task in chain(job)}
    found = quiet(up_to(chain(job), "benchmark"))
    location = examine(tasks["prepare"], found).location
    assert location is not None
    found["prepare"] = committed(tasks["prepare"], found, prepared(job, location))
    found |= quiet(up_to(chain(job), "plan")) | quiet(up_to(chain(job), "model"))
    location = examine(tasks["train"], found).location
    assert location is not None
    outcome = trained(found["model"], location, tmp_path_factory.mktemp("model"))
    found["train"] = committed(tasks["train"], found, outcome)
    return quiet(up_to(chain(job), "export")) | found


def evaluated(job: Job, done: dict[str, Artifact]) -> dict[str, Artifact]:
    """With BM25's scores and some of the model."""
    found = done | quiet(up_to(chain(job), "bm25"))
    scores = {"beir-held-out": {language: dict.fromkeys(METRICS, value) for language, value in SCORES.items()}}
    tasks = {task.name: task for task in chain(job)}
    found |= {"embed": committed(tasks["embed"], found, Outcome([], [], {}))}
    return found | {"evaluate": committed(tasks["evaluate"], found, Outcome([], [], {"scores": scores}))}


def body(text: str, title: str) -> str:
    """What stands under a title."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_hub_reads_languages_corpus_and_mix(done: dict[str, Artifact]) -> None:
    text = (done["export"].location / "model" / NAME).read_text()
    data = ModelCard(text).data
    assert data.language == ["de", "en"]
    assert (data.library_name, data.pipeline_tag) == ("sentence-transformers", "sentence-similarity")
    assert "multilingual" in data.tags
    assert data.get("base_model") is data.get("datasets") is data.get("eval_results") is None
    told = data.raytrain
    assert told["corpus"] == {"hash": done["prepare"].manifest.hash, "content": done["prepare"].manifest.content}
    assert told["mix"] == {"eng": 0.75, "deu": 0.25}
    assert (told["pairs"], told["model_sha256"]) == (960, "abc")


def test_it_tells_how_to_use_it_and_what_it_was_made_of(job: Job, done: dict[str, Artifact]) -> None:
    text = (done["export"].location / "model" / NAME).read_text()
    use, data, recipe = (
        body(text, title) for title in ("How to use it", "What it was trained on", "How it was trained")
    )
    assert "| question | `query: ` | 16 |" in use
    assert "| passage | none | 32 |" in use
    assert "Pooling: cls" in use
    assert "| eng | English | 720 | 75.00% | 2.73 | 264 |" in data
    assert "fin" not in data
    assert "792 of\n900 pairs were kept" in data
    assert "| answer short | 90 |" in data
    assert "raw (a folder)" in data
    assert job.root not in text  # no private place
    assert "The pairs were searched for texts of the benchmarks" in data
    assert "Began with random weights: a BERT of 1 layers × 32" in recipe
    assert "| steps | 40, of which 1 were skipped |" in recipe
    assert "| batch | 24 pairs, homogeneous |" in recipe
    assert "| learned temperature of nce | 0.0700 |" in recipe
    assert "kind info_nce, temperature.start 0.1, temperature.learning_rate 0.001, symmetric false |" in recipe
    assert "Not evaluated yet. The job names beir-held-out." in body(text, "Benchmarks")
    assert "licence" in body(text, "What is not known")


def test_what_is_built_on_an_export_does_not_depend_on_its_card(job: Job, done: dict[str, Artifact]) -> None:
    export = done["export"].manifest
    assert f"model/{NAME}" in {file.path for file in export.files}
    task = next(task for task in chain(job) if task.name == "export")
    others = [file for file in export.files if file.path != f"model/{NAME}"]
    without = make_manifest(
        stage="export",
        writer="w",
        identity={},
        config={},
        inputs={},
        files=others,
        content=["model/"],
        rows=None,
        summary={},
    )
    assert without.content == export.content
    assert set(task.inputs) > {"plan", "model"}
    assert set(export.identity["inputs"]) == {"prepare", "train"}


def test_a_copy_has_the_scores_that_are_known_by_then(job: Job, done: dict[str, Artifact], tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    target = export_to(job, str(tmp_path / "copy"), quiet)
    assert "Not evaluated yet" in (target / NAME).read_text()
    evaluated(job, done)
    export_to(job, str(tmp_path / "copy"), quiet)
    loaded = ModelCard.load(tmp_path / "copy" / NAME)
    table = body(loaded.text, "Benchmarks")
    assert "### beir-held-out" in table
    assert "| language | trained on | questions | nDCG@10 | MRR@100 | Recall@100 | nDCG@10, BM25 |" in table
    assert "| fin | no | 5 | 0.5300 | 0.5300 | 0.5300 | " in table
    assert "| eng | yes | 5 | 0.4200 |" in table
    results = loaded.data.eval_results
    assert results is not None
    metrics = ["ndcg_at_10", "mrr_at_10", "mrr_at_100", "recall_at_10", "recall_at_100", "recall_at_1000"]
    assert {(r.dataset_type, r.dataset_config, r.metric_type) for r in results} == {
        ("beir-held-out", language, metric) for language in SCORES for metric in metrics
    }
    assert {r.metric_value for r in results if r.dataset_config == "deu"} == {0.31}
    assert loaded.data.metrics == metrics
    model = SentenceTransformer(str(tmp_path / "copy"), device="cpu")
    assert model.encode_query(["what is 1"]).shape == (1, 32)


def test_a_folder_with_other_files_is_left_alone(job: Job, done: dict[str, Artifact], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"--to: .* holds notes.txt, which is no part of the model"):
        export_to(job, str(tmp_path), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_model_and_datasets_of_the_hub_are_named(done: dict[str, Artifact]) -> None:
    manifests: dict[str, Any] = {stage: done[stage].manifest for stage in ("prepare", "plan", "model", "train")}
    identity = {"source": "org/encoder", "revision": "abc", "version": None}
    summary = {"parameters": 7_000, "vocabulary": 90, "source": "org/encoder"}
    manifests["model"] = manifests["model"].model_copy(update={"identity": identity, "summary": summary})
    source = ["hf://org/pairs@main", "hf://other/pairs@1", "s3://secret/place/mine"]
    config = {"corpus": {"source": source}}
    manifests["prepare"] = manifests["prepare"].model_copy(update={"config": config})
    text = card(Origin(**manifests), dimension=32, benchmarks=[], scored=None, caveats=[])
    data = ModelCard(text).data
    assert data.base_model == "org/encoder"
    assert data.datasets == ["org/pairs", "other/pairs"]
    assert "[org/encoder](https://huggingface.co/org/encoder) at revision abc, 7,000 weights" in text
    assert "secret" not in text
    assert "mine (a folder)" in text
    assert "None: the job names no benchmark." in text
    assert text == card(Origin(**manifests), dimension=32, benchmarks=[], scored=None, caveats=[])


def test_what_changed_in_mid_run_is_told(done: dict[str, Artifact]) -> None:
    plan, train = done["plan"].manifest, done["train"].manifest
    assert "from step" not in (done["export"].location / "model" / NAME).read_text()
    segments = {"segments": [{"steps": [0, 9], "languages": {}}, {"steps": [9, 40], "languages": {}}]}
    changes = {"changes": [{"at": 9, "learning_rate": 0.5}, {"at": 20, "losses": {"nce": 2.0}}]}
    origin = Origin(
        done["prepare"].manifest,
        plan.model_copy(update={"summary": plan.summary | segments}),
        done["model"].manifest,
        train.model_copy(update={"identity": train.identity | {"train": train.identity["train"] | changes}}),
    )
    text = card(origin, dimension=32, benchmarks=[], scored=None, caveats=[])
    assert "| from step 9 on | learning_rate 0.5, another mix |\n| from step 20 on | losses.nce 2.0 |\n" in text


def test_caveats_stand_beside_the_scores(done: dict[str, Artifact]) -> None:
    origin = Origin(*(done[stage].manifest for stage in ("prepare", "plan", "model", "train")))
    scored = Scored({"b": {"fin": dict.fromkeys(METRICS, 0.5)}}, {"b": {"fin": 3}}, "hash")
    text = card(origin, dimension=32, benchmarks=["b"], scored=scored, caveats=["It is little."])
    assert "- It is little." in body(text, "What to bear in mind")
    pairs = {"b": {"deu-eng": dict.fromkeys(METRICS, 0.5), "fin-tel": dict.fromkeys(METRICS, 0.5)}}
    counts = {"b": {"deu-eng": 3, "fin-tel": 3}}
    table = body(
        card(origin, dimension=32, benchmarks=["b"], scored=Scored(pairs, counts, "hash"), caveats=[]), "Benchmarks"
    )
    assert "| deu-eng | yes | 3 |" in table
    assert "| fin-tel | no | 3 |" in table
    assert scored_of({}) is None


@pytest.mark.parametrize(
    ("code", "found"),
    [("fin", "fi"), ("zho", "zh"), ("tgl", "tl"), ("heb", "he"), ("ind", "id"), ("cmn", "cmn"), ("hbs", "hbs")],
)
def test_languages_are_called_as_the_hub_does(code: str, found: str) -> None:
    assert hub_code(code) == found
