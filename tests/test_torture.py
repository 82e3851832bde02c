"""A run on two workers and several nodes, killed in many ways, ends as one that nothing happened to."""

import random
import signal
from pathlib import Path

import pytest
import yaml

from jobs import small_job, write_corpus
from processes import start
from raytrain.artifact import Artifact
from raytrain.jobfile import job_from
from raytrain.pipeline import status
from raytrain.stages.chain import chain
from runs import ledger, losses, model_hash, planned
from torture import Torture, several_nodes

STEPS = 160
Kill = tuple[str, str]
FEW: list[Kill] = [("driver", "random"), ("node", "random")]  # each costs a start of some ten processes
# In turn a worker, a node, the driver; at random, during an upload and during a resume.
MANY: list[Kill] = [
    (what, moment)
    for moments in (("random", "upload", "resume"), ("upload", "resume", "random"))
    for what, moment in zip(("worker", "node", "driver"), moments, strict=True)
]


def torture(
    tmp_path: Path, steps: int, kills: list[Kill], seed: int, interrupt: signal.Signals, hidden: int
) -> tuple[list[str], list[str]]:
    """Runs a job undisturbed and tortured, which begins with an interrupt. Asserts that both end alike.

    Gives what was killed, and what the driver said.
    """
    source = write_corpus(tmp_path / "raw", rows=300)
    artifacts: dict[str, dict[str, Artifact]] = {}
    with several_nodes(2) as nodes:
        for name in ("undisturbed", "tortured"):
            data = small_job(source, tmp_path / name, max_steps=steps, checkpoint_every=10)
            data["cluster"] |= {"address": nodes.address, "cpus_per_worker": 1, "max_failures": 3}
            data["model"]["from_scratch"]["hidden"] = hidden
            file = tmp_path / f"{name}.yaml"
            file.write_text(yaml.safe_dump(data))
            run = Torture(nodes, file, tmp_path / name / "train", random.Random(seed))
            run.begin()
            if name == "tortured":
                run.interrupt_after_a_checkpoint(interrupt)
                for what, moment in kills:
                    if not run.kill(what, moment):
                        break
            run.finish()
            states = status(chain(job_from(data, "test")))
            artifacts[name] = {state.name: state.artifact for state in states if state.artifact}
    assert model_hash(artifacts["tortured"]) == model_hash(artifacts["undisturbed"])
    assert ledger(artifacts["tortured"]) == planned(artifacts["undisturbed"], steps)
    return run.killed, run.told


@pytest.mark.timeout(900)
def test_a_run_that_is_interrupted_and_killed_goes_on_to_the_same_model(tmp_path: Path) -> None:
    killed, told = torture(tmp_path, STEPS, FEW, seed=1, interrupt=signal.SIGINT, hidden=32)
    assert len(killed) == len(FEW), killed
    assert "train: ends with a checkpoint; Ctrl-C again stops at once" in told[0]
    assert told[0].strip().splitlines()[-1] == "raytrain: interrupted; run the same command again to go on"
    assert "goes on from the checkpoint of step" in told[-1]


@pytest.mark.system
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("seed", "interrupt"), [(1, signal.SIGTERM), (2, signal.SIGINT)])
def test_torture(seed: int, interrupt: signal.Signals, tmp_path: Path) -> None:
    kills = MANY * 2
    killed, _ = torture(tmp_path, 600, kills, seed, interrupt, hidden=256)  # an upload must last to be seen
    print(*killed, sep="\n")
    assert len(killed) >= 10, killed
    for seen in ("worker", "node", "driver", "(random)", "(upload)", "(resume)"):
        assert seen in " ".join(killed), killed


@pytest.mark.system
@pytest.mark.timeout(1800)
def test_workers_come_and_go_with_nodes(tmp_path: Path) -> None:
    """From one worker to two when a node comes, and back before it goes: no row is lost, none is there twice."""
    source = write_corpus(tmp_path / "raw", rows=300)
    data = small_job(source, tmp_path / "root", max_steps=3_000, checkpoint_every=100, learning_rate=1e-4)
    data["model"]["from_scratch"]["dropout"] = 0.0
    alone = data | {"root": str(tmp_path / "alone"), "cluster": data["cluster"] | {"workers": 1}}
    file = tmp_path / "alone.yaml"
    file.write_text(yaml.safe_dump(alone))
    undisturbed = start(file, "train")
    undisturbed.communicate()
    assert undisturbed.returncode == 0
    with several_nodes(1) as nodes:
        data["cluster"] |= {"address": nodes.address, "cpus_per_worker": 1, "workers": [1, 2]}
        file = tmp_path / "job.yaml"
        file.write_text(yaml.safe_dump(data))
        run = Torture(nodes, file, tmp_path / "root" / "train", random.Random(1))
        run.begin()
        assert run.wait(lambda: len(nodes.workers()) == 1)
        nodes.add()
        assert run.wait(lambda: len(nodes.workers()) == 2)
        before = run.steps()
        assert before % 100  # a checkpoint out of turn
        assert run.wait(lambda: run.steps() > before)  # two workers are at it
        node = nodes.give_notice()
        assert node is not None
        assert run.wait(lambda: run.steps() % 100)  # and again
        nodes.remove(node)
        run.finish()
    print(run.told[-1])
    assert "train: 2 workers of 1 to 2" in run.told[-1]
    assert "train: there is room for 2 workers instead of 1: ends with a checkpoint" in run.told[-1]
    assert "train: 1 of its nodes will go away (preempted or removed): ends with a checkpoint" in run.told[-1]
    assert "workers failed" not in run.told[-1]
    resized, whole = (
        {s.name: s.artifact for s in status(chain(job_from(of, "test"))) if s.artifact} for of in (data, alone)
    )
    assert ledger(resized) == planned(whole, 3_000)
    assert losses(resized) == pytest.approx(losses(whole), abs=1e-4)
