"""Whole runs over an object store that fails: the result is that of a store that does not."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from faultproxy import FaultProxy, faulty
from jobs import small_job, write_corpus
from processes import start
from raytrain.artifact import Artifact
from raytrain.jobfile import job_from
from raytrain.pipeline import status
from raytrain.stages.chain import chain
from runs import ledger, model_hash, planned
from s3server import S3Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

STEPS, EVERY = 120, 20


@pytest.fixture(scope="module")
def bucket(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """With the raw pairs."""
    bucket = s3.bucket()
    for path in write_corpus(tmp_path_factory.mktemp("source") / "raw").iterdir():
        s3.client().upload_file(str(path), bucket, f"raw/{path.name}")
    return bucket


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    with faulty(s3.endpoint) as running:
        yield running


def data_of(bucket: str, name: str, endpoint: str, give_up_after: float) -> dict[str, Any]:
    data = small_job(f"s3://{bucket}/raw", f"s3://{bucket}/{name}", max_steps=STEPS, checkpoint_every=EVERY)
    data["storage"] = {"endpoint": endpoint, "give_up_after": give_up_after}
    return data


def job_file(data: dict[str, Any], folder: Path) -> Path:
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def artifacts_of(data: dict[str, Any]) -> dict[str, Artifact]:
    return {state.name: state.artifact for state in status(chain(job_from(data, "test"))) if state.artifact}


@pytest.fixture(scope="module")
def undisturbed(s3: S3Server, bucket: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    data = data_of(bucket, "undisturbed", s3.endpoint, 600)
    process = start(job_file(data, tmp_path_factory.mktemp("undisturbed")))
    _, told = process.communicate()
    assert process.returncode == 0, told.decode()
    return artifacts_of(data)


def steps_saved(s3: S3Server, bucket: str, name: str) -> int:
    """Steps of the newest checkpoint, seen past the proxy."""
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{name}/train/")
    keys = [str(found["Key"]) for page in pages for found in page.get("Contents", ())]
    found = (re.search(r"/checkpoints/step-(\d+)/manifest\.json$", key) for key in keys)
    return max((int(match[1]) for match in found if match), default=0)


def wait_for_step(s3: S3Server, bucket: str, name: str, step: int, process: Any) -> None:
    while steps_saved(s3, bucket, name) < step:
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.1)


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_at_random_moments_and_an_outage_change_nothing(
    seed: int, s3: S3Server, bucket: str, proxy: FaultProxy, undisturbed: dict[str, Artifact], tmp_path: Path
) -> None:
    data = data_of(bucket, f"disturbed-{seed}", proxy.endpoint, 600)
    process = start(job_file(data, tmp_path))
    while proxy.requests < 10:  # past the first contact, whose endpoint may be wrong
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.05)
    proxy.disturb(seed, 0.05)
    proxy.slow(2e6)
    wait_for_step(s3, bucket, f"disturbed-{seed}", 2 * EVERY, process)
    proxy.outage(60)
    time.sleep(60)
    saved = steps_saved(s3, bucket, f"disturbed-{seed}")
    assert saved < STEPS
    _, told = process.communicate()
    assert process.returncode == 0, told.decode()
    assert proxy.faults > 20
    proxy.calm()
    artifacts = artifacts_of(data)
    assert model_hash(artifacts) == model_hash(undisturbed)
    assert ledger(artifacts) == ledger(undisturbed) == planned(undisturbed, STEPS)


@pytest.mark.parametrize("stage", ["prepare", "train"])
def test_a_longer_outage_stops_the_run_which_then_goes_on(
    stage: str, s3: S3Server, bucket: str, proxy: FaultProxy, undisturbed: dict[str, Artifact], tmp_path: Path
) -> None:
    name = f"given-up-{stage}"
    data = data_of(bucket, name, proxy.endpoint, 10)
    path = job_file(data, tmp_path)
    process = start(path)
    if stage == "train":
        wait_for_step(s3, bucket, name, 2 * EVERY, process)
    else:
        while not s3.client().list_objects_v2(Bucket=bucket, Prefix=f"{name}/prepare/").get("KeyCount"):
            time.sleep(0.05)
    proxy.outage(3600)
    _, told = process.communicate()
    assert process.returncode == 2, told.decode()
    last = told.decode().strip().splitlines()[-1]
    assert last.startswith("raytrain: cannot "), told.decode()
    assert f" s3://{bucket}/" in last
    assert "the service cannot be reached; check the endpoint, the network and any proxy" in last
    assert "tried for 10 s (storage.give_up_after)" in last
    assert "Traceback" not in told.decode()

    proxy.calm()
    process = start(path)
    _, told = process.communicate()
    assert process.returncode == 0, told.decode()
    if stage == "train":
        assert "goes on from the checkpoint of step" in told.decode()
    artifacts = artifacts_of(data)
    assert model_hash(artifacts) == model_hash(undisturbed)
    assert ledger(artifacts) == ledger(undisturbed)
