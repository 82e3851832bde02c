"""One question against a finished index: what is found, of which run, and what is refused."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embedded import built
from jobs import WORDS, small_job, write_corpus
from raytrain.artifact import Artifact, File, commit, digest, make_manifest, upload_folder
from raytrain.builds import go_back
from raytrain.config import FromScratch, Job
from raytrain.errors import UserError
from raytrain.evaluate.held_out import held_out_of, write_held_out
from raytrain.evaluate.retrieval import Retrieval
from raytrain.index.embeddings import Embeddings
from raytrain.index.opening import open_index
from raytrain.index.pieces import entry_of, plan_pieces, write_piece
from raytrain.jobfile import job_from
from raytrain.model.embedder import Embedder
from raytrain.model.encoder import random_backbone
from raytrain.model.tokenizer import save_tokenizer, train_tokenizer
from raytrain.pipeline import TaskState, examine, root_of, up_to
from raytrain.search import Found, find
from raytrain.serving import serve
from raytrain.stages.chain import chain
from raytrain.storage import Location
from raytrain.study.arms import runs_of

LABEL = "demo-cldr"
STUDY = {"arms": {"plain": {}, "hot": {"temperature": 2.0}}, "seeds": [1, 2]}
Made = tuple[list[File], dict[str, Any]]


def passages(language: str) -> dict[str, str]:
    rng = random.Random(language)
    return {f"{language} {i}": f"{' '.join(rng.sample(WORDS, 4))}\n[{i}]" for i in range(30)}


def job(tmp: Path, **sections: Any) -> Job:
    source = tmp / "raw"
    if not source.exists():
        write_corpus(source, rows=3)
    return job_from(small_job(source, tmp / "root") | {"evaluate": {"benchmarks": ["demo:cldr"]}} | sections, "here")


def benchmark(folder: Location) -> Made:
    files, counts = [], {}
    for language in ("fin", "tel"):
        made, counts[language] = write_held_out(LABEL, Retrieval(language, {}, passages(language), {}), folder)
        files += made
    return files, {"benchmarks": {LABEL: counts}}


def embed(done: Mapping[str, Artifact], embedder: Embedder, sign: int, folder: Location) -> Made:
    files, entries = [], []
    for piece in plan_pieces(held_out_of(done["benchmark"]), piece_rows=12):
        texts = piece.part.read_passages(piece.first, piece.rows)
        vectors = sign * embedder.passages(list(texts.values()))
        record = write_piece(piece, vectors, pa.array(texts, pa.string()), "fp32", (1, 1), folder)
        files += record.files
        entries.append(entry_of(piece, record))
    return files, {"dimension": vectors.shape[1], "pieces": entries}


def index(job: Job, done: Mapping[str, Artifact], folder: Location) -> Made:
    _, described = built(folder, Embeddings(done["embed"]), job.index.kind, shards=3)
    files = [file for record in described.shards for file in record.files]
    rules = {"model": job.model.model_dump(mode="json"), "tokens_per_chunk": job.train.tokens_per_chunk}
    return files, {"index": described.model_dump(mode="json"), **rules}


def finish(job: Job, model: Path, sign: int = 1, of: Job | None = None) -> None:
    """Finishes a run without training: with a real benchmark, model and index, and no more than manifests between.

    ``sign`` -1 turns all passages round, so that the last come first. ``of`` is the study that the run is of.
    """
    done: dict[str, Artifact] = {}
    tasks = up_to(chain(job), "index")
    for task in tasks:
        state: TaskState = examine(task, done)
        if state.artifact is None:
            assert state.location is not None
            assert state.identity is not None
            files = [File(path="made-up", size=0, sha256=digest(state.identity))]
            summary: dict[str, Any] = {}
            if task.name == "benchmark":
                files, summary = benchmark(state.location)
            elif task.name == "export":
                files = [*files, *upload_folder(model, state.location, "model")]
            elif task.name == "embed":
                files, summary = embed(done, Embedder(model, job.model, 256), sign, state.location)
            elif task.name == "index":
                files, summary = index(job, done, state.location)
            manifest = make_manifest(
                stage=task.stage.name,
                writer="me",
                identity=state.identity,
                config={},
                inputs={role: done[name] for role, name in task.inputs.items()},
                files=files,
                content=[""],
                rows=None,
                summary=summary,
            )
            done[task.name] = commit(state.location, manifest)
        else:
            done[task.name] = state.artifact
    serve(of or job, tasks, done)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer([*WORDS, *passages("fin").values()], 600)
    save_tokenizer(tokenizer, folder, 32)
    config = FromScratch(layers=1, hidden=32, heads=2)
    random_backbone(config, tokenizer.get_vocab_size(), 0, 32, seed=1).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def finished(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    made = job(tmp_path_factory.mktemp("search"))
    finish(made, model)
    return made


def refusal(
    job: Job, text: str = "what?", language: str | None = None, arm: str | None = None, seed: Any = None
) -> str:
    with pytest.raises(UserError) as caught:
        find(job, text, language, 3, arm, seed)
    line = str(caught.value)
    assert "\n" not in line
    return line


def expected(job: Job, model: Path, text: str, languages: tuple[str, ...]) -> list[Found]:
    """All passages, best first, by no index at all."""
    embedder = Embedder(model, job.model, 256)
    question = embedder.queries([text])[0]
    found = []
    for language in languages:
        texts = passages(language)
        scores = embedder.passages(list(texts.values())) @ question
        found += [Found(LABEL, language, p, texts[p], float(s)) for p, s in zip(texts, scores, strict=True)]
    return sorted(found, key=lambda hit: hit.score, reverse=True)


def same(found: list[Found], wanted: list[Found]) -> None:
    assert [(f.source, f.language, f.passage, f.text) for f in found] == [
        (w.source, w.language, w.passage, w.text) for w in wanted
    ]
    np.testing.assert_allclose([f.score for f in found], [w.score for w in wanted], atol=1e-6)


@pytest.mark.parametrize("k", [1, 5, 60, 1_000])
def test_the_nearest_of_all_languages(finished: Job, model: Path, k: int) -> None:
    question = "ban ber bist?"
    same(find(finished, question, None, k, None, None), expected(finished, model, question, ("fin", "tel"))[:k])


@pytest.mark.parametrize("name", ["tel", "te", "Telugu"])
def test_the_nearest_of_one_language_however_named(finished: Job, model: Path, name: str) -> None:
    same(find(finished, "ban?", name, 7, None, None), expected(finished, model, "ban?", ("tel",))[:7])


def test_a_search_writes_nothing(finished: Job) -> None:
    before = root_of(finished).list()
    find(finished, "ban?", None, 3, None, None)
    assert root_of(finished).list() == before


def test_an_arm_and_a_seed_choose_the_run(tmp_path: Path, model: Path) -> None:
    study = job(tmp_path, study=STUDY)
    assert study.study is not None
    plain_1, hot_1, _, hot_2 = (run.job for run in runs_of(study, study.study))
    finish(hot_2, model, sign=-1, of=study)
    assert refusal(study).endswith("choose an arm of the study with --arm: plain, hot")
    finish(plain_1, model, of=study)
    wanted = expected(study, model, "ban?", ("fin", "tel"))
    same(find(study, "ban?", None, 4, "plain", None), wanted[:4])  # its first seed
    turned = [Found(w.source, w.language, w.passage, w.text, -w.score) for w in wanted[::-1]]
    same(find(study, "ban?", None, 4, "hot", 2), turned[:4])
    assert "no index is served here yet" in refusal(study, arm="hot")  # its first seed is 1
    finish(hot_1, model, of=study)
    same(find(study, "ban?", None, 4, "hot", None), wanted[:4])


def test_an_arm_that_is_train_mix_needs_no_name(tmp_path: Path, model: Path) -> None:
    """It is the run that the job would be without its study."""
    study = job(tmp_path, study={**STUDY, "seeds": [42]})
    assert study.study is not None
    finish(runs_of(study, study.study)[0].job, model, of=study)
    same(find(study, "ban?", None, 4, None, None), expected(study, model, "ban?", ("fin", "tel"))[:4])


def test_nothing_is_finished_yet(tmp_path: Path) -> None:
    line = refusal(job(tmp_path))
    assert line.endswith(
        "/root/indexes/small: no index is served here yet: run raytrain index JOB.yaml, or raytrain run"
    )


def test_another_kind_of_index_finds_the_same_and_going_back_serves_the_first(tmp_path: Path, model: Path) -> None:
    first, second = job(tmp_path), job(tmp_path, index={"kind": "IVF2,Flat"})
    finish(first, model)
    wanted = expected(first, model, "ban?", ("fin", "tel"))[:4]
    finish(second, model)
    assert open_index(root_of(first) / "indexes/small").description.kind == "IVF2,Flat"
    opened_before = open_index(root_of(first) / "indexes/small")
    go_back(first, None, None, None)
    assert open_index(root_of(first) / "indexes/small").description.kind == "Flat"
    same(find(second, "ban?", None, 4, None, None), wanted)
    assert opened_before.description.kind == "IVF2,Flat"  # stays with what it has
    hits = opened_before.search(["ban?"], 60, nprobe=2)[0]
    assert [hit.id for hit in hits[:4]] == [found.passage for found in wanted]
    assert opened_before.texts(hits[:4]) == [found.text for found in wanted]


def test_a_build_whose_model_or_passages_are_gone_answers_vectors(tmp_path: Path, model: Path) -> None:
    made = job(tmp_path)
    finish(made, model)
    for stage in ("export", "benchmark"):
        (root_of(made) / stage).delete_tree()
    index = open_index(root_of(made) / "indexes/small")
    hits = index.search(np.eye(32, dtype=np.float32)[:2], 3)
    assert [len(some) for some in hits] == [3, 3]
    with pytest.raises(UserError, match="the model that embeds questions, is no longer beside the index"):
        index.search(["ban?"])
    with pytest.raises(UserError, match="the passages, is no longer beside the index"):
        index.texts(hits[0])


def test_an_arm_or_seed_of_a_job_without_study(finished: Job) -> None:
    for chosen in ({"arm": "hot"}, {"seed": 42}, {"arm": "hot", "seed": 42}):
        line = refusal(finished, **chosen)
        assert line == "--arm and --seed choose a run of a study, and the job has none"


def test_an_arm_or_seed_that_the_study_has_not(tmp_path: Path) -> None:
    study = job(tmp_path, study=STUDY)
    assert refusal(study, seed=1) == "--seed: of which arm? Name one with --arm: plain, hot"
    for chosen in ({"arm": "cold"}, {"arm": "hot", "seed": 3}, {"arm": "cold", "seed": 1}):
        line = refusal(study, **chosen)
        assert line == "--arm, --seed: the study has no such run; it has plain:1, hot:1, plain:2, hot:2"


def test_a_language_that_is_not_indexed(finished: Job) -> None:
    assert refusal(finished, language="sv") == "--lang: nothing of swe is indexed; there is fin, tel"


def test_what_is_no_language(finished: Job) -> None:
    assert "'quenya-ish' is no language" in refusal(finished, language="quenya-ish")


@pytest.mark.parametrize("text", ["", "  ", "\n\t\u3000"])
def test_an_empty_question(finished: Job, text: str) -> None:
    assert refusal(finished, text=text) == "TEXT is empty: ask something"


def test_a_damaged_model_is_refused_and_named(tmp_path: Path, model: Path) -> None:
    damaged = job(tmp_path)
    finish(damaged, model)
    (weights,) = [info for info in root_of(damaged).list() if info.path.endswith("model.safetensors")]
    place = root_of(damaged) / weights.path
    data = bytearray(place.read_bytes())
    data[-1] ^= 1
    place.write_bytes(bytes(data))
    assert f"{place.uri}: damaged" in refusal(damaged)
