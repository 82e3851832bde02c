"""Fixtures for all tests."""

import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import settings

# A loaded machine is no defect.
settings.register_profile("raytrain", deadline=None)
settings.load_profile("raytrain")


@dataclass(frozen=True)
class S3Server:
    """A running S3 server; `endpoint` and the keys are in the AWS_* variables too (fixture `s3`)."""

    endpoint: str

    @cache  # noqa: B019 - a few servers, and a client takes long to make
    def client(self, service: str = "s3") -> Any:
        """Return a boto3 client that is none of raytrain's."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def bucket(self) -> str:
        """Make a fresh bucket and return its name."""
        name = f"test-{uuid.uuid4().hex}"
        self.client().create_bucket(Bucket=name)
        return name

    def misbehave(self, kind: str, count: int) -> None:
        """Make the next `count` requests go wrong; the kinds are listed in tests/s3.py."""
        self.post("/-/misbehave", f"{kind} {count}")

    def post(self, path: str, body: str) -> None:
        """Send a request that is not S3's."""
        request = urllib.request.Request(
            self.endpoint + path, data=body.encode(), headers={"Content-Type": "text/plain"}
        )
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()


@contextmanager
def _serve_s3() -> Iterator[S3Server]:
    """Run tests/s3.py in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("s3.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield S3Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


@pytest.fixture(scope="session")
def serve_s3() -> Callable[[], AbstractContextManager[S3Server]]:
    """Start a server of one's own, for tests that change its rules; the environment does not point to it."""
    return _serve_s3


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 server that the environment points to, for this process and all it starts afterwards.

    A Ray cluster must be started after this fixture, so that its workers inherit the environment.
    """
    with _serve_s3() as server, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def local_ray(s3: S3Server) -> Iterator[None]:
    """A real Ray of our own for tests in this process. It has more CPUs than the machine, for a few workers at once."""
    from raytrain.cluster import running_ray, stop_ray
    from raytrain.config import Cluster

    running_ray(Cluster(local_cpus=4))
    yield
    stop_ray()
