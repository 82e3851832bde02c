"""A real S3 API in a process of its own, and how tests talk to it."""

import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3


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
def running_s3() -> Iterator[S3Server]:
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
