"""Fixtures for all tests."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hypothesis import settings

from s3server import S3Server, running_s3

# A loaded machine is no defect.
settings.register_profile("raytrain", deadline=None)
settings.load_profile("raytrain")


@pytest.hookimpl(trylast=True)  # after the order was drawn
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that are given more time than others begin first: one left to the end would be waited for alone."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(scope="session")
def serve_s3() -> Callable[[], AbstractContextManager[S3Server]]:
    """Start a server of one's own, for tests that change its rules; the environment does not point to it."""
    return running_s3


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 server that the environment points to, for this process and all it starts afterwards.

    A Ray cluster must be started after this fixture, so that its workers inherit the environment.
    """
    with running_s3() as server, pytest.MonkeyPatch.context() as patch:
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
