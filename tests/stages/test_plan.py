"""The plan stage, and what ``raytrain plan`` shows of it."""

import io
import json
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from jobs import WORDS, small_job
from raytrain.artifact import Artifact, commit, digest, make_manifest
from raytrain.cli import app
from raytrain.cluster import ray_runs
from raytrain.config import Job
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.parquet import write_parquet
from raytrain.pipeline import Task, examine, run, up_to
from raytrain.plan import Shards
from raytrain.planned import planned_mixes, planned_rows
from raytrain.report.mix import MixLine, print_mix
from raytrain.stages.chain import chain, one_run
from raytrain.stages.plan import PLAN, make_plan, open_plan
from raytrain.stages.prepare import prepare_task
from raytrain.stages.train import TRAIN
from small_plans import weights_of

ROWS = {"deu": 300, "eng": 700, "fin": 40, "swa": 30}
CORPUS = {name: Shards(name, (n,), 32) for name, n in ROWS.items()}


def described(tmp_path: Path, study: dict[str, Any] | None = None, **train: Any) -> Job:
    """A job of 40 steps of 24 pairs over Parquet files."""
    raw = tmp_path / "raw"
    raw.mkdir(exist_ok=True)
    for language, rows in ROWS.items():
        columns = {"question": [f"{language} {i} what is it" for i in range(rows)], "answer": ["it is that"] * rows}
        pq.write_table(pa.table(columns), raw / f"{language}.parquet")
    data = small_job(raw, tmp_path / "root", **train)
    if study:
        data["study"] = study
        data["evaluate"] = {"benchmarks": ["demo:cldr"]}
        data["corpus"]["decontaminate"] = False
    return job_from(data, "test")


