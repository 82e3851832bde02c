"""Places to test with: a folder on local disk, in S3 and in a Google Cloud Storage emulator."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raytrain.storage import Location

_GCS_PROGRAM = """
import sys
from gcp_storage_emulator.server import create_server
server = create_server("127.0.0.1", 0, in_memory=True)
server.start()
print(server._api._httpd.socket.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def gcs_endpoint() -> Iterator[str]:
    """An emulator of Google Cloud Storage; it ignores conditions, so it is no test for put_if_absent."""
    pytest.importorskip("gcp_storage_emulator")
    pytest.importorskip("google.cloud.storage")
    with subprocess.Popen(
        [sys.executable, "-c", _GCS_PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@pytest.fixture
def gcs(gcs_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Location:
    """A fresh bucket in the emulator."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_endpoint)
    name = f"test-{uuid.uuid4().hex}"
    storage.Client(project="test", credentials=AnonymousCredentials()).create_bucket(name)
    return Location.of(f"gs://{name}")


def _place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if kind == "local":
        return Location.of(str(tmp_path)) / "fold er"
    if kind == "s3":
        return Location.of(f"s3://{request.getfixturevalue('s3').bucket()}") / "fold er"
    gcs: Location = request.getfixturevalue("gcs")
    return gcs / "fold er"


@pytest.fixture(params=["local", "s3", "gs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A folder that does not exist yet, in every kind of storage in turn."""
    return _place(request.param, request, tmp_path)


@pytest.fixture(params=["local", "s3"])
def strict_place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """The same, only where the service tested with honours conditional writes."""
    return _place(request.param, request, tmp_path)


@pytest.fixture
def s3_place(s3: Any) -> Location:
    """A folder in a fresh bucket."""
    return Location.of(f"s3://{s3.bucket()}/folder")


@pytest.fixture
def fails() -> Callable[..., str]:
    """Run something that must fail with a UserError of one line; return the line."""
    from raytrain.errors import UserError

    def run(action: Callable[[], object]) -> str:
        with pytest.raises(UserError) as caught:
            action()
        line = str(caught.value)
        assert "\n" not in line
        return line

    return run
