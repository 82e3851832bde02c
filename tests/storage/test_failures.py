"""Every failure a user can cause is a UserError of one line that names the place and the remedy."""

import errno
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from raytrain.errors import FileMissingError, UserError
from raytrain.storage import Location, StorageOptions, check_writable, sha256_file, storage_errors

Fails = Callable[[Callable[[], object]], str]

_NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def no_superuser() -> Iterator[None]:
    """Give up the right to ignore modes, if the tests run with it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


READS = {
    "read_bytes": lambda file: file.read_bytes(),
    "read_text": lambda file: file.read_text(),
    "size": lambda file: file.size(),
    "open_input": lambda file: file.open_input(),
    "sha256": sha256_file,
    "download": lambda file: file.download(Path(tempfile.gettempdir()) / "raytrain-never-written"),
}


@pytest.mark.parametrize("read", READS)
def test_missing_file(place: Location, read: str) -> None:
    file = place / "missing"
    with pytest.raises(FileMissingError) as caught:
        READS[read](file)
    assert str(caught.value).endswith(f"{file.uri}: no such file")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_missing_bucket(kind: str, request: pytest.FixtureRequest, fails: Fails) -> None:
    request.getfixturevalue("s3" if kind == "s3" else "gcs")
    place = Location.of(f"{kind}://no-such-bucket/x")
    file = place / "y"
    attempts: list[Callable[[], object]] = [place.list, place.exists, file.read_bytes, file.delete]
    attempts += [lambda: place.filesystem, file.open_input, lambda: file.put_if_absent(b"")]
    attempts += [lambda: file.write_bytes(b""), lambda: check_writable(place)]
    for attempt in attempts:
        line = fails(attempt)
        assert f"{kind}://no-such-bucket" in line
        assert "create it" in line


def test_not_text(place: Location, fails: Fails) -> None:
    (place / "x").write_bytes(b"\xff")
    assert "UTF-8" in fails((place / "x").read_text)


def test_upload_of_a_missing_file(place: Location, fails: Fails) -> None:
    assert "/no/such: no such file" in fails(lambda: (place / "x").upload(Path("/no/such")))


def test_place_without_a_file_name(s3: Any, fails: Fails) -> None:
    assert "no file name" in fails(lambda: Location.of(f"s3://{s3.bucket()}").write_bytes(b""))


@pytest.mark.parametrize("uri", ["/", "s3://bucket"])
def test_whole_stores_are_not_deleted(uri: str, fails: Fails) -> None:
    assert "by hand" in fails(Location.of(uri).delete_tree)


def test_writable_places_pass_and_stay_clean(strict_place: Location) -> None:
    check_writable(strict_place)
    assert strict_place.list() == []


def test_file_where_a_folder_is_needed(tmp_path: Path, fails: Fails) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = Location.of(str(tmp_path / "file"))
    for attempt in (
        lambda: check_writable(place),
        lambda: (place / "deep/x").write_bytes(b""),
        lambda: (place / "x").put_if_absent(b""),
        place.list,
    ):
        line = fails(attempt)
        assert "a file where a folder is needed" in line
        assert str(tmp_path / "file") in line


def test_folder_where_a_file_is_needed(tmp_path: Path, fails: Fails) -> None:
    place = Location.of(str(tmp_path))
    for attempt in (place.read_bytes, place.size, lambda: place.write_bytes(b""), place.delete):
        assert "this is a folder" in fails(attempt)


def test_permission_denied(open_folder: Path, fails: Fails) -> None:
    closed = open_folder / "closed"
    closed.mkdir()
    (closed / "x").write_bytes(b"")
    closed.chmod(0)
    place = Location.of(str(closed))
    with no_superuser():
        for attempt in (
            lambda: check_writable(place),
            lambda: (place / "x").write_bytes(b""),
            (place / "x").read_bytes,
            (place / "x").exists,
            place.list,
            lambda: (Location.of(str(open_folder)) / "new/x").write_bytes(b""),
        ):
            line = fails(attempt)
            assert "permission denied" in line
            assert str(open_folder) in line
    closed.chmod(0o700)


def test_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "gone")
    with pytest.raises(FileMissingError):
        Location.of(str(tmp_path)).list()


def test_full_disk_leaves_the_old_content(tmp_path: Path, fails: Fails) -> None:
    file = Location.of(str(tmp_path)) / "x"
    file.write_bytes(b"old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limit[1]))
    try:
        line = fails(lambda: file.write_bytes(b"x" * (2 << 20)))
        fails(lambda: (Location.of(str(tmp_path)) / "y").put_if_absent(b"x" * (2 << 20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "File too large" in line
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_nothing_at_the_endpoint(s3: Any, endpoint: str, fails: Fails) -> None:
    place = Location.of("s3://bucket/x", StorageOptions(endpoint=endpoint))
    started = time.monotonic()
    for attempt in (place.list, lambda: place.filesystem, lambda: check_writable(place)):
        line = fails(attempt)
        assert "check the endpoint" in line
        assert endpoint in line
    assert time.monotonic() - started < 20


def test_silent_endpoint(s3: Any, fails: Fails) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        line = fails(Location.of("s3://bucket/x", StorageOptions(endpoint=endpoint)).list)
        assert "check the endpoint" in line
        assert time.monotonic() - started < 20


def test_endpoint_that_is_no_address(s3: Any, fails: Fails) -> None:
    place = Location.of("s3://bucket/x", StorageOptions(endpoint="host:9000"))
    assert "https://host:port" in fails(place.list)


def test_service_that_ignores_conditions(s3_place: Location, s3: Any, fails: Fails) -> None:
    assert s3_place.list() == []
    s3.misbehave("unconditional", 2)
    assert "ignores conditional writes" in fails(lambda: check_writable(s3_place))
    assert s3_place.list() == []


def test_google_emulator_ignores_conditions(gcs: Location, fails: Fails) -> None:
    assert "ignores conditional writes" in fails(lambda: check_writable(gcs / "x"))


def test_google_extra_missing(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud", None)  # Python's own way to make an import fail
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another-connection-than-other-tests")
    assert "pip install raytrain[gcs]" in fails(Location.of("gs://bucket/x").list)


def test_no_credentials(s3: Any, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "no credentials found; set AWS_PROFILE" in fails(Location.of("s3://bucket/x").list)


def test_unknown_profile(s3: Any, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "nobody" in fails(Location.of("s3://bucket/x").list)


def test_what_pyarrow_says_is_translated(s3_place: Location, s3: Any) -> None:
    missing = "no-such-bucket/x"
    with pytest.raises(UserError, match="bucket does not exist"), storage_errors("s3://x", "read"):
        s3_place.filesystem.open_output_stream(missing).close()
    with pytest.raises(FileMissingError), storage_errors("s3://x", "read"):
        s3_place.filesystem.open_input_file(s3_place.path + "/missing")


def test_other_exceptions_pass() -> None:
    with pytest.raises(ZeroDivisionError), storage_errors("x", "read"):
        _ = 1 / 0


def test_error_names_survive_unknown_errno() -> None:
    with pytest.raises(UserError, match="went wrong"), storage_errors("x", "read"):
        raise OSError(errno.EIO, "went wrong")


def test_no_credentials_reach_a_message(s3: Any, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
    assert "top-secret" not in fails(Location.of("s3://no-such-bucket/x").list)
