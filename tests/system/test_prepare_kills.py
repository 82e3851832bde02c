"""Prepare killed at random moments, five times, ends with the manifest of a run that nobody disturbed."""

import random
import time
from pathlib import Path

import pytest
import yaml

from jobs import small_job, write_corpus, write_held_out
from processes import kill_tree, start
from raytrain.artifact import read_manifest
from raytrain.storage import Location

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]
KILLS = 5


@pytest.mark.parametrize("seed", [1, 2])
def test_prepare_killed_at_random_moments(seed: int, tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "raw", languages=("deu", "eng", "fin", "swa", "tha"), rows=20_000)
    held_out = write_held_out(tmp_path / "eval")
    jobs = {}
    for name in ("undisturbed", "killed"):
        data = small_job(source, tmp_path / name) | {"evaluate": {"benchmarks": [f"beir:{held_out}"]}}
        data["corpus"] |= {"decontaminate": {"all_passages": True}, "shard_rows": 4_096}
        jobs[name] = tmp_path / f"{name}.yaml"
        jobs[name].write_text(yaml.safe_dump(data))
    begun = time.monotonic()
    process = start(jobs["undisturbed"], "prepare")
    process.communicate()
    assert process.returncode == 0
    lasts = time.monotonic() - begun

    rng, kills = random.Random(seed), 0
    while True:
        process = start(jobs["killed"], "prepare")
        deadline = time.monotonic() + rng.uniform(0.3, 0.9) * lasts
        while process.poll() is None and (kills == KILLS or time.monotonic() < deadline):
            time.sleep(0.02)
        if process.poll() is not None:
            process.communicate()
            break
        kill_tree(process)
        kills += 1
    assert process.returncode == 0
    assert kills >= 2
    manifests = []
    for name in jobs:
        [place] = (tmp_path / name / "prepare").iterdir()
        manifests.append(read_manifest(Location.of(str(place))))
    undisturbed, killed = manifests
    assert undisturbed is not None
    assert killed is not None
    assert (killed.hash, killed.content, killed.rows) == (undisturbed.hash, undisturbed.content, undisturbed.rows)
    assert killed.files == undisturbed.files
