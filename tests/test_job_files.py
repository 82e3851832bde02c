"""The jobs that come along: they say what they should, and their twins differ in sizes and in nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from raytrain.config import Job
from raytrain.evaluate.benchmark import is_test
from raytrain.jobfile import load_job

JOBS = Path(__file__).parents[1] / "jobs"
REAL = ["webfaq_english", "webfaq_non_english", "webfaq_mixed", "webfaq_study", "webfaq_all", "index_tydi", "tune_mix"]
LACKING = {"dan", "fas"}  # of the paper's languages, demo:cldr has no pairs of these

# Where data and model come from where there is no network, and with it the languages that there are.
SOURCES = {
    *("name", "root", "corpus.source", "corpus.languages", "evaluate.benchmarks", "evaluate.languages"),
    *("model.name_or_path", "model.revision", "model.from_scratch"),
    *("train.validate_on.benchmark", "train.validate_on.languages"),
    *("tune.confirm", "tune.confirm.seeds", "tune.confirm.trial"),  # on a second set of questions, where there is one
}
SIZES = {
    *("corpus.row_group_rows", "model.query_max_len", "model.passage_max_len"),
    *("train.batch_size", "train.lanes", "train.max_steps", "train.warmup_steps"),
    *("train.checkpoint_every", "train.tokens_per_chunk"),
    *("index.piece_rows", "index.shard_rows", "index.memory_gib", "index.questions"),
    *("train.validate_on.every", "train.validate_on.questions", "train.validate_on.passages", "tune.budget.trials"),
    *("study.seeds", "cluster.workers", "cluster.cpus_per_worker", "cluster.gpus_per_worker"),
}
TYDI = {"ara", "ben", "eng", "fin", "ind", "jpn", "kor", "rus", "swa", "tel", "tha"}
# Thousands of pairs, as in arXiv 2502.20936.
PAPER = {
    "eng": 256,
    **dict.fromkeys(["deu", "fra", "ita", "jpn", "nld", "rus", "spa"], 192),
    **dict.fromkeys(["fas", "pol", "por"], 128),
    **dict.fromkeys(["ara", "dan", "hin", "ind", "kor", "swe", "tur", "vie", "zho"], 64),
}


def loaded(name: str) -> Job:
    return load_job(JOBS / f"{name}.yaml")


def flat(data: Any, path: str = "") -> dict[str, Any]:
    """Key → value; a model from scratch and a mix's weights count as one value each."""
    if not isinstance(data, dict) or path.endswith((".weights", "from_scratch", "losses")):
        return {path: data}
    return {
        key: value for name, inner in data.items() for key, value in flat(inner, f"{path}.{name}".lstrip(".")).items()
    }


def shares(weights: dict[str, float]) -> dict[str, float]:
    """Without languages of weight 0, so that a twin's are those of the real job less what is not there."""
    return {language: weight for language, weight in weights.items() if weight}


def test_every_job_has_a_twin_and_every_twin_a_job() -> None:
    names = {place.stem for place in JOBS.glob("*.yaml")}
    assert names == {"demo", *REAL, *(f"{name}_smoke" for name in REAL)}


@pytest.mark.parametrize("name", REAL)
def test_a_twin_differs_in_sizes_and_sources_only(name: str) -> None:
    real, twin = (flat(loaded(job).model_dump(mode="json")) for job in (name, f"{name}_smoke"))
    different = {key for key in real.keys() | twin.keys() if real.get(key) != twin.get(key)}
    mixes = {key for key in different if key.endswith(".weights")}
    assert different - mixes <= SOURCES | SIZES
    for key in mixes:
        assert shares(twin[key]) == {k: v for k, v in shares(real[key]).items() if k not in LACKING}
    assert twin["train.max_steps"] * twin["train.batch_size"] < 2_000


