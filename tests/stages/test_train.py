"""What the train stage makes of a run's folder: the last checkpoint as a model, and one log of all steps."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs import small_job
from raytrain.artifact import Artifact, File, commit, make_manifest, upload_folder, write_file
from raytrain.config import FromScratch, Job
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.model.encoder import BiEncoder, load_backbone, random_backbone
from raytrain.pipeline import Outcome
from raytrain.stages.train import _finish
from raytrain.storage import Location
from raytrain.train.checkpoint import log_folder
from raytrain.train.trainee import Trainee
from train.saved import save_checkpoint

STEPS, CUT = 5, 3  # of the run, and the step of its first checkpoint
LEARNED = {"b": {"temperature": {"start": 0.3}}, "a": {"temperature": {"start": 0.2}}, "fixed": {}}
ROWS = [{"language": "fin", "id": "7"}]
SKIPS = [{"step": 1, "why": "loss", "rows": ROWS}, {"step": 4, "why": "gradient", "rows": ROWS}]
LOSSES = [3.0, None, 2.0, 1.5, 9.0]  # of the last step only the gradient was not finite


def job() -> Job:
    return job_from(small_job("raw", "root", max_steps=STEPS, losses=LEARNED), "test")


def backbone(seed: int) -> Any:
    return random_backbone(FromScratch(layers=1, hidden=32, heads=2), 50, 0, 16, seed)


@pytest.fixture
def model(tmp_path: Path) -> Artifact:
    """What training started from."""
    backbone(1).save_pretrained(tmp_path / "start")
    place = Location.of(str(tmp_path / "model"))
    files = upload_folder(tmp_path / "start", place, "model")
    manifest = make_manifest(
        stage="model", writer="me", identity={}, config={}, inputs={}, files=files, content=[], rows=None, summary={}
    )
    return commit(place, manifest)


@pytest.fixture
def run(tmp_path: Path) -> Location:
    """The folder of a run, that does not exist yet."""
    return Location.of(str(tmp_path / "run"))


def log_of(run: Location, first: int, last: int, name: str, lines: list[dict[str, Any]]) -> list[File]:
    """The part of a log from one checkpoint to the next; a file without lines is not written."""
    text = "".join(json.dumps(line) + "\n" for line in lines if first <= line["step"] < last)
    return [write_file(text.encode(), run, f"{log_folder(first, last, 'writer')}/{name}")] if text else []


def trained(run: Location, skips: list[dict[str, Any]], parts: list[tuple[int, int]]) -> Trainee:
    """Writes a run that is done, as ranks leave it; gives what was trained."""
    trainee = Trainee(BiEncoder(backbone(2), "mean"), job().train.losses)
    with torch.no_grad():
        for log, temperature in zip(trainee.temperatures.logs, (0.05, 0.07), strict=True):
            log.fill_(temperature - 0.01).log_()
    metrics = [{"step": step, "loss": loss} for step, loss in enumerate(LOSSES)]
    log = [
        file
        for part in parts
        for name, lines in (("metrics.jsonl", metrics), ("skipped.jsonl", skips))
        for file in log_of(run, *part, name, lines)
    ]
    state = {f"weight/{name}": value for name, value in trainee.state_dict().items()}
    save_checkpoint(run, [state, {}], step=STEPS, skipped=len(skips), log=log)
    return trainee


def finished(model: Artifact, run: Location) -> tuple[Outcome, str]:
    told: list[str] = []
    outcome = _finish(job(), {"model": model}, run, told.append)
    (line,) = told
    return outcome, line


def lines(run: Location, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def test_a_run_that_skipped_steps_has_one_list_of_them(model: Artifact, run: Location) -> None:
    trained(run, SKIPS, [(0, CUT), (CUT, STEPS)])
    outcome, told = finished(model, run)
    assert lines(run, "skipped.jsonl") == SKIPS
    assert [line["loss"] for line in lines(run, "metrics.jsonl")] == LOSSES
    assert {"skipped.jsonl", "metrics.jsonl", "model/model.safetensors"} <= {file.path for file in outcome.files}
    assert outcome.summary["skipped"] == 2
    assert told.startswith("train: 5 steps (2 skipped), last loss 9.0000, model ")


def test_a_run_that_skipped_none_has_no_list(model: Artifact, run: Location) -> None:
    trained(run, [], [(0, STEPS)])
    outcome, told = finished(model, run)
    assert outcome.summary["skipped"] == 0
    assert "skipped.jsonl" not in {file.path for file in outcome.files}
    assert "skipped" not in told


def test_model_and_temperatures_are_those_of_the_last_checkpoint(model: Artifact, run: Location) -> None:
    trainee = trained(run, SKIPS, [(0, STEPS)])
    outcome, _ = finished(model, run)
    assert outcome.summary["temperatures"] == {"a": pytest.approx(0.05), "b": pytest.approx(0.07)}
    weights = load_backbone((run / "model").local_path).state_dict()
    for name, weight in trainee.encoder.backbone.state_dict().items():
        assert torch.equal(weights[name], weight), name
    (sha256,) = (file.sha256 for file in outcome.files if file.path == "model/model.safetensors")
    assert outcome.summary["model_sha256"] == sha256


def test_a_log_that_lacks_a_step_is_refused(model: Artifact, run: Location) -> None:
    trained(run, [], [(0, CUT), (CUT + 1, STEPS)])
    with pytest.raises(UserError, match="does not hold each step once"):
        finished(model, run)
