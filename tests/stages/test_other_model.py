"""A SentenceTransformer of somebody else as a baseline: scored as the library embeds, and nothing of it is run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

import hubserver
from jobs import small_job, write_corpus, write_held_out
from model.sentence_folder import sentence_folder
from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.fusion import reciprocal_rank_fusion
from raytrain.evaluate.held_out import HeldOut, held_out_of
from raytrain.evaluate.metrics import DEPTH, Hits, score
from raytrain.evaluate.scored import read_hits, read_scored
from raytrain.jobfile import job_from
from raytrain.pipeline import root_of, run, status, up_to
from raytrain.stages.chain import chain, tasks_of
from raytrain.stages.fusion import FUSED
from raytrain.study.gather import Evaluated, results_of

pytestmark = pytest.mark.usefixtures("local_ray")

PROMPTS = {"query_prompt": "ban: ", "passage_prompt": "dol: "}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus that is not trained on, a benchmark, and a model with prompts of its own."""
    place = tmp_path_factory.mktemp("others")
    write_corpus(place / "raw", rows=5)
    write_held_out(place / "eval", ("deu", "fin"), questions=20)
    sentence_folder(place / "mini", **PROMPTS)
    return place


def job_of(folder: Path, *models: Any, **section: Any) -> Job:
    data = small_job(folder / "raw", folder / "root") | section
    return job_from(
        {
            **data,
            "index": {"piece_rows": 15},
            "evaluate": {"benchmarks": [f"beir:{folder / 'eval'}"], "models": list(models)},
        },
        "test",
    )


def scored(job: Job, called: str) -> dict[str, Artifact]:
    return run(up_to(chain(job), f"beside:{called}/other"), print)


@pytest.fixture(scope="module")
def done(local_ray: None, folder: Path) -> dict[str, Artifact]:
    return scored(job_of(folder, str(folder / "mini")), "mini")


def brute_force(model: SentenceTransformer, part: HeldOut) -> dict[str, Hits]:
    questions, passages = part.read_questions(), part.read_passages()
    asked, found = model.encode_query(list(questions.values())), model.encode_document(list(passages.values()))
    ids = list(passages)
    ranked = {}
    for question, row in zip(questions, asked.astype(np.float64) @ found.T.astype(np.float64), strict=True):
        hits = [(ids[i], float(value)) for i, value in enumerate(row)]
        ranked[question] = sorted(hits, key=lambda hit: (hit[1], hit[0]), reverse=True)[:DEPTH]
    return ranked


def assert_alike(found: dict[str, Hits], expected: dict[str, Hits]) -> None:
    """Scores alike; passages too, but for those that are as good as equal."""
    assert found.keys() == expected.keys()
    for question, hits in found.items():
        np.testing.assert_allclose([s for _, s in hits], [s for _, s in expected[question]], atol=2e-6)
        by_passage = dict(expected[question])
        for (passage, value), (other, _) in zip(hits, expected[question], strict=True):
            assert passage == other or by_passage.get(passage, value) == pytest.approx(value, abs=2e-6)


def test_it_is_scored_as_sentence_transformers_embeds_and_brute_force_ranks(
    folder: Path, done: dict[str, Artifact]
) -> None:
    model = SentenceTransformer(str(folder / "mini"), device="cpu")
    parts = held_out_of(done["benchmark"])
    assert [part.language for part in parts] == ["deu", "fin"]
    for part in parts:
        expected = brute_force(model, part)
        assert_alike(read_hits(done["beside:mini/other"], part), expected)
        questions, scores = read_scored(done["beside:mini/other"], part)
        truth = score(part.read_relevant(), expected)
        assert scores["nDCG@10"].mean() == pytest.approx(np.mean([truth[q]["nDCG@10"] for q in questions]), abs=1e-6)


