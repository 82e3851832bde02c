"""What addresses a Location takes, and what it makes of them."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from raytrain.errors import UserError
from raytrain.storage import Location, StorageOptions

Fails = Callable[[Callable[[], object]], str]


def test_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Location.of("data/../runs/") == Location.of(str(tmp_path / "runs"))


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert Location.of("~/data").local_path == Path("/home/somebody/data")


def test_file_uri_is_a_local_path() -> None:
    location = Location.of("file:///tmp/a%20b/%C3%BC")
    assert location == Location.of("/tmp/a b/ü")
    assert location.is_local
    assert location.path == "/tmp/a b/ü"


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_bucket_and_key(scheme: str) -> None:
    location = Location.of(f"{scheme}://bucket/a b/") / "c/d.json"
    assert location.uri == f"{scheme}://bucket/a b/c/d.json"
    assert location.path == "bucket/a b/c/d.json"
    assert location.name == "d.json"
    assert not location.is_local
    with pytest.raises(ValueError, match="not on local disk"):
        _ = location.local_path


def test_percent_is_literal_in_a_key() -> None:
    assert Location.of("s3://bucket/a%20b").path == "bucket/a%20b"


def test_top_of_a_bucket_and_of_the_disk() -> None:
    assert (Location.of("s3://bucket/") / "x").uri == "s3://bucket/x"
    assert Location.of("s3://bucket").name == "bucket"
    assert (Location.of("/") / "x").uri == "/x"


@pytest.mark.parametrize(
    "uri",
    ["", "http://host/x", "s3a://bucket/x", "hdfs://x/y", "s3:/bucket/x", "s3:bucket", "s3://", "s3:///key"],
)
def test_other_schemes_are_refused(uri: str, fails: Fails) -> None:
    assert repr(uri) in fails(lambda: Location.of(uri))


@pytest.mark.parametrize(
    "uri",
    ["file://host/x", "file:/x", "file:///a#b", "s3://bucket//x", "s3://bucket/../x", "gs://bucket/a/./b"],
)
def test_unusable_addresses_are_refused(uri: str, fails: Fails) -> None:
    assert uri in fails(lambda: Location.of(uri))


def test_refusal_names_what_is_allowed(fails: Fails) -> None:
    line = fails(lambda: Location.of("ftp://host/x"))
    assert all(word in line for word in ("local path", "file://", "s3://", "gs://"))


@pytest.mark.parametrize("name", ["", "/x", "../x", "a//b", "a/./b", "a\0b", "a\nb"])
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(UserError):
        Location.of("/data") / name


def test_pickling_keeps_the_address_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
    location = Location.of("s3://bucket/x", StorageOptions(endpoint="https://host:9000", region="eu-west-1"))
    pickled = pickle.dumps(location)
    assert pickle.loads(pickled) == location
    assert b"top-secret" not in pickled


def test_options_are_handed_down() -> None:
    options = StorageOptions(region="eu-west-1")
    assert (Location.of("s3://bucket", options) / "x").options == options


def test_local_files_need_no_object_store_library_settings(tmp_path: Path) -> None:
    location = Location.of(str(tmp_path)) / "x"
    location.write_bytes(b"1")
    assert os.listdir(tmp_path) == ["x"]
