"""S3 as a service: who may do what, which credentials are found where, and passing trouble."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from raytrain.storage import Location, StorageOptions, check_writable

Fails = Callable[[Callable[[], object]], str]

_WRITE_AND_READ = """
import sys
from raytrain.storage import Location
file = Location.of(sys.argv[1])
with file.filesystem.open_output_stream(file.path) as stream:
    stream.write(b"by pyarrow")
print(file.read_text())
"""


@dataclass(frozen=True)
class Strict:
    """A server that checks keys and permissions, with two users."""

    endpoint: str
    bucket: str
    owner: tuple[str, str]
    stranger: tuple[str, str]


@pytest.fixture(scope="module")
def strict(s3: Any, serve_s3: Callable[[], AbstractContextManager[Any]]) -> Iterator[Strict]:
    with serve_s3() as server:
        iam, users = server.client("iam"), []
        for name, actions in (("owner", "s3:*"), ("stranger", "sqs:*")):
            policy = {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
            }
            iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
            key = iam.create_access_key(UserName=name)["AccessKey"]
            users.append((key["AccessKeyId"], key["SecretAccessKey"]))
        bucket = server.bucket()
        server.post("/moto-api/reset-auth", "0")
        yield Strict(server.endpoint, bucket, *users)


def use(monkeypatch: pytest.MonkeyPatch, strict: Strict, keys: tuple[str, str] | None) -> Location:
    monkeypatch.setenv("AWS_ENDPOINT_URL", strict.endpoint)
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), keys or (), strict=False):
        monkeypatch.setenv(name, value)
    if keys is None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    return Location.of(f"s3://{strict.bucket}/x")


def test_right_keys(strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    place = use(monkeypatch, strict, strict.owner)
    check_writable(place)
    with place.filesystem.open_output_stream(place.path + "/y") as stream:
        stream.write(b"1")
    assert (place / "y").read_bytes() == b"1"


@pytest.mark.parametrize("wrong", ["id", "secret"])
def test_wrong_keys(strict: Strict, monkeypatch: pytest.MonkeyPatch, fails: Fails, wrong: str) -> None:
    key, secret = strict.owner
    place = use(monkeypatch, strict, ("AKIANOBODY", secret) if wrong == "id" else (key, "wrong"))
    for attempt in (place.list, place.read_bytes, lambda: check_writable(place), lambda: place.filesystem):
        line = fails(attempt)
        assert place.uri in line
        assert "does not accept these credentials" in line


def test_denied(strict: Strict, monkeypatch: pytest.MonkeyPatch, fails: Fails) -> None:
    place = use(monkeypatch, strict, strict.stranger)
    for attempt in (
        place.list,
        place.read_bytes,
        place.exists,
        place.open_input,
        lambda: place.write_bytes(b""),
        lambda: check_writable(place),
    ):
        line = fails(attempt)
        assert place.uri in line
        assert "access denied" in line


def test_keys_and_endpoint_in_a_profile(strict: Strict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = use(monkeypatch, strict, None)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_REGION")
    (tmp_path / "config").write_text(f"[profile p]\nendpoint_url = {strict.endpoint}\nregion = eu-west-1\n")
    key, secret = strict.owner
    (tmp_path / "keys").write_text(f"[p]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    monkeypatch.setenv("AWS_PROFILE", "p")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    with place.filesystem.open_output_stream(place.path) as stream:
        stream.write(b"profile")
    assert place.read_bytes() == b"profile"
    assert place.filesystem.region == "eu-west-1"


def test_keys_that_expire_are_left_to_pyarrow_to_renew(strict: Strict, tmp_path: Path) -> None:
    # A process of its own, since the AWS library inside pyarrow reads its configuration once.
    key, secret = strict.owner
    answer = {
        "Version": 1,
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "SessionToken": "",
        "Expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    (tmp_path / "answer").write_text(json.dumps(answer))
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path / 'answer'}\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": strict.endpoint,
    }
    command = [sys.executable, "-c", _WRITE_AND_READ, f"s3://{strict.bucket}/renewed"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout == "by pyarrow\n", done.stderr


def test_changed_environment_means_another_connection(
    strict: Strict, s3: Any, monkeypatch: pytest.MonkeyPatch, fails: Fails
) -> None:
    place = Location.of(f"s3://{strict.bucket}/x")
    fails(place.list)  # the bucket is not on the usual server
    assert isinstance(use(monkeypatch, strict, strict.owner).list(), list)


def test_endpoint_and_region_of_the_job_file(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    options = StorageOptions(endpoint=s3.endpoint, region="ap-southeast-2")
    file = Location.of(f"s3://{s3.bucket()}/x", options)
    file.write_bytes(b"1")
    with file.open_input() as opened:
        assert opened.read() == b"1"
    assert file.filesystem.region == "ap-southeast-2"


def test_through_a_proxy(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The server takes requests for any host, as a proxy does, and nothing serves at the address named here.
    bucket = s3.bucket()
    monkeypatch.setenv("HTTP_PROXY", s3.endpoint)
    monkeypatch.setenv("http_proxy", s3.endpoint)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    file = Location.of(f"s3://{bucket}/x", StorageOptions(endpoint="http://localhost:1"))
    file.write_bytes(b"1" * 1000)
    with file.open_input() as opened:
        assert opened.read() == b"1" * 1000


def test_busy_service_is_waited_for(s3_place: Location, s3: Any) -> None:
    file = s3_place / "x"
    file.write_bytes(b"1" * 1000)
    s3.misbehave("slow-down", 2)
    assert file.read_bytes() == b"1" * 1000
    s3.misbehave("slow-down", 2)
    with file.open_input() as opened:
        assert opened.read() == b"1" * 1000


def test_busy_at_first_contact_is_not_unreachable(s3: Any) -> None:
    place = Location.of(f"s3://{s3.bucket()}/x")
    s3.misbehave("slow-down", 1)
    place.write_bytes(b"1")
    assert place.read_bytes() == b"1"


def test_pickled_filesystem_carries_no_keys_from_the_environment(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
    place = Location.of(f"s3://{s3.bucket()}/x")
    assert b"top-secret" not in pickle.dumps(place.filesystem)


def test_missing_buckets_are_not_made(s3_place: Location, s3: Any) -> None:
    with pytest.raises(OSError, match="bucket"):
        s3_place.filesystem.create_dir("a-bucket-nobody-made/x")
