"""A corpus tokenised once: the same batches as tokenising on the way, for all runs with the same tokenizer."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import WORDS, small_job
from raytrain.artifact import Artifact
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.jobfile import job_from
from raytrain.pipeline import examine, run, up_to
from raytrain.stages.chain import chain
from raytrain.stages.plan import open_plan
from raytrain.stages.tokens import token_rules, tokens_of
from raytrain.train.stream import Feed, read_token_round

pytestmark = pytest.mark.usefixtures("local_ray")


def write_training_rows(folder: Path) -> Path:
    """Pairs, some of them with further positives, negatives and scores."""
    folder.mkdir()
    for language, start in (("deu", 0), ("eng", 80)):
        lines = []
        for i in range(start, start + 150):
            near = " ".join(WORDS[i : i + 3])
            row: dict[str, Any] = {"query": f"{WORDS[i]} {language} {i}", "pos": [near]}
            if i % 3 == 0:
                row |= {"neg": [WORDS[i + 3], WORDS[i + 4]], "neg_scores": [0.5, None]}
            if i % 4 == 0:
                row["pos"].append(WORDS[i + 5])
                row["pos_scores"] = [1.5, i / 8]
            lines.append(json.dumps(row))
        (folder / f"{language}.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("tokens")
    data = small_job(write_training_rows(folder / "raw"), folder / "root")
    data["corpus"] |= {"tokenise": True, "shard_rows": 40}
    data["model"] |= {"query_prompt": "ask: "}
    return job_from(data, "test")


@pytest.fixture(scope="module")
def done(local_ray: None, job: Job) -> dict[str, Artifact]:
    return run(up_to(chain(job), "tokens") + up_to(chain(job), "plan")[1:], print)


def feed(job: Job, done: dict[str, Artifact]) -> Feed:
    corpus = Corpus.of(done["prepare"])
    rules, _ = token_rules(job, done["model"])
    return Feed(open_plan(done["plan"], corpus), corpus, rules, 0, 20, 96, tokens_of(job, done))


@pytest.mark.parametrize("world", [1, 3])
def test_the_batches_are_the_same(job: Job, done: dict[str, Artifact], world: int) -> None:
    before = feed(job, done)
    assert before.tokens is not None
    assert before.corpus.training_rows
    on_the_way = Feed(before.plan, before.corpus, before.rules, 0, 20, 96)
    for number in range(len(before.rounds(world))):
        read, made = (read_token_round(one, number, world) for one in (before, on_the_way))
        assert read.to_pylist() == made.to_pylist()
        assert read.schema.names == made.schema.names


def test_every_shard_has_its_tokens_and_nothing_else_is_left(done: dict[str, Artifact]) -> None:
    shards = {path for path in (f.path for f in done["prepare"].manifest.files) if path.endswith(".parquet")}
    files = {file.path for file in done["tokens"].manifest.files}
    assert files == shards
    assert {info.path for info in done["tokens"].location.list()} == files | {"manifest.json"}


def test_models_with_the_same_tokenizer_share_them(job: Job, done: dict[str, Artifact]) -> None:
    def state_of(**model: Any) -> str:
        scratch = job.model.from_scratch.model_copy(update=model) if job.model.from_scratch else None
        other = job.model_copy(update={"model": job.model.model_copy(update={"from_scratch": scratch})})
        tasks = chain(other)
        artifacts = done | run(up_to(tasks, "model"), print)
        return examine(next(task for task in tasks if task.name == "tokens"), artifacts).state

    assert state_of(layers=2) == "done"
    assert state_of(vocab_size=550) == "to do"


def test_where_they_are_not_there_training_makes_its_own(job: Job, done: dict[str, Artifact]) -> None:
    longer = job.model_copy(update={"model": job.model.model_copy(update={"query_max_len": 17})})
    assert tokens_of(longer, done) is None