def test_other_prompts_are_other_vectors_of_the_same_model(folder: Path, done: dict[str, Artifact]) -> None:
    given = {"name": str(folder / "mini"), "passage_prompt": "ban ran: ", "label": "other-words"}
    states = {state.name: state for state in status(chain(job_of(folder, given)))}
    fetched, embedded = (states[f"beside:other-words/{stage}"] for stage in ("other-model", "other-embed"))
    assert fetched.location == done["beside:mini/other-model"].location
    assert embedded.state == "to do"
    assert "passage_prompt: None → ban ran:" in embedded.why


def test_an_artifact_is_a_model_too_and_the_same_bytes_are_embedded_once(
    folder: Path, done: dict[str, Artifact]
) -> None:
    """As an export of another job is."""
    again = scored(job_of(folder, {"name": done["beside:mini/other-model"].location.uri, "label": "again"}), "again")
    assert again["beside:again/other-model"].location != done["beside:mini/other-model"].location
    assert again["beside:again/other"].location == done["beside:mini/other"].location


def test_what_it_is_made_of_is_told(done: dict[str, Artifact]) -> None:
    summary = done["beside:mini/other-model"].manifest.summary
    assert summary["modules"] == ["Transformer", "Pooling", "Normalize"]
    assert summary["prompts"] == {"query": "ban: ", "document": "dol: "}
    assert summary["similarity"] == "cosine"
    tokens = done["beside:mini/other-embed"].manifest.summary
    assert 80 < tokens["tokens"] <= tokens["padded_tokens"]
    assert len(tokens["pieces"]) == 6


def test_it_stands_in_the_results_as_a_baseline(folder: Path, done: dict[str, Artifact]) -> None:
    systems = [Evaluated("mini", "baseline", (), [done["beside:mini/other"]], {})]
    (result,) = results_of(done["benchmark"], systems, None).benchmarks
    means = done["beside:mini/other"].manifest.summary["scores"]["beir-eval"]
    assert result.systems[0].languages["fin"]["nDCG@10"].mean == pytest.approx(means["fin"]["nDCG@10"])


def test_the_tasks_of_a_study_have_it_once(folder: Path) -> None:
    arms = {"one": {"weights": {"deu": 1.0}}, "two": {"weights": {"fin": 1.0}}}
    job = job_of(folder, str(folder / "mini"), study={"arms": arms, "seeds": [1, 2]})
    names = [task.name for task in tasks_of(job)]
    assert [name for name in names if name.startswith("beside:")] == [
        f"beside:mini/{stage}" for stage in ("other-model", "other-embed", "other")
    ]
    assert {"one:1/fused", "two:2/fused"} <= set(names)


def test_bm25_is_fused_with_a_model_from_the_hits_of_both(
    folder: Path, done: dict[str, Artifact], tmp_path: Path
) -> None:
    job = job_of(folder, str(folder / "mini"))
    both = run(up_to(chain(job), "bm25"), print)
    inputs = {"benchmark": both["benchmark"], "bm25": both["bm25"], "evaluate": done["beside:mini/other"]}
    place = root_of(job) / "fused/x"
    outcome = FUSED.run(job, inputs, place, print)
    for part in held_out_of(both["benchmark"]):
        runs = [read_hits(inputs[name], part) for name in ("bm25", "evaluate")]
        expected = score(part.read_relevant(), reciprocal_rank_fusion(runs))
        means = outcome.summary["scores"]["beir-eval"][part.language]
        assert means["MRR@100"] == pytest.approx(np.mean([one["MRR@100"] for one in expected.values()]))
        lines = (place / f"beir-eval/{part.language}/run.trec").read_text().splitlines()
        assert len(lines) == sum(map(len, reciprocal_rank_fusion(runs).values()))


def fetch_refused(folder: Path, place: Path) -> str:
    with pytest.raises(UserError) as caught:
        scored(job_of(folder, {"name": str(place), "label": "refused"}), "refused")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_without_modules_is_refused(folder: Path) -> None:
    assert "has no modules.json" in fetch_refused(folder, folder / "mini-plain")


