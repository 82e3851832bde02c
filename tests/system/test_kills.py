"""A whole run killed at random moments of any stage, again and again, ends as if nothing had happened."""

import random
import time
from pathlib import Path

import pytest
import yaml

from jobs import small_job, write_corpus
from processes import kill_tree, start
from raytrain.jobfile import job_from
from raytrain.pipeline import status
from raytrain.stages.chain import chain
from runs import ledger, model_hash, planned

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_killed_at_random_moments(seed: int, tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw")
    files, jobs = {}, {}
    for name in ("undisturbed", "killed"):
        data = small_job(source, tmp_path / name, max_steps=300, checkpoint_every=20)
        files[name], jobs[name] = tmp_path / f"{name}.yaml", job_from(data, name)
        files[name].write_text(yaml.safe_dump(data))
    begun = time.monotonic()
    process = start(files["undisturbed"])
    process.communicate()
    assert process.returncode == 0
    lasts = time.monotonic() - begun

    rng = random.Random(seed)
    kills = 0
    while True:
        process = start(files["killed"])
        deadline = time.monotonic() + rng.uniform(0.1, 0.9) * lasts
        while process.poll() is None and time.monotonic() < deadline and kills < 8:
            time.sleep(0.05)
        if kills == 8 or process.poll() is not None:
            process.communicate()
            break
        kill_tree(process)
        kills += 1
    assert process.returncode == 0
    assert kills >= 3
    found = {
        name: {state.name: state.artifact for state in status(chain(job)) if state.artifact}
        for name, job in jobs.items()
    }
    assert model_hash(found["killed"]) == model_hash(found["undisturbed"])
    assert ledger(found["killed"]) == planned(found["undisturbed"], 300)
