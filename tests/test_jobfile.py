"""Job files: what is wrong is one line that says where and what would be right."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.config import Job
from raytrain.corpus.config import Deduplicate, LanguageId
from raytrain.errors import UserError
from raytrain.jobfile import dump_job, job_from, load_job
from raytrain.plan.config import Mix

JOBS = Path(__file__).parents[1] / "jobs"
FOUR = {"name": "t", "root": "/r", "corpus": {"source": "demo:cldr"}, "model": {"from_scratch": {}}}


def written(tmp_path: Path, text: str) -> Path:
    place = tmp_path / "job.yaml"
    place.write_text(text, "utf-8")
    return place


def job(tmp_path: Path, *overrides: str, **sections: Any) -> Job:
    """The smallest job with some sections replaced and overrides on top."""
    return load_job(written(tmp_path, yaml.safe_dump(FOUR | sections)), overrides)


def refusal(tmp_path: Path, *overrides: str, **sections: Any) -> str:
    with pytest.raises(UserError) as caught:
        job(tmp_path, *overrides, **sections)
    return one_line(caught.value)


def text_refusal(place: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_job(place)
    return one_line(caught.value)


def one_line(error: UserError) -> str:
    line = str(error)
    assert "\n" not in line
    return line


def test_the_smallest_job_has_defaults_everywhere(tmp_path: Path) -> None:
    loaded = job(tmp_path)
    assert (loaded.train.batch_size, loaded.cluster.workers, loaded.evaluate.benchmarks) == (128, 1, [])


def test_arms_that_differ_in_multipliers_alone_are_two(tmp_path: Path) -> None:
    few = {"groups": {"few": ["fin", "swa"]}}
    arms = {"even": {"temperature": 2.0}, "more": {"temperature": 2.0, **few, "multipliers": {"few": 2.0}}}
    study = {"arms": arms, "seeds": [1]}
    options = {"evaluate": {"benchmarks": ["demo:cldr"]}}
    assert job(tmp_path, study=study, **options).study
    arms["most"] = {"temperature": 2.0, "multipliers": {"fin": 2.0, "swa": 2.0}}
    assert "arms more and most have the same mix and seed 1" in refusal(tmp_path, study=study, **options)


def test_an_arm_with_a_cap_and_a_change_of_the_mix_are_refused(tmp_path: Path) -> None:
    study = {"arms": {"a": {"include": ["eng"]}, "b": {"max_passes": 2.0}}}
    changes: dict[str, Any] = {"at": 9, "learning_rate": 1e-4}
    options: dict[str, Any] = {"study": study, "evaluate": {"benchmarks": ["demo:cldr"]}}
    assert job(tmp_path, train={"changes": [changes]}, **options).study
    changes["mix"] = {"include": ["fin"]}
    assert "study.arms.b.max_passes caps a run" in refusal(tmp_path, train={"changes": [changes]}, **options)


def test_a_section_with_nothing_under_it_has_defaults(tmp_path: Path) -> None:
    assert job(tmp_path, train=None, cluster=None, evaluate=None, storage=None) == job(tmp_path)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train.lerning_rate=1"], ["train.lerning_rate: unknown key", "mean learning_rate?", "warmup_steps"]),
        (["trian.seed=1"], ["trian: unknown key", "did you mean train?", "corpus, model, train"]),
        (["model.from_scratch.layer=2"], ["model.from_scratch.layer:", "did you mean layers?", "vocab_size"]),
        (["corpus.clean.min_question=3"], ["corpus.clean.min_question:", "did you mean min_question_chars?"]),
        (["corpus.identify=maybe"], ["corpus.identify:"]),
        (["corpus.deduplicate.near=0"], ["corpus.deduplicate.near:", "above 0, at most 1, or false"]),
        (["corpus.deduplicate.near=true"], ["corpus.deduplicate.near:", "or false"]),
        (["train.mix.wieghts={eng: 1}"], ["train.mix.wieghts:", "did you mean weights?", "include"]),
        (["train.losses.info_nce.symetric=true"], ["train.losses.info_nce.symetric:", "did you mean symmetric?"]),
        (
            ["train.losses.list={kind: kl, score_scale: 2, margin: 1}"],
            ["train.losses.list.margin: unknown key", "allowed: weight, matryoshka, kind, score_scale, temperature"],
        ),
        (["train.losses.a.kind=triplet"], ["train.losses.a.kind: 'triplet' is unknown", "'margin_mse'"]),
        (["train.losses.a.matryoshka.dim=[8]"], ["train.losses.a.matryoshka.dim:", "did you mean dims?"]),
        (["train.losses.a.temperature.star=0.1"], ["train.losses.a.temperature.star:", "did you mean start?"]),
        (["corpus.zzz=1"], ["corpus.zzz: unknown key; allowed: source, languages"]),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_and_all_allowed(
    tmp_path: Path, overrides: list[str], words: list[str]
) -> None:
    line = refusal(tmp_path, *overrides)
    assert [word for word in words if word not in line] == []


@pytest.mark.parametrize(
    ("override", "where"),
    [
        ("train.batch_size=many", "train.batch_size"),
        ("train.batch_size=12.5", "train.batch_size"),
        ("train.batch_size='12'", "train.batch_size"),
        ("train.batch_size=0", "train.batch_size"),
        ("train.bf16=1", "train.bf16"),
        ("train.learning_rate=.nan", "train.learning_rate"),
        ("train.learning_rate=true", "train.learning_rate"),
        ("train.schedule=staircase", "train.schedule"),
        ("train.zero_stage=4", "train.zero_stage"),
        ("train=7", "train"),
        ("model.pooling=max", "model.pooling"),
        ("model.query_max_len=3", "model.query_max_len"),
        ("model.from_scratch.dropout=1.0", "model.from_scratch.dropout"),
        ("corpus.languages=fin", "corpus.languages"),
        ("corpus.languages=[no]", "corpus.languages.0"),  # YAML's false
        ("corpus.languages=[finish]", "corpus.languages.0"),
        ("train.mix.weights={eng: lots}", "train.mix.weights.eng"),
        ("train.mix.weights={eng: -1}", "train.mix.weights.eng"),
        ("train.mix.weights={finish: 1}", "train.mix.weights.finish"),
        ("name=a/b", "name"),
        ("root=2024", "root"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(tmp_path: Path, override: str, where: str) -> None:
    line = refusal(tmp_path, override)
    assert line.startswith(f"{tmp_path}/job.yaml: {where}: ")
    assert "; " not in line  # one mistake, one complaint


def test_a_wrong_value_is_shown(tmp_path: Path) -> None:
    assert "given: 'many'" in refusal(tmp_path, "train.batch_size=many")


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "+1e-4", "1.0e-4", "0.0001", "10e-5"])
def test_what_people_write_for_a_ten_thousandth_is_a_number(tmp_path: Path, text: str) -> None:
    place = written(tmp_path, yaml.safe_dump(FOUR) + f"train: {{learning_rate: {text}}}\n")
    assert load_job(place).train.learning_rate == 1e-4
    assert job(tmp_path, f"train.learning_rate={text}").train.learning_rate == 1e-4


def test_text_that_only_looks_a_bit_like_a_number_stays_text(tmp_path: Path) -> None:
    assert job(tmp_path, "name=e4", "root=1e-4x").root == "1e-4x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nname: b\n", "'name' is given twice"),
        ("train:\n  seed: 1\n  seed: 2\n", "'seed' is given twice"),
        ("no: 1\n", "key False is no text"),
        ("train: {1: 2}\n", "key 1 is no text"),
        ("? [a, b]\n: 1\n", "is no text"),
        ("train: [1, 2\n", "no valid YAML"),
        ("name: a\n\tx: b\n", "no valid YAML"),
        ("root: !!python/object:os.system {}\n", "no valid YAML"),
        ("just text\n", "a job file is a mapping with the keys name, root"),
        ("- a\n- b\n", "a job file is a mapping"),
        ("", "a job file is a mapping"),
    ],
)
def test_a_file_that_is_no_job_is_refused(tmp_path: Path, text: str, words: str) -> None:
    line = text_refusal(written(tmp_path, text))
    assert line.startswith(f"{tmp_path}/job.yaml: ")
    assert words in line


@pytest.mark.parametrize("scalar", ["2026-02-30", "0x_", "!!int many", "9" * 5000])
def test_a_scalar_that_yaml_takes_for_something_impossible_is_refused(tmp_path: Path, scalar: str) -> None:
    """A date that does not exist, a number without digits: PyYAML raises plain ValueErrors for them."""
    assert "job.yaml" in text_refusal(written(tmp_path, f"root: {scalar}\n"))


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    assert "No such file" in text_refusal(tmp_path / "absent.yaml")
    assert "directory" in text_refusal(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: Zoë".encode("latin-1"))
    assert "latin.yaml: can't read" in text_refusal(tmp_path / "latin.yaml")


def test_overrides_replace_add_and_make_sections(tmp_path: Path) -> None:
    loaded = job(
        tmp_path,
        "root=s3://bucket/prefix",
        "model.from_scratch.layers=2",
        "train.mix.weights={eng: 3, fin: 1}",
        "evaluate.benchmarks=[demo:cldr]",
        "model.query_prompt='query: '",
        "train.seed=1",
        "train.seed=2",
    )
    assert loaded.root == "s3://bucket/prefix"
    assert loaded.model.from_scratch is not None
    assert loaded.model.from_scratch.layers == 2
    assert loaded.train.mix.weights == {"eng": 3.0, "fin": 1.0}
    assert loaded.evaluate.benchmarks == ["demo:cldr"]
    assert loaded.model.query_prompt == "query: "
    assert loaded.train.seed == 2


def test_an_override_can_take_a_value_away(tmp_path: Path) -> None:
    loaded = job(tmp_path, "model.from_scratch=null", "model.name_or_path=org/name")
    assert loaded.model.from_scratch is None


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.seed", "write section.key=value"),
        ("=3", "write section.key=value"),
        ("", "write section.key=value"),
        ("name.first=x", "name is no section"),
        ("corpus.source.kind.x=1", "source is no section"),
        ("train.seed=[1", "no valid YAML"),
        ("train.seed={a: 1, a: 2}", "given twice"),
    ],
)
def test_a_bad_override_is_quoted(tmp_path: Path, override: str, words: str) -> None:
    line = refusal(tmp_path, override)
    assert f"override {override!r}" in line
    assert words in line


@pytest.mark.parametrize("key", sorted(FOUR))
def test_a_missing_section_is_required(key: str) -> None:
    with pytest.raises(UserError, match=rf"^here: {key}: is required$"):
        job_from({k: v for k, v in FOUR.items() if k != key}, "here")


def test_a_missing_nested_key_is_required(tmp_path: Path) -> None:
    assert "corpus.source: is required" in refusal(tmp_path, corpus={"seed": 1})


BACKBONES = {"model.name_or_path": "org/n", "model.from_scratch": "{layers: 1}", "train.init_from": "/m"}


@pytest.mark.parametrize("named", [(), *[(a, b) for a in BACKBONES for b in BACKBONES if a < b], tuple(BACKBONES)])
def test_exactly_one_backbone(tmp_path: Path, named: tuple[str, ...]) -> None:
    line = refusal(tmp_path, *(f"{key}={BACKBONES[key]}" for key in named), model={})
    expected = "not both" if {"model.name_or_path", "model.from_scratch"} <= set(named) else "give exactly one of"
    assert expected in line


@pytest.mark.parametrize("key", BACKBONES)
def test_each_backbone_alone_will_do(tmp_path: Path, key: str) -> None:
    job(tmp_path, f"{key}={BACKBONES[key]}", model={})


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train.lanes=3"], "lanes (3) must divide batch_size (128)"),
        (["train.lanes=4", "cluster.workers=5"], "cluster.workers (5) is more than train.lanes (4)"),
        (["corpus.languages=[eng]", "train.mix.include=[eng, fin]"], "names fin, which corpus.languages leaves"),
        (["corpus.languages=[eng]", "train.mix.weights={fin: 1}"], "names fin, which corpus.languages leaves"),
        (["train.changes=[{at: 1000, learning_rate: 1e-4}]"], "changes.0.at (1000) must be less than max_steps (1000)"),
        (["train.changes=[{at: 0, learning_rate: 1e-4}]"], "train.changes.0.at: Input should be greater than 0"),
        (["train.changes=[{at: 9}]"], "train.changes.0: changes nothing: give mix, losses or learning_rate"),
        (
            ["train.changes=[{at: 9, losses: {nce: 2.0}}]"],
            "changes.0.losses: no term is called nce; there are info_nce",
        ),
        (["train.changes=[{at: 9, losses: {info_nce: 0.0}}]"], "train.changes.0.losses.info_nce: Input should be gr"),
        (["train.changes=[{at: 9, mixx: {}}]"], "train.changes.0.mixx: unknown key; did you mean mix?"),
        (
            ["train.changes=[{at: 9, mix: {includ: [eng]}}]"],
            "train.changes.0.mix.includ: unknown key; did you mean incl",
        ),
        (
            ["train.changes=[{at: 9, learning_rate: 1e-4}, {at: 9, learning_rate: 1e-5}]"],
            "changes.1.at (9) must be more than that before it (9)",
        ),
        (
            ["corpus.languages=[eng]", "train.changes=[{at: 9, mix: {include: [fin]}}]"],
            "train.changes.0.mix names fin, which corpus.languages leaves",
        ),
        (
            ["train.mix.max_passes=2.0", "train.changes=[{at: 9, mix: {include: [fin]}}]"],
            "train.mix.max_passes caps a run of one mix, and train.changes gives it another",
        ),
        (
            ["train.changes=[{at: 9, mix: {max_passes: 2.0}}]"],
            "train.changes.0.mix.max_passes caps a run of one mix",
        ),
        (["corpus.languages=[eng]", "train.mix.groups={few: [fin]}"], "names fin, which corpus.languages leaves"),
        (["train.mix={weights: {eng: 1}, include: [eng]}"], "weights say all: leave out include, exclude"),
        (["train.mix={weights: {eng: 1}, temperature: 2}"], "weights say all: leave out include, exclude"),
        (["train.mix.weights={eng: 0}"], "no weight is above 0"),
        (["train.mix.weights={}"], "no weight is above 0"),
        (["train.warmup_steps=9", "train.max_steps=9"], "warmup_steps (9)"),
        (["train.bf16=true", "train.zero_stage=0"], "bf16 needs zero_stage 1, 2 or 3"),
        (["corpus.languages=[fi, eng, finnish]"], "fin is named twice"),
        (["train.mix.include=[eng, eng]"], "eng is named twice"),
        (["model.from_scratch={hidden: 10, heads: 4}"], "hidden (10) must be a multiple of heads (4)"),
        (["model={name_or_path: a, from_scratch: {}}"], "name_or_path or from_scratch, not both"),
        (["model.revision=main"], "revision belongs to name_or_path"),
        (["evaluate.benchmarks=[beir]"], "'beir' is no benchmark"),
        (["evaluate.benchmarks=['beir:']"], "'beir:' is no benchmark"),
    ],
)
def test_an_impossible_combination_is_refused(tmp_path: Path, overrides: list[str], words: str) -> None:
    assert words in refusal(tmp_path, *overrides)


def test_lanes_that_would_fit_are_offered(tmp_path: Path) -> None:
    assert "one of [1, 2, 3, 4, 6, 12]" in refusal(tmp_path, "train.batch_size=12", "train.lanes=8")


@pytest.mark.parametrize("key", ["corpus.languages", "train.mix.languages", "evaluate.languages"])
def test_an_empty_list_of_languages_is_refused(tmp_path: Path, key: str) -> None:
    """It would mean to work on nothing."""
    assert key in refusal(tmp_path, f"{key}=[]")


@pytest.mark.parametrize(
    "override",
    ["train.mix.weights={eng: .inf, fin: 1}", "train.learning_rate=.inf", "train.weight_decay=.inf"],
)
def test_infinity_is_refused(tmp_path: Path, override: str) -> None:
    """It passes every comparison, and then every share or weight becomes NaN."""
    assert override.split("=")[0] in refusal(tmp_path, override)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    line = refusal(tmp_path, "train.sead=1", "train.batch_size=x", "model.pooling=max", corpus={})
    for where in ("train.sead", "train.batch_size", "model.pooling", "corpus.source"):
        assert f"{where}: " in line
    assert line.count(";") >= 3


@pytest.mark.parametrize("name", ["fi", "fin", "finnish", "Finnish"])
def test_languages_become_iso_639_3(tmp_path: Path, name: str) -> None:
    loaded = job(tmp_path, f"corpus.languages=[{name}, eng]", f"evaluate.languages=[{name}]")
    assert (loaded.corpus.languages, loaded.evaluate.languages) == (["fin", "eng"], ["fin"])
    assert job(tmp_path, f"train.mix.include=[{name}]").train.mix.include == ["fin"]
    assert job(tmp_path, f"train.mix.weights={{{name}: 2}}").train.mix.weights == {"fin": 2.0}


def test_one_language_under_two_names_in_weights_is_refused(tmp_path: Path) -> None:
    """As with a key given twice, one of the two weights would be lost without a word."""
    assert "train.mix.weights" in refusal(tmp_path, "train.mix.weights={fi: 1, finnish: 3}")


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)


@settings(deadline=None, max_examples=40)
@given(
    prompt=TEXTS | st.sampled_from(["query: ", "no", "1e-4", "12e5", "null", "~", "2024-01-01", "- x", "#"]),
    revision=st.none() | st.from_regex(r"[0-9a-f]{7}", fullmatch=True) | st.sampled_from(["1234e56", "0x10"]),
    rate=st.floats(1e-12, 1e3),
    weights=st.none() | st.dictionaries(st.sampled_from(["eng", "fin", "nor"]), st.floats(0.1, 9), min_size=1),
)
def test_a_dumped_job_loads_as_itself(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, revision: str | None, rate: float, weights: Any
) -> None:
    data = {
        **FOUR,
        "model": {"name_or_path": "org/name", "revision": revision, "query_prompt": prompt},
        "train": {"learning_rate": rate, "mix": {"weights": weights}},
    }
    first = job_from(data, "here")
    assert load_job(written(tmp_path_factory.getbasetemp(), dump_job(first))) == first


@pytest.mark.parametrize("text", ["1e-4", "12e5", "1234e56", "no", "null", "2024-01-01", "0x10", "1:30", "~", ""])
def test_text_that_looks_like_something_else_survives_a_dump(tmp_path: Path, text: str) -> None:
    """A revision of digits with one e among them is a number to whoever reads the file back."""
    data = {**FOUR, "model": {"name_or_path": "org/name", "revision": text, "query_prompt": text}}
    first = job_from(data, "here")
    assert load_job(written(tmp_path, dump_job(first))) == first


def test_a_dump_writes_every_default_out() -> None:
    dumped = yaml.safe_load(dump_job(job_from(dict(FOUR), "here")))
    assert list(dumped) == list(Job.model_fields)
    assert dumped["train"]["mix"] == dict.fromkeys(Mix.model_fields) | {"temperature": 1.0}
    assert dumped["model"]["from_scratch"]["vocab_size"] == 8000


@pytest.mark.parametrize("place", sorted(JOBS.glob("*.yaml")), ids=lambda place: place.name)
def test_the_jobs_that_come_along_load_and_survive_a_dump(tmp_path: Path, place: Path) -> None:
    loaded = load_job(place)
    assert load_job(written(tmp_path, dump_job(loaded))) == loaded


def test_there_are_jobs_that_come_along() -> None:
    assert (JOBS / "demo.yaml").is_file()


def test_a_job_does_not_change(tmp_path: Path) -> None:
    loaded = job(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        loaded.train.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", ["true", "", "{}"])
def test_a_step_of_prepare_is_on_with_its_defaults_or_off(tmp_path: Path, value: str) -> None:
    assert job(tmp_path, f"corpus.identify={value}").corpus.identify == LanguageId()
    assert job(tmp_path, "corpus.identify=false").corpus.identify is False
    assert job(tmp_path, "corpus.deduplicate.near=1").corpus.deduplicate == Deduplicate(near=1.0)
