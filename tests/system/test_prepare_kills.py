"""Prepare killed at random moments, five times, ends with the manifest of a run that nobody disturbed."""

import os
import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from jobs import small_job, write_corpus, write_held_out
from processes import kill_tree, start
from raytrain.artifact import read_manifest
from raytrain.storage import Location

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]
KILLS = 5


def parts_under(root: Path) -> set[tuple[str, str]]:
    """The phase and the name of every file that the phases have left so far."""
    found = set()
    for work in root.glob("prepare/*/work"):
        for folder, _, names in os.walk(work):  # which minds no folder that goes away meanwhile
            phase = Path(folder).relative_to(work).parts[:1]
            found |= {(phase[0], f"{folder}/{name}") for name in names if phase and not name.startswith(".")}
    return found


def wait_for_parts(process: subprocess.Popen[bytes], root: Path, number: int) -> None:
    while len(parts_under(root)) < number:
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        time.sleep(0.01)


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
    process = start(jobs["undisturbed"], "prepare")
    parts = 0
    while process.poll() is None:
        parts = max(parts, len(parts_under(tmp_path / "undisturbed")))
        time.sleep(0.01)
    process.communicate()
    assert process.returncode == 0

    # A run that goes on is slower than one that is not disturbed: moments of the clock would all be in early phases.
    rng, kills = random.Random(seed), 0
    for number in range(KILLS):
        process = start(jobs["killed"], "prepare")
        wait_for_parts(process, tmp_path / "killed", round(parts * (number + rng.uniform(0.1, 0.8)) / KILLS))
        time.sleep(rng.uniform(0, 0.2))
        assert process.poll() is None
        kill_tree(process)
        kills += 1
        there = parts_under(tmp_path / "killed")
        print(f"kill {kills}, {len(there)} of {parts} parts:", dict(Counter(phase for phase, _ in there)))
    assert kills == KILLS
    process = start(jobs["killed"], "prepare")
    process.communicate()
    assert process.returncode == 0
    manifests = []
    for name in jobs:
        [place] = (tmp_path / name / "prepare").iterdir()
        manifests.append(read_manifest(Location.of(str(place))))
    undisturbed, killed = manifests
    assert undisturbed is not None
    assert killed is not None
    assert (killed.hash, killed.content, killed.rows) == (undisturbed.hash, undisturbed.content, undisturbed.rows)
    assert killed.files == undisturbed.files