@pytest.mark.parametrize("name", REAL)
def test_a_twin_says_what_it_changes_and_takes_the_rest_from_the_real_job(name: str) -> None:
    written = yaml.safe_load((JOBS / f"{name}_smoke.yaml").read_text())
    assert written["extends"] == [f"{name}.yaml", "sizes/smoke.yaml"]
    languages = loaded(f"{name}_smoke").corpus.languages
    assert not LACKING & set(languages or ())


def test_the_sizes_of_the_twins_are_no_job_by_themselves() -> None:
    told = flat(yaml.safe_load((JOBS / "sizes/smoke.yaml").read_text()))
    assert set(told) <= SOURCES | SIZES


def test_the_mixed_job_is_the_recipe_of_the_paper() -> None:
    train = loaded("webfaq_mixed").train
    weights = shares(train.mix.weights or {})
    pairs = train.max_steps * train.batch_size
    assert pairs == 2_560_000
    assert {k: round(v / sum(weights.values()) * pairs / 1000) for k, v in weights.items()} == PAPER
    assert (train.batch_size, train.batching, train.learning_rate, train.warmup_steps) == (128, "homogeneous", 1e-5, 10)
    assert [(loss.kind, loss.model_dump()["temperature"]) for loss in train.losses.values()] == [("info_nce", 0.05)]


def test_english_and_non_english_differ_from_mixed_in_the_mix_alone() -> None:
    mixed = flat(loaded("webfaq_mixed").model_dump(mode="json"))
    for name in ("webfaq_english", "webfaq_non_english"):
        other = flat(loaded(name).model_dump(mode="json"))
        different = {key for key in mixed.keys() | other.keys() if mixed.get(key) != other.get(key)}
        assert different <= {"name", "train.mix.weights", "train.mix.include"}
    assert loaded("webfaq_english").train.mix.asked == ["eng"]
    non_english = shares(loaded("webfaq_non_english").train.mix.weights or {})
    assert non_english == {
        k: v for k, v in shares(loaded("webfaq_mixed").train.mix.weights or {}).items() if k != "eng"
    }


@pytest.mark.parametrize("twin", ["", "_smoke"])
def test_the_arms_of_the_study_are_the_single_runs(twin: str) -> None:
    """So that what they have trained with its seed is not trained again."""
    study = loaded(f"webfaq_study{twin}")
    assert study.study is not None
    for arm, name in {"english": "english", "non-english": "non_english", "mixed": "mixed"}.items():
        single = loaded(f"webfaq_{name}{twin}")
        assert study.study.arms[arm].mix == single.train.mix
        assert single.train.seed in study.study.seeds_of(arm)
        assert single.train.model_copy(update={"mix": study.train.mix}) == study.train
        assert single.model_copy(update={"name": "", "train": study.train}) == study.model_copy(
            update={"name": "", "study": None}
        )


def test_no_arm_trains_on_the_five_languages_that_are_to_stay_unseen() -> None:
    job = loaded("webfaq_study")
    assert job.study is not None
    for arm in job.study.arms.values():
        assert TYDI & set(arm.mix.asked) <= TYDI - {"ben", "fin", "swa", "tel", "tha"}


def test_the_search_starts_from_the_recipe_and_is_never_scored_on_what_it_is_judged_by() -> None:
    job, mixed = loaded("tune_mix"), loaded("webfaq_mixed")
    assert job.train.learning_rate == mixed.train.learning_rate
    assert job.evaluate == mixed.evaluate
    assert job.train.validate_on is not None
    assert not is_test(job.train.validate_on.benchmark)
    assert set(job.train.mix.asked) == set(shares(mixed.train.mix.weights or {})) - LACKING


def test_the_index_is_of_the_model_of_the_mixed_job() -> None:
    mixed, index = (flat(loaded(name).model_dump(mode="json")) for name in ("webfaq_mixed", "index_tydi"))
    assert {key for key in mixed if mixed[key] != index[key]} <= {
        *("name", "index.kind", "index.memory_gib", "index.min_recall", "index.recall_at", "index.questions")
    }