def test_pickles_and_python_files_stay_behind_and_none_is_loaded(folder: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(folder / "mini", tmp_path / "planted"))
    for name in ("pytorch_model.bin", "training_args.bin"):
        torch.save({}, place / name)
    (place / "planted.py").write_text("raise SystemExit('it ran')\n")
    (place / "onnx").mkdir()
    shutil.copy(place / "model.safetensors", place / "onnx/model.safetensors")
    done = run(up_to(chain(job_of(folder, str(place))), "beside:planted/other-model"), print)
    kept = {file.path for file in done["beside:planted/other-model"].manifest.files}
    assert "model/model.safetensors" in kept
    assert not [path for path in kept if path.endswith((".bin", ".py")) or "onnx" in path]
    (place / "model.safetensors").unlink()
    shutil.rmtree(place / "onnx")
    assert "is a pickle" in fetch_refused(folder, place)


def test_modules_of_its_own_are_not_run(folder: Path, tmp_path: Path) -> None:
    place, proof = Path(shutil.copytree(folder / "mini", tmp_path / "own")), tmp_path / "it-ran"
    (place / "planted.py").write_text(f"import os\nos.mkdir({str(proof)!r})\n")
    modules = json.loads((place / "modules.json").read_text())
    modules[0]["type"] = "planted.Module"
    (place / "modules.json").write_text(json.dumps(modules))
    assert "brings Python code of its own" in fetch_refused(folder, place)
    assert not proof.exists()


def test_a_model_that_compares_by_distance_is_refused(folder: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(folder / "mini", tmp_path / "far"))
    config = json.loads((place / "config_sentence_transformers.json").read_text())
    config["similarity_fn_name"] = "euclidean"
    (place / "config_sentence_transformers.json").write_text(json.dumps(config))
    assert "compares by euclidean distance" in fetch_refused(folder, place)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["nobody/at-all"], "nobody/at-all is a hub name: pin a revision"),
        (["/no/such/folder"], "no folder /no/such/folder"),
    ],
)
def test_a_name_that_is_none_is_told_before_any_work(folder: Path, models: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(chain(job_of(folder, *models)), print)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["a/mini", {"name": "b/mini", "revision": "1"}], "two models would both be called mini"),
        (["a/bm25"], "would be called 'bm25' in the tables"),
        ([{"name": "a/b", "revison": "1"}], "revison: unknown key; did you mean revision"),
    ],
)
def test_names_in_tables_are_their_own(folder: Path, models: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        job_of(folder, *models)


def test_a_model_wants_a_benchmark_and_a_name_that_no_arm_has(folder: Path) -> None:
    arms = {"mini": {"weights": {"deu": 1.0}}, "other": {"weights": {"fin": 1.0}}}
    with pytest.raises(UserError, match=r"evaluate.models: mini is an arm of the study: give the model a label"):
        job_of(folder, str(folder / "mini"), study={"arms": arms})
    with pytest.raises(UserError, match=r"evaluate.models needs evaluate.benchmarks"):
        job_from(small_job(folder / "raw", folder / "root") | {"evaluate": {"models": ["a/b"]}}, "test")


HUB = """
import sys
from pathlib import Path
from raytrain.jobfile import load_job
from raytrain.stages.other_model import _fetch
job = load_job(sys.argv[1])
found, commit = _fetch(job, job.evaluate.models[0], Path(sys.argv[2]))
print(commit, sorted(path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()))
"""


def test_a_model_of_the_hub_is_fetched_at_its_revision_without_pickles(folder: Path, tmp_path: Path) -> None:
    repository = Path(shutil.copytree(folder / "mini", tmp_path / "repository"))
    torch.save({}, repository / "pytorch_model.bin")
    job = job_of(folder, {"name": "me/mini", "revision": "v1"})
    (tmp_path / "job.yaml").write_text(job.model_dump_json())
    with hubserver.serve(repository, "me/mini", "models") as hub:
        done = subprocess.run(
            [sys.executable, "-c", HUB, str(tmp_path / "job.yaml"), str(tmp_path / "to")],
            env=hubserver.environment(hub, tmp_path),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(hubserver.COMMIT)
    assert "modules.json" in done.stdout
    assert "model.safetensors" in done.stdout
    assert "pytorch_model.bin" not in hub.fetched
