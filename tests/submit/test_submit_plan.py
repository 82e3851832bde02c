"""What a job would take, told from its file and from what earlier runs have left under its root."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobs import small_job
from raytrain.artifact import Artifact, RowAccount, commit, make_manifest, write_file
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import job_from, load_job
from raytrain.storage import Location
from raytrain.submit.cost import Range
from raytrain.submit.plan import JobPlan, plan_of, print_plan
from s3server import S3Server

JOBS = Path(__file__).parents[2] / "jobs"


def job(root: Path, **sections: Any) -> Job:
    data = small_job("demo:cldr", root) | {"evaluate": {"benchmarks": [f"beir:{root}/eval"]}}
    return job_from(data | sections, "here")


def left(job: Job, stage: str, name: str, summary: dict[str, Any], steps: list[Any] | None = None) -> Artifact:
    """An artifact of an earlier run; of embeddings 60 passages."""
    folder = Location.of(job.root) / stage / name
    lines = "".join(json.dumps(step) + "\n" for step in steps or [])
    manifest = make_manifest(
        stage=stage,
        writer="me",
        identity={"name": name},
        config=job.model_dump(mode="json"),
        inputs={},
        files=[write_file(lines.encode(), folder, "metrics.jsonl")] if steps else [],
        content=[],
        rows=RowAccount(taken=60, kept=60) if "embed" in stage else None,
        summary=summary,
    )
    return commit(folder, manifest)


def steps(tokens: int, seconds: float, wait: float = 0.0) -> list[dict[str, Any]]:
    """Forty steps, the first of which waited long for its rows."""
    each = {"tokens": tokens, "seconds": seconds, "data_wait_seconds": wait}
    return [each | {"step": 0, "data_wait_seconds": 60.0}, *(each | {"step": n} for n in range(1, 40))]


def shown(job: Job) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        print_plan(console, job)
    return captured.get()


def line(plan: JobPlan, stage: str) -> Any:
    return next(line for line in plan.lines if line.work.stage == stage)


def test_of_a_job_that_never_ran_limits_are_told_and_what_would_tell_more(tmp_path: Path) -> None:
    text = shown(job(tmp_path))
    assert "960" in text  # 40 steps of 24 pairs
    assert "up to 46k" in text  # of at most 16 and 32 tokens
    assert "estimated: 20% to 50% of the 0.05 TFLOP/s of 0.5 CPUs" in text
    assert f"not counted: the passages of beir:{tmp_path}/eval, whose number is known once" in text
    assert "not known: what a node with workers costs an hour: cluster.prices would tell" in text
    assert "?" in text


def test_speed_is_taken_from_runs_alike_without_their_start(tmp_path: Path) -> None:
    this = job(tmp_path)
    left(this, "train", "a" * 16, {"workers": 2}, steps(tokens=1000, seconds=0.9, wait=0.1))
    left(this, "train", "b" * 16, {"workers": 4}, steps(tokens=1000, seconds=0.5))
    found = line(plan_of(this), "train")
    assert found.rate.how == "measured"
    assert found.rate.value.low == pytest.approx(500 * 0.9)  # 1,000 tokens a second of two workers, less 10 %
    assert found.rate.value.high == pytest.approx(500 * 1.1)
    assert found.work.tokens_a_text.value.low == pytest.approx(1000 / 24 * 0.9)
    assert f"measured in {tmp_path}/train/{'a' * 16} and 1 more" in shown(this)


@pytest.mark.parametrize(
    "other",
    [
        {"train": {"batch_size": 48}},
        {"train": {"gradient_checkpointing": True}},
        {"model": {"from_scratch": {"layers": 2, "hidden": 32, "heads": 2, "vocab_size": 600}}},
        {"cluster": {"workers": 2, "cpus_per_worker": 1.0}},
    ],
)
def test_runs_that_are_otherwise_tell_nothing_of_its_speed(tmp_path: Path, other: dict[str, Any]) -> None:
    this = job(tmp_path)
    data = this.model_dump(mode="json")
    unlike = job_from({**data, **{key: data[key] | value for key, value in other.items()}}, "here")
    left(unlike, "train", "a" * 16, {"workers": 2}, steps(tokens=1000, seconds=1.0))
    assert line(plan_of(this), "train").rate.how == "estimated"


def test_what_the_job_file_gives_counts_before_what_was_measured(tmp_path: Path) -> None:
    throughput = {"train_tokens_per_second": 10_000.0, "tokens_per_pair": 40.0, "workers_per_node": 2}
    cluster = {"workers": [2, 4], "prices": {"cpu": 3.0}, "currency": "EUR", "throughput": throughput}
    this = job(tmp_path, cluster=cluster, evaluate=None)
    left(this, "train", "a" * 16, {"workers": 2}, steps(tokens=1000, seconds=1.0))
    plan = plan_of(this)
    assert plan.total.tokens.low == pytest.approx(960 * 40 * 0.8)
    seconds = Range(960 * 40 * 0.8 / 12_000, 960 * 40 * 1.2 / 8_000)
    assert plan.total.hours is not None
    assert plan.total.hours.low == pytest.approx(seconds.low / 3600 / 4)
    assert plan.total.hours.high == pytest.approx(seconds.high / 3600 / 2)
    assert plan.total.money is not None
    assert plan.total.money.high == pytest.approx(seconds.high / 3600 / 3 * 2 * 3.0)  # three workers take two nodes
    assert plan.total.money.low == pytest.approx(seconds.low / 3600 / 4 * 2 * 3.0)
    assert "EUR" in shown(this)


def test_a_study_counts_every_arm_and_seed_and_who_embeds(tmp_path: Path) -> None:
    arms = {"english": {"include": ["eng"]}, "mixed": {"weights": {"eng": 1, "fin": 1}, "seeds": [1, 2, 3]}}
    this = job(tmp_path, study={"arms": arms, "seeds": [1, 2]})
    parts = {
        language: {"questions": 3, "passages": count, "left_out": 0} for language, count in (("deu", 40), ("fin", 20))
    }
    left(this, "benchmark", "c" * 16, {"benchmarks": {"beir-eval": parts}})
    left(this, "embed", "d" * 16, {"tokens": 600, "worker_seconds": 2.0})
    plan = plan_of(this)
    train, embed = line(plan, "train"), line(plan, "embed")
    assert train.work.runs == 5
    assert (embed.work.runs, embed.work.texts) == (5 + 3, 60)  # encoders from scratch differ by seed
    assert embed.work.tokens_a_text.value == Range(pytest.approx(9.0), pytest.approx(11.0))
    assert embed.rate.value == Range(pytest.approx(270.0), pytest.approx(330.0))
    assert plan.stored == 8 * 60 * 32 * 4


@pytest.mark.parametrize("name", ["webfaq_english", "webfaq_non_english", "webfaq_mixed", "webfaq_study", "webfaq_all"])
def test_the_webfaq_jobs_can_be_planned_from_their_files_alone(tmp_path: Path, name: str) -> None:
    prices = "cluster.prices={gpu: 7.5}"
    plan = plan_of(load_job(JOBS / f"{name}.yaml", [f"root={tmp_path}", prices]))
    embed = line(plan, "embed")
    assert embed.work.texts == 58_043_299  # Mr. TyDi as released
    assert plan.total.money is not None
    assert plan.total.money.high > 0
    assert [note for note in plan.notes if "tydiqa-goldp" in note]


def test_an_encoder_of_unknown_size_is_told(tmp_path: Path) -> None:
    this = job(tmp_path, model={"name_or_path": "org/unknown", "revision": "abc"})
    text = shown(this)
    assert "not known: tokens a second of train" in text
    assert "give cluster.throughput.train_tokens_per_second" in text


def test_the_size_of_a_fetched_encoder_is_read(tmp_path: Path) -> None:
    this = job(tmp_path, model={"name_or_path": "org/unknown", "revision": "abc"})
    config = {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 256}
    folder = Location.of(this.root) / "model" / ("e" * 16)
    file = write_file(json.dumps(config).encode(), folder, "model/config.json")
    commit(
        folder,
        make_manifest(
            stage="model",
            writer="me",
            identity={},
            config=this.model_dump(mode="json"),
            inputs={},
            files=[file],
            content=[],
            rows=None,
            summary={},
        ),
    )
    assert line(plan_of(this), "train").rate.how == "estimated"


def test_a_root_that_can_not_be_read_is_told_and_the_rest_planned(s3: S3Server) -> None:
    this = job_from(small_job("demo:cldr", "s3://no-such-bucket/here"), "here")
    text = shown(this)
    assert "nothing measured: " in text
    assert "no-such-bucket" in text
    assert "960" in text


def test_a_gpu_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    cluster = {"workers": 1, "gpus_per_worker": 1, "throughput": {"gpu": "RTX 1"}}
    with pytest.raises(UserError, match=r"cluster\.throughput\.gpu: RTX 1 is none of B200"):
        plan_of(job(tmp_path, cluster=cluster))


def test_a_node_without_a_price_is_refused_when_the_job_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cluster: throughput.node: prices says nothing of gpu; it has cpu"):
        job(tmp_path, cluster={"prices": {"cpu": 1.0}, "throughput": {"node": "gpu"}})
    with pytest.raises(UserError, match=r"cluster\.prices\.cpu"):
        job(tmp_path, cluster={"prices": {"cpu": -1.0}})


def test_of_several_prices_it_must_be_said_which(tmp_path: Path) -> None:
    prices: dict[str, Any] = {"prices": {"cpu": 1.0, "gpu": 9.0}}
    assert "which of cpu, gpu? cluster.throughput.node would tell" in shown(job(tmp_path, cluster=prices))
    chosen = plan_of(job(tmp_path, cluster=prices | {"throughput": {"node": "gpu"}}))
    assert chosen.pool.price == 9.0
