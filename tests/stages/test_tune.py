"""raytrain tune on real training runs: killed in the middle, gone on with, confirmed, and its winner written."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from jobs import small_job, write_corpus, write_held_out
from processes import kill_tree, start
from raytrain.cli import app
from raytrain.errors import UserError
from raytrain.jobfile import job_from, load_job
from raytrain.plan import Shards
from raytrain.stages.chain import sweep
from raytrain.stages.tune import TUNE, job_data, pairs_per_second, rate_of, trained_by_some
from raytrain.tune.lineage import Lineage
from torture import several_nodes

pytestmark = pytest.mark.timeout(900)

MIX = {"deu": 1, "eng": 3}
NO_TEMPERATURE = 1e-44  # a cosine divided by it is infinite in fp32


def tuned(folder: Path, **tune) -> dict:
    """A small job that can be tuned: dev questions to validate on, test questions to judge by."""
    job = small_job(folder / "raw", folder / "root", max_steps=12, checkpoint_every=4, ledger=False, max_skipped=0)
    dev = f"beir:{folder / 'dev'}#dev"
    job["train"]["validate_on"] = {"benchmark": dev, "every": 4, "questions": 20, "passages": 60}
    job["evaluate"] = {"benchmarks": [f"beir:{folder / 'test'}"]}
    job["cluster"] |= {"workers": 1, "local_cpus": 2}
    job["tune"] = {
        "space": {
            "train.losses.info_nce.temperature": {"choice": [NO_TEMPERATURE, 0.03]},
            "train.mix.weights": {"choice": [MIX]},
        },
        "search": {"kind": "grid"},
        "schedule": {"kind": "none"},
        "confirm": {"seeds": [1]},
        **tune,
    }
    return job


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    write_corpus(folder / "raw")
    for split in ("dev", "test"):
        place = write_held_out(folder / split)
        if split == "dev":
            for judged in place.glob("*/qrels/test.tsv"):
                judged.rename(judged.with_name("dev.tsv"))
    return folder


def ledger_of(folder: Path) -> dict[int, dict]:
    files = sorted(folder.glob("root/sweeps/*/trials/*.json"))
    return {int(file.stem): json.loads(file.read_text()) for file in files}


def wait_until_trial_ended(folder: Path, number: int, process) -> None:
    deadline = time.monotonic() + 400
    while ledger_of(folder).get(number, {}).get("ended") is None:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.5)


def killed_and_gone_on(data: Path, folder: Path, **tune) -> tuple[Path, dict[int, dict]]:
    """Runs a sweep whose driver and all it started are killed when the first trial has ended, and runs it again.

    Gives the job file and the trials, having asserted that nothing that was done is done again.
    """
    job_file = folder / "job.yaml"
    job_file.write_text(yaml.safe_dump({**tuned(data, **tune), "root": str(folder / "root")}))
    killed = start(job_file, "tune")
    wait_until_trial_ended(folder, 0, killed)
    kill_tree(killed)
    before = ledger_of(folder)
    models = {manifest: manifest.read_bytes() for manifest in folder.glob("root/train/*/manifest.json")}
    assert models

    result = CliRunner().invoke(app, ["tune", str(job_file)], catch_exceptions=False)
    assert result.exit_code == 0, result.output

    after = ledger_of(folder)
    ended = [number for number, record in before.items() if record["ended"] is not None]
    assert [after[number] for number in ended] == [before[number] for number in ended]
    assert all(manifest.read_bytes() == was for manifest, was in models.items())
    return job_file, {number: record["trial"] for number, record in after.items()}


def check_winner(job_file: Path, trials: dict[int, dict]) -> None:
    """That of the finished trials the best is written as a job, and a page about all."""
    finished = [number for number, trial in trials.items() if trial["state"] == "finished"]
    found = max(finished, key=lambda number: (trials[number]["values"]["average"], -number))
    best = CliRunner().invoke(app, ["tune", str(job_file), "--best"])
    winner = load_job(written(job_file.parent, best.output))
    if found:
        temperature = trials[found]["settings"]["train.losses.info_nce.temperature"]
        assert winner.train.losses["info_nce"].temperature == temperature
        assert winner.train.mix.weights == {"deu": 1.0, "eng": 3.0}
    assert winner.tune is None
    assert list(job_file.parent.glob("root/sweep-report/*/sweep.html"))


def test_a_sweep_is_killed_and_goes_on_and_ends_with_a_winner(data, tmp_path):
    space = {"train.losses.info_nce.temperature": {"choice": [0.03]}, "train.mix.weights": {"choice": [MIX]}}
    job_file, trials = killed_and_gone_on(data, tmp_path, space=space, confirm=None)
    assert {number: trial["state"] for number, trial in trials.items()} == {0: "finished", 1: "finished"}
    assert set(trials[1]["curve"][0]["languages"]) == {"deu", "eng", "fin"}
    assert [point["step"] for point in trials[1]["curve"]] == [4, 8, 12]
    check_winner(job_file, trials)


@pytest.mark.system
def test_a_trial_without_a_number_fails_and_the_winner_is_confirmed(data, tmp_path):
    """And the same settings and seed give the same curve, in another root and as a run of its own."""
    job_file, trials = killed_and_gone_on(data, tmp_path, confirm={"seeds": [1], "trial": 2})
    assert {number: trial["state"] for number, trial in trials.items()} == {0: "finished", 1: "failed", 2: "finished"}
    assert "steps were skipped" in trials[1]["why"]
    check_winner(job_file, trials)
    (study,) = tmp_path.glob("root/study/*/manifest.json")
    assert json.loads(study.read_text())["identity"]["arms"] == {"job-file": [1], "winner": [1]}

    other = tmp_path / "other.yaml"
    second = CliRunner().invoke(app, ["tune", str(job_file), "--best", "--trial", "2"])
    plain = yaml.safe_load(second.output)
    plain["root"] = str(tmp_path / "elsewhere")
    other.write_text(yaml.safe_dump(plain))
    assert CliRunner().invoke(app, ["train", str(other)], catch_exceptions=False).exit_code == 0
    (scores,) = (tmp_path / "elsewhere").glob("train/*/validation.json")
    assert [score["languages"] for score in json.loads(scores.read_text())] == [
        point["languages"] for point in trials[2]["curve"]
    ]


HOLD = """
import sys, ray
from ray.util import placement_group
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
ray.get(placement_group([{"CPU": 1.0}] * 2).ready())
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def all_held(address: str) -> Iterator[None]:
    """Another job, that has both CPUs of two nodes."""
    command = [sys.executable, "-c", HOLD, address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.system
def test_a_trial_that_has_no_room_waits_and_does_not_hang(data, tmp_path):
    """Another job takes the cluster for longer than a trial may give no score."""
    hang_after_s, held_s = 75.0, 180.0
    job = tuned(data, space={"train.learning_rate": {"choice": [0.002]}}, confirm=None, hang_after_s=hang_after_s)
    with several_nodes(1) as nodes:
        job["cluster"] |= {"address": nodes.address, "cpus_per_worker": 1}
        job_file = tmp_path / "job.yaml"
        job_file.write_text(yaml.safe_dump({**job, "root": str(tmp_path / "root")}))
        process = start(job_file, "tune")
        wait_until_trial_ended(tmp_path, 0, process)
        with all_held(nodes.address):
            time.sleep(held_s)
            assert process.poll() is None
        _, told = process.communicate(timeout=400)
    assert process.returncode == 0, told.decode()
    trial = ledger_of(tmp_path)[1]["trial"]
    assert (trial["state"], trial["tries"]) == ("finished", 1)
    assert trial["cost"]["seconds"] > held_s


def written(folder: Path, text: str) -> Path:
    file = folder / "winner.yaml"
    file.write_text(text)
    return file


def test_settings_are_not_chosen_by_a_test_set(data):
    job = tuned(data)
    shutil.copytree(data / "dev", data / "own", dirs_exist_ok=True)
    for benchmark, told in [
        (f"beir:{data / 'test'}#test", "is a test set"),
        ("tydiqa-goldp:tydiqa-goldp-v1.1-dev.json", "is a test set"),
    ]:
        job["train"]["validate_on"]["benchmark"] = benchmark
        job["evaluate"]["benchmarks"] = [f"beir:{data / 'own'}#dev"]
        with pytest.raises(UserError, match=told):
            TUNE.check(job_from(job, "job"))


def test_a_mix_that_the_corpus_lacks_is_refused_before_the_work(data):
    space = {"train.mix.weights": {"dirichlet": ["deu", "jpn"]}}
    with pytest.raises(UserError, match="jpn"):
        TUNE.check(job_from(tuned(data, space=space, search={"kind": "tpe"}), "job"))


@pytest.mark.parametrize(
    ("budget", "told"), [({"money": 5.0}, "write cluster.prices"), ({"gpu_hours": 1.0}, "workers have no GPU")]
)
def test_a_budget_that_could_not_be_counted_is_refused(data, budget, told):
    with pytest.raises(UserError, match=told):
        TUNE.check(job_from(tuned(data, budget=budget), "job"))


def test_prices_are_those_of_the_workers_share_of_their_node(data):
    job = tuned(data)
    job["cluster"] |= {"prices": {"gpu": 12.0}, "workers": 3, "throughput": {"workers_per_node": 4}}
    assert rate_of(job_from(job, "job")).cost(10, 24, 3_600).money == 9.0
    job["cluster"]["prices"] = {}
    assert rate_of(job_from(job, "job")).money is None


def test_the_speed_is_the_job_files_or_that_of_a_run_before(data):
    job = tuned(data)
    job["root"] = "nothing/here"
    assert pairs_per_second(job_from(job, "job")) is None
    job["cluster"]["throughput"] = {"train_tokens_per_second": 300.0, "tokens_per_pair": 30.0}
    assert pairs_per_second(job_from(job, "job")) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("space", "mix", "languages"),
    [
        ({"train.mix.weights": {"dirichlet": ["eng", "deu"]}}, {"include": ["fin"]}, ["deu", "eng", "fin"]),
        ({"train.mix.weights": {"choice": [{"eng": 1}, {"deu": 1}]}}, {"include": ["eng"]}, ["deu", "eng"]),
        ({"train.mix.exclude": {"choice": [["fin", "deu"], ["fin"]]}}, {"exclude": ["fin"]}, ["deu", "eng"]),
        ({"train.mix.temperature": {"uniform": [1.0, 2.0]}}, {"exclude": ["fin"]}, ["deu", "eng"]),
    ],
)
def test_trained_are_all_languages_that_some_trial_may_train_on(data, space, mix, languages):
    job = tuned(data, space=space, search={"kind": "tpe"})
    job["train"]["mix"] = mix
    corpus = {name: Shards(name, (300,), 32) for name in ("deu", "eng", "fin")}
    assert trained_by_some(job_from(job, "job"), corpus) == languages


