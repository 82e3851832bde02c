"""Population-based training on real runs: a trial that went on from another's checkpoint, with settings changed, is the
run that its job file says, bit for bit."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from jobs import small_job, write_corpus, write_held_out
from raytrain.cli import app

pytestmark = [pytest.mark.system, pytest.mark.timeout(3_000)]


@pytest.mark.parametrize("kind", ["pbt", "pb2"])
def test_what_went_on_from_another_can_be_trained_from_the_beginning(tmp_path: Path, kind: str) -> None:
    write_corpus(tmp_path / "raw")
    for judged in write_held_out(tmp_path / "dev").glob("*/qrels/test.tsv"):
        judged.rename(judged.with_name("dev.tsv"))
    job = small_job(tmp_path / "raw", tmp_path / "root", max_steps=16, checkpoint_every=4)
    job["train"]["validate_on"] = {
        "benchmark": f"beir:{tmp_path / 'dev'}#dev",
        "every": 4,
        "questions": 30,
        "passages": 100,
    }
    job["cluster"] |= {"workers": 1, "local_cpus": 2}
    job["tune"] = {
        "space": {
            "train.mix.weights": {"dirichlet": ["deu", "eng"]},
            "train.learning_rate": {"uniform": [1e-4, 5e-3]},
        },
        "search": {"kind": "random"},
        "schedule": {"kind": kind},
        "budget": {"trials": 3},
        "confirm": None,
    }
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(job))
    assert CliRunner().invoke(app, ["tune", str(file)], catch_exceptions=False).exit_code == 0

    records = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("root/sweeps/*/trials/*.json"))]
    trials = [record["trial"] for record in records]
    assert [trial["number"] for trial in trials] == [1, 2, 3]
    assert {trial["state"] for trial in trials} == {"finished"}
    changed = [trial for trial in trials if trial["changes"]]
    assert changed
    for trial in changed:
        assert [point["step"] for point in trial["curve"]] == [4, 8, 12, 16]
        written = CliRunner().invoke(app, ["tune", str(file), "--best", "--trial", str(trial["number"])])
        alone = yaml.safe_load(written.output)
        assert [change["at"] for change in alone["train"]["changes"]] == [change["at"] for change in trial["changes"]]
        alone["root"] = str(tmp_path / f"alone-{trial['number']}")
        again = tmp_path / f"{trial['number']}.yaml"
        again.write_text(yaml.safe_dump(alone))
        assert CliRunner().invoke(app, ["train", str(again)], catch_exceptions=False).exit_code == 0
        (manifest,) = Path(alone["root"]).glob("train/*/manifest.json")
        of_trial = json.loads((Path(trial["artifact"].removeprefix("file://")) / "manifest.json").read_text())
        of_alone = json.loads(manifest.read_text())
        if of_trial["summary"]["best_step"] == of_alone["summary"]["best_step"]:
            assert of_trial["summary"]["model_sha256"] == of_alone["summary"]["model_sha256"]
        scores = {
            score["step"]: score["languages"] for score in json.loads((manifest.parent / "validation.json").read_text())
        }
        for point in trial["curve"]:
            assert scores[point["step"]] == point["languages"]