def prepared(job: Job) -> Artifact:
    """The corpus as prepare would leave it, of texts as long as the language is large; put where it is looked for."""
    state = examine(prepare_task(job), {})
    assert state.location is not None
    files, languages = [], {}
    for language, rows in ROWS.items():
        rng = random.Random(language)
        table = pa.table(
            {
                "id": [f"{language}-{i}" for i in range(rows)],
                "question": [" ".join(rng.choices(WORDS, k=rows // 100 + 1)) for _ in range(rows)],
                "answer": [" ".join(rng.choices(WORDS, k=rows // 100 + 2)) for _ in range(rows)],
            }
        )
        files.append(write_parquet(table, state.location, f"{language}/00000.parquet", 32))
        languages[language] = {
            "rows": rows,
            "row_bytes": table.nbytes // rows,
            "shards": {files[-1].path: rows},
            "taken": rows,
            "dropped": {},
        }
    manifest = make_manifest(
        stage="prepare",
        writer="test",
        identity=state.identity or {},
        config={},
        inputs={},
        files=files,
        content=[f"{language}/" for language in languages],
        rows=None,
        summary={"row_group_rows": 32, "training_rows": False, "languages": languages},
    )
    return commit(state.location, manifest)


def work(tasks: list[Task]) -> dict[str, Artifact]:
    return run(tasks, lambda line: None)


@pytest.mark.parametrize(
    ("mix", "languages"),
    [
        ({"include": ["eng", "deu"]}, {"deu": 0.3, "eng": 0.7}),
        ({"exclude": ["fin", "swa"]}, {"deu": 0.3, "eng": 0.7}),
        ({"weights": {"eng": 1, "deu": 3, "fin": 0}}, {"deu": 0.75, "eng": 0.25}),
        ({"weights": {"eng": 1, "deu": 1}, "max_passes": 1}, None),
        (
            {"include": ["eng", "deu"], "groups": {"west": ["deu", "fin"]}, "multipliers": {"west": 7.0, "deu": 2.0}},
            {"deu": 0.3 * 14 / (0.3 * 14 + 0.7), "eng": 0.7 / (0.3 * 14 + 0.7)},
        ),
        ({"exclude": ["eng"], "group_small": "few"}, {"deu": 300 / 370, "few": 70 / 370}),
    ],
)
def test_the_mix_of_a_job(tmp_path: Path, mix: dict[str, Any], languages: dict[str, float] | None) -> None:
    plan = make_plan(described(tmp_path, mix=mix), CORPUS)
    if languages is not None:
        assert weights_of(plan) == pytest.approx(languages)
    else:
        assert plan.rows_taken(40)["deu"] <= 300
        assert plan.rows_taken(40)["eng"] >= 660


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        ({}, "fin has 40 rows and needs 48; swa has 30 rows and needs 48: .*group_small: NAME"),
        ({"include": ["eng", "tha"]}, "train.mix: the corpus has no rows for tha; it has deu, eng, fin, swa"),
        ({"weights": {"tha": 1.0}}, "no rows for tha"),
        ({"exclude": ["tha", "fin"]}, "train.mix.exclude: the corpus has nothing of tha; it has deu, eng, fin, swa"),
        ({"multipliers": {"tha": 2.0}}, "train.mix.multipliers: the corpus has nothing of tha; it has deu, eng, fin"),
        ({"groups": {"few": ["fin", "tha"]}}, "train.mix.groups.few: the corpus has nothing of tha; it has deu"),
        ({"group_small": "deu"}, "deu is a language of the corpus"),
        ({"include": ["eng"], "max_passes": 1.0}, "allows 700 pairs, and 40 steps of 24 take 960: raise max_passes"),
        ({"exclude": ["deu", "eng", "fin", "swa"]}, "no language with a weight above 0"),
    ],
)
def test_a_mix_that_cannot_be_had(tmp_path: Path, mix: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make_plan(described(tmp_path, mix=mix), CORPUS)


def test_what_the_raw_rows_cannot_give_is_refused_before_the_work(tmp_path: Path) -> None:
    PLAN.check(described(tmp_path, mix={"include": ["eng", "deu"]}))
    with pytest.raises(UserError, match="fin has 40 rows and needs 48"):
        PLAN.check(described(tmp_path))
    with pytest.raises(UserError, match="has nothing for tha; it has deu, eng, fin, swa"):
        PLAN.check(described(tmp_path, mix={"include": ["tha"]}))
    with pytest.raises(UserError, match="exclude: the corpus has nothing of tha"):
        PLAN.check(described(tmp_path, batching="mixed", mix={"exclude": ["tha"]}))
    with pytest.raises(UserError, match="multipliers: the corpus has nothing of tha"):
        PLAN.check(described(tmp_path, batching="mixed", mix={"multipliers": {"tha": 2.0}}))


def test_plans_without_younger_keys_keep_their_hashes(tmp_path: Path) -> None:
    """Pinned: what was built before must be found again."""
    plain = job_from(small_job("raw", "root"), "test")
    other = job_from(small_job("raw", "root", mix={"temperature": 2.0, "group_small": "few"}, losses={"nce": {}}), "t")
    assert [digest(PLAN.identity(job)) for job in (plain, other)] == ["8e09feac990d38db", "efa65d821b793060"]
    assert [digest(TRAIN.identity(job)) for job in (plain, other)] == ["efe96d6a63b83e88", "56623e0a5cec63a7"]
    factors = job_from(small_job("raw", "root", mix={"multipliers": {"fin": 2.0}}), "test")
    assert digest(PLAN.identity(factors)) != digest(PLAN.identity(plain))


def test_what_may_still_be_possible_with_fewer_rows_is_not_refused(tmp_path: Path) -> None:
    """A group may get members, and in mixed batches a share may shrink, when rows are dropped."""
    PLAN.check(described(tmp_path, mix={"group_small": "few", "include": ["eng", "swa"]}))
    PLAN.check(described(tmp_path, batching="mixed"))


def test_a_finished_plan_is_the_plan_that_was_made(tmp_path: Path) -> None:
    job = described(tmp_path, mix={"group_small": "few", "temperature": 2.0, "max_passes": 3.0})
    corpus = Corpus.of(prepared(job))
    artifact = work(up_to(chain(job), "plan"))["plan"]
    plan = open_plan(artifact, corpus)
    assert plan == make_plan(job, corpus.shards)
    summary = artifact.manifest.summary["languages"]
    assert {name: of["group"] for name, of in summary.items()} == {"deu": None, "eng": None, "fin": "few", "swa": "few"}
    assert {name: of["pairs"] for name, of in summary.items()} == plan.rows_taken(40)
    assert sum(of["weight"] for of in summary.values()) == pytest.approx(1)
    svg = (artifact.location / "mix.svg").read_bytes()
    words = {text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert set(ROWS) <= words
    again = PLAN.run(job, {"prepare": prepared(job)}, artifact.location / "again", lambda line: None)
    assert {file.path: file.sha256 for file in again.files} == {f.path: f.sha256 for f in artifact.manifest.files}


CHANGES = [
    {"at": 10, "mix": {"exclude": ["eng"], "group_small": "few"}, "learning_rate": 1e-4},
    {"at": 20, "losses": {"info_nce": 0.5}},
    {"at": 30, "mix": {"include": ["eng", "deu"], "multipliers": {"deu": 2.0}}},
]


def test_a_finished_plan_with_changes_is_the_plan_that_was_made(tmp_path: Path) -> None:
    job = described(tmp_path, mix={"include": ["eng"]}, changes=CHANGES)
    corpus = Corpus.of(prepared(job))
    artifact = work(up_to(chain(job), "plan"))["plan"]
    plan = open_plan(artifact, corpus)
    assert plan == make_plan(job, corpus.shards)
    assert [segment.first_step for segment in plan.segments] == [0, 10, 30]
    summary = artifact.manifest.summary
    assert {name: of["pairs"] for name, of in summary["languages"].items()} == plan.rows_taken(40)
    first, second, third = summary["segments"]
    assert [segment["steps"] for segment in summary["segments"]] == [[0, 10], [10, 30], [30, 40]]
    assert {name: of["pairs"] for name, of in first["languages"].items()} == {"eng": 240}
    assert {name: of["group"] for name, of in second["languages"].items()} == {"deu": None, "fin": "few", "swa": "few"}
    assert third["languages"]["deu"]["weight"] == pytest.approx(600 / 1300)
    for name, of in summary["languages"].items():
        parts = [segment["languages"].get(name, {"pairs": 0, "weight": 0}) for segment in summary["segments"]]
        assert of["pairs"] == sum(part["pairs"] for part in parts)
        shares = [part["weight"] * steps / 40 for part, steps in zip(parts, (10, 20, 10), strict=True)]
        assert of["weight"] == pytest.approx(sum(shares))


def test_the_tables_of_a_plan_with_changes_are_those_of_its_segments_and_of_all(tmp_path: Path) -> None:
    job = described(tmp_path, mix={"include": ["eng"]}, changes=CHANGES)
    corpus = Corpus.of(prepared(job))
    (mix,) = planned_mixes(job, None, work)
    titles = [title for title, _ in mix.segments]
    assert titles == [f"train.mix, steps {steps}" for steps in ("0 to 9", "10 to 29", "30 to 39")]
    assert mix.title == "train.mix, all steps"
    assert [sum(line.pairs for line in lines) for _, lines in mix.segments] == [240, 480, 240]
    assert sum(line.pairs for line in mix.lines) == 960
    rows = list(planned_rows(job, None, "8:12", work))
    assert [row.language for row in rows if row.step < 10] == ["eng"] * 48
    assert "eng" not in {row.language for row in rows if row.step >= 10}
    plan = make_plan(job, corpus.shards)
    wanted = plan.rows_of(range(4), 8, 4)
    assert [(plan.languages.index(row.language), row.row) for row in rows] == list(
        zip(wanted.language.tolist(), wanted.row.tolist(), strict=True)
    )


def test_what_a_change_asks_for_is_refused_with_its_key(tmp_path: Path) -> None:
    small = [{"at": 5, "losses": {"info_nce": 2.0}}, {"at": 9, "mix": {"include": ["swa"]}}]
    for action in (PLAN.check, lambda job: make_plan(job, CORPUS)):
        with pytest.raises(UserError, match=r"train.changes.1.mix: .* swa has 30 rows and needs 48"):
            action(described(tmp_path, mix={"include": ["eng"]}, changes=small))
        with pytest.raises(UserError, match=r"train.changes.0.mix: .* tha"):
            action(described(tmp_path, mix={"include": ["eng"]}, changes=[{"at": 5, "mix": {"weights": {"tha": 1}}}]))


def test_changes_are_part_of_the_hash_of_what_they_change(tmp_path: Path) -> None:
    jobs = [
        job_from(small_job("raw", "root", changes=changes), "test")
        for changes in ([], [{"at": 9, "mix": {"temperature": 2.0}}], [{"at": 9, "learning_rate": 0.1}])
    ]
    plain, mixed, slower = ([digest(stage.identity(job)) for stage in (PLAN, TRAIN)] for job in jobs)
    assert (mixed[0] != plain[0], mixed[1] == plain[1]) == (True, True)  # of training the plan is an input
    assert (slower[0] == plain[0], slower[1] != plain[1]) == (True, True)


def test_expected_tokens_are_those_of_the_texts(tmp_path: Path) -> None:
    job = described(tmp_path, mix={"include": ["deu", "eng"]})
    prepared(job)
    (mix,) = planned_mixes(job, None, work)
    by_language = {line.language: line for line in mix.lines}
    assert mix.title == "train.mix"
    assert sum(line.pairs for line in mix.lines) == 40 * 24
    assert 4 < by_language["deu"].tokens < by_language["eng"].tokens <= 16 + 32  # cut as training cuts them


def test_a_study_shows_each_arm_with_the_same_budget(tmp_path: Path) -> None:
    study = {
        "seeds": [3, 4],
        "arms": {"english": {"include": ["eng"]}, "both": {"include": ["eng", "deu"], "seeds": [5]}},
    }
    job = described(tmp_path, study)
    prepared(job)
    asked: list[str] = []

    def noting(tasks: list[Task]) -> dict[str, Artifact]:
        asked.extend(task.name for task in tasks)
        return work(tasks)

    mixes = planned_mixes(job, None, noting)
    assert [name for name in asked if name.endswith("/model")] == ["seed:3/model"]
    assert [mix.title for mix in mixes] == ["english, seed 3", "both, seed 5"]
    assert [sum(line.pairs for line in mix.lines) for mix in mixes] == [960, 960]
    assert [mix.title for mix in planned_mixes(job, "both", work)] == ["both, seed 5"]
    assert {row.language for row in planned_rows(job, "english", "0:3", work)} == {"eng"}
    with pytest.raises(UserError, match="Name one with --arm: english, both"):
        list(planned_rows(job, None, "0:3", work))
    with pytest.raises(UserError, match="the study has no french; it has english, both"):
        planned_mixes(job, "french", work)
    with pytest.raises(UserError, match="the job has none"):
        planned_mixes(one_run(job), "english", work)


def test_the_rows_of_steps_are_those_of_the_plan(tmp_path: Path) -> None:
    job = described(tmp_path, mix={"include": ["deu", "eng"]})
    corpus = Corpus.of(prepared(job))
    rows = list(planned_rows(job, None, "7:11", work))
    plan = open_plan(work(up_to(chain(job), "plan"))["plan"], corpus)
    wanted = plan.rows_of(range(4), 7, 4)
    assert [(row.step, row.lane, row.row) for row in rows] == list(
        zip(wanted.step.tolist(), wanted.lane.tolist(), wanted.row.tolist(), strict=True)
    )
    assert [row.id for row in rows] == [f"{row.language}-{row.row}" for row in rows]


@pytest.mark.parametrize("steps", ["5", "5:5", "7:5", "-1:3", "0:41", "a:b", "1:2:3", "", "٠:١"])
def test_steps_that_are_none(tmp_path: Path, steps: str) -> None:
    with pytest.raises(UserError, match=r"give a:b, .* within 0:40"):
        list(planned_rows(described(tmp_path), None, steps, work))


@pytest.mark.parametrize("width", [80, 120])
def test_bars_are_in_proportion_at_any_width(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    lines = [MixLine(name, None, 0.25, n, 1.5, n, 200.0) for name, n in (("eng", 800_000), ("deu", 400_000))]
    with console.capture() as shown:
        print_mix(console, "train.mix", lines)
    eng, deu = (next(x for x in shown.get().splitlines() if x.startswith(name)) for name in ("eng", "deu"))
    assert "160,000,000" in eng
    assert abs(eng.count("█") - 2 * deu.count("█")) <= 1
    assert 4 <= eng.count("█") <= 24


def test_the_command(tmp_path: Path, local_ray: None) -> None:
    job = described(tmp_path, mix={"group_small": "few", "temperature": 3.0})
    place = tmp_path / "job.yaml"
    place.write_text(yaml.safe_dump(json.loads(job.model_dump_json(exclude_none=True))))
    prepared(job)
    done = CliRunner().invoke(app, ["plan", str(place)])
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    for language in ROWS:
        assert language in lines
    assert "few" in lines["fin"]
    assert "█" in lines["eng"]
    assert "budget of each run: 40 steps of 24 = 960 pairs" in done.stdout
    assert Path(lines["plot:"].split()[1]).is_file()
    listed = CliRunner().invoke(app, ["plan", str(place), "--steps", "2:4"])
    assert listed.exit_code == 0, listed.output
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["2"] * 24 + ["3"] * 24
    assert ray_runs()  # a command ends the Ray it started, not the one it found