def test_budgets_share_a_ledger_and_nothing_else_does(data):
    from raytrain.stages.tune import ledger_of as place_of

    base = job_from(tuned(data), "job")
    larger = job_from(tuned(data, budget={"trials": 50}), "job")
    patient = job_from(tuned(data, hang_after_s=5.0, max_concurrent=3), "job")
    other = job_from(tuned(data, objectives=["worst"]), "job")
    assert place_of(base, {}) == place_of(larger, {}) == place_of(patient, {})
    assert place_of(base, {}) != place_of(other, {})
    assert TUNE.identity(base) != TUNE.identity(larger)
    assert TUNE.identity(base) == TUNE.identity(patient)


@pytest.mark.parametrize(("address", "labels"), [(None, {}), ("10.0.0.1:6379", {"role": "train"})])
def test_a_ray_of_our_own_has_no_labels_for_trials_either(data, monkeypatch, address, labels):
    """Trials reach it by its address, as they would a cluster."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    job = tuned(data)
    job["cluster"] |= {"labels": {"train": {"role": "train"}}, "address": address}
    made = job_data(job_from(job, "job"), "10.0.0.1:6379", 2, Lineage(settings=None))
    assert made["cluster"]["address"] == "10.0.0.1:6379"
    assert made["cluster"]["labels"]["train"] == labels


def test_what_all_trials_share_is_made_before_them(data):
    job = job_from(tuned(data), "job")
    assert [task.name for task in sweep(job)] == ["benchmark", "validation", "prepare", "model", "tune"]


def test_a_job_file_without_a_search_is_told_what_to_write(tmp_path, data):
    job = tuned(data)
    del job["tune"]
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(job))
    result = CliRunner().invoke(app, ["tune", str(file)])
    assert isinstance(result.exception, UserError)
    assert "write tune.space" in str(result.exception)
