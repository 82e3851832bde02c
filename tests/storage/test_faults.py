"""An object store that fails for a while is waited for: by each operation, with the same result."""

import concurrent.futures
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from google.api_core import exceptions as google
from s3transfer.exceptions import RetriesExceededError

from faultproxy import FaultProxy, faulty
from raytrain.errors import FileMissingError, UserError
from raytrain.parquet import read_row_groups
from raytrain.storage import Location, StorageOptions, check_writable, passing, sha256_file
from raytrain.storage._base import TRIES
from raytrain.storage._patience import patiently

SMALL, LARGE = b"small" * 100, b"%" * (9 << 20)  # the large one goes in parts
LONG = 60.0

Operation = Callable[[Location, Path], object]


@pytest.fixture(scope="module")
def proxy(s3: Any) -> Iterator[FaultProxy]:
    with faulty(s3.endpoint) as running:
        yield running


@pytest.fixture
def calm(proxy: FaultProxy) -> Iterator[FaultProxy]:
    proxy.calm()
    yield proxy
    proxy.calm()


@pytest.fixture
def bucket(s3: Any) -> str:
    return str(s3.bucket())


def through(proxy: FaultProxy, bucket: str, give_up_after: float) -> Location:
    """A folder in a bucket, where the first contact is made."""
    place = Location.of(f"s3://{bucket}/folder", StorageOptions(proxy.endpoint, None, give_up_after))
    place.exists()
    return place


def write_here(file: Location, _: Path) -> bytes:
    file.write_bytes(b"new")
    return file.read_bytes()


def upload(file: Location, folder: Path) -> str:
    local = folder / file.name
    local.write_bytes(LARGE)
    file.upload(local)
    return sha256_file(file)


def download(file: Location, folder: Path) -> bytes:
    local = folder / file.name
    file.download(local)
    return local.read_bytes()


def put_twice(file: Location, _: Path) -> object:
    """What is there already, and a new one, whose answers get lost."""
    new = Location.of(f"{file.uri}-new", file.options)
    return file.put_if_absent(b"2"), new.put_if_absent(b"1"), new.put_if_absent(b"2"), new.read_bytes()


def delete(file: Location, _: Path) -> bool:
    file.delete()
    return file.exists()


def delete_tree(file: Location, _: Path) -> object:
    folder = Location.of(f"{file.uri}-folder", file.options)
    (folder / "a/b").write_bytes(b"")
    folder.delete_tree()
    return folder.list()


def read_here_and_there(file: Location, _: Path) -> object:
    with file.open_input() as opened:
        first = opened.read(10)
        opened.seek(-5, 2)
        return first, opened.read(), opened.tell()


def missing(file: Location, _: Path) -> str:
    with pytest.raises(FileMissingError) as caught:
        Location.of(f"{file.uri}-missing", file.options).read_bytes()
    return str(caught.value).split(":")[-1]


OPERATIONS: Mapping[str, Operation] = {
    "list": lambda file, _: [info.size for info in Location.of(f"{file.uri}-list", file.options).list()],
    "exists": lambda file, _: file.exists(),
    "size": lambda file, _: file.size(),
    "read_bytes": lambda file, _: file.read_bytes(),
    "sha256": lambda file, _: sha256_file(file),
    "open_input": read_here_and_there,
    "write_bytes": write_here,
    "put_if_absent": put_twice,
    "upload": upload,
    "download": download,
    "delete": delete,
    "delete_tree": delete_tree,
    "check_writable": lambda file, _: check_writable(Location.of(f"{file.uri}-check", file.options)),
    "missing": missing,
    "row_groups": lambda file, _: read_row_groups(file, [2, 0], ["n"]).column("n").to_pylist(),
}


def prepare(folder: Location) -> None:
    table = pa.table({"n": np.arange(300)})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, row_group_size=100)
    for name in OPERATIONS:
        (folder / name).write_bytes(buffer.getvalue().to_pybytes() if name == "row_groups" else SMALL)
    (folder / "list-list/x").write_bytes(SMALL)


def all_at_once(folder: Location, local: Path) -> dict[str, object]:
    """What every operation gives, or its error; they wait side by side."""
    local.mkdir()

    def run(name: str) -> object:
        try:
            return OPERATIONS[name](folder / name, local)
        except UserError as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(len(OPERATIONS)) as pool:
        return dict(zip(OPERATIONS, pool.map(run, OPERATIONS), strict=True))


@pytest.fixture(scope="module")
def expected(s3: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The same where nothing fails."""
    folder = Location.of(f"s3://{s3.bucket()}/folder")
    prepare(folder)
    return all_at_once(folder, tmp_path_factory.mktemp("calm") / "x")


def test_without_faults_the_operations_say_what_they_should(expected: dict[str, object]) -> None:
    assert expected["put_if_absent"] == (False, True, False, b"1")
    assert expected["row_groups"] == [*range(200, 300), *range(100)]
    assert expected["open_input"] == (SMALL[:10], SMALL[-5:], len(SMALL))
    assert expected["list"] == [len(SMALL)]
    assert not [name for name, found in expected.items() if isinstance(found, UserError)]


@pytest.mark.parametrize(
    "kinds",
    [["503", "500", "502", "504"], ["reset"], ["truncated"], ["lost"]],
    ids=lambda kinds: "+".join(kinds),
)
def test_each_operation_outlasts_more_faults_than_its_library(
    kinds: list[str], calm: FaultProxy, bucket: str, tmp_path: Path, expected: dict[str, object]
) -> None:
    folder = through(calm, bucket, LONG)
    prepare(folder)
    before = calm.faults
    calm.fail_each((kinds * (TRIES + 2))[: TRIES + 2])
    assert all_at_once(folder, tmp_path / "x") == expected
    assert calm.faults - before >= len(OPERATIONS) * (TRIES + 2)


def test_an_outage_is_waited_for_and_told_once(
    calm: FaultProxy, bucket: str, tmp_path: Path, expected: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = through(calm, bucket, LONG)
    prepare(folder)
    begun = time.monotonic()
    calm.outage(2)
    assert all_at_once(folder, tmp_path / "x") == expected
    assert time.monotonic() - begun > 2
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("storage:")]
    assert told == [
        f"storage: s3://{bucket} cannot be reached; trying again for up to 60 s",
        f"storage: s3://{bucket} answers again",
    ]


def test_what_does_not_pass_is_given_up_with_one_line(calm: FaultProxy, bucket: str, tmp_path: Path) -> None:
    folder = through(calm, bucket, 1.0)
    prepare(folder)
    calm.outage(600)
    begun = time.monotonic()
    found = all_at_once(folder, tmp_path / "x")
    assert time.monotonic() - begun < 20
    for name, error in found.items():
        assert isinstance(error, UserError), name
        line = str(error)
        assert "\n" not in line
        assert f"{folder.uri}/{name}" in line
        assert "the service cannot be reached; check the endpoint" in line
        assert "tried for 1 s (storage.give_up_after)" in line
        assert "run the same command again" in line


def test_what_is_no_fault_is_not_tried_again(calm: FaultProxy, bucket: str, s3: Any) -> None:
    folder = through(calm, bucket, LONG)
    s3.client().delete_bucket(Bucket=bucket)
    before = calm.requests
    with pytest.raises(UserError, match="create it"):
        (folder / "x").write_bytes(b"")
    assert calm.requests == before + 1


def test_slow_answers_are_read_to_the_end(calm: FaultProxy, bucket: str, tmp_path: Path) -> None:
    folder = through(calm, bucket, LONG)
    (folder / "x").write_bytes(SMALL)
    calm.slow(500)
    begun = time.monotonic()
    with (folder / "x").open_input() as opened:
        assert opened.read() == SMALL
    assert (folder / "x").read_bytes() == SMALL
    assert time.monotonic() - begun > 1.5


def test_a_write_whose_answers_are_lost_still_wins_once(calm: FaultProxy, bucket: str) -> None:
    """Among others that write the same, of whom none is told that it was first."""
    folder = through(calm, bucket, LONG)
    calm.fail_each(["lost"] * (TRIES + 1))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda writer: (folder / "x").put_if_absent(writer), [b"%d" % n for n in range(8)]))
    assert won.count(True) == 1
    assert (folder / "x").read_bytes() == b"%d" % won.index(True)


def test_the_first_contact_fails_at_once_and_a_worker_waits(calm: FaultProxy, bucket: str, s3: Any) -> None:
    """Here the endpoint may be wrong; of a place that another process sent it is known to be right."""
    (Location.of(f"s3://{bucket}") / "x").write_bytes(SMALL)
    place = Location.of(f"s3://{bucket}/x", StorageOptions(calm.endpoint, None, LONG))
    calm.outage(2)
    begun = time.monotonic()
    with pytest.raises(UserError, match="check the endpoint"):
        place.read_bytes()
    assert time.monotonic() - begun < 2
    sent = pickle.loads(pickle.dumps(place))  # as Ray does
    assert sent == place
    assert sent.read_bytes() == SMALL
    assert time.monotonic() - begun > 2


def test_ctrl_c_ends_the_waiting() -> None:
    answers = iter([ConnectionResetError(), KeyboardInterrupt()])

    def operation() -> None:
        raise next(answers)

    with pytest.raises(KeyboardInterrupt):
        patiently(operation, "s3://bucket/x", "read", 600)


def test_google_storage_is_read_and_written_over_faults(
    gcs: Location, gcs_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gcs / "x").write_bytes(SMALL)
    with faulty(gcs_endpoint) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.endpoint)
        assert gcs.exists()
        proxy.fail_each(["truncated"])
        assert (gcs / "x").read_bytes() == SMALL
        assert (gcs / "x").size() == len(SMALL)
        proxy.fail_each(["503"])
        (gcs / "y").write_bytes(b"new")
        assert [info.path for info in gcs.list()] == ["x", "y"]
        assert proxy.faults >= 4


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionResetError(), True),
        (OSError("AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 56"), True),
        (OSError("AWS Error UNKNOWN (HTTP status 502) during GetObject operation"), True),
        (OSError("AWS Error UNKNOWN (HTTP status 400) during GetObject operation"), False),
        (OSError("google::cloud::Status(UNAVAILABLE: Retry policy exhausted, with a last message of x)"), True),
        (OSError("google::cloud::Status(PERMISSION_DENIED: no)"), False),
        (OSError("Unexpected end of stream"), False),
        (google.ServiceUnavailable("x"), True),
        (google.TooManyRequests("x"), True),
        (google.RetryError("x", None), True),
        (google.MethodNotImplemented("x"), False),
        (google.Forbidden("x"), False),
        (ClientError({"Error": {"Code": "SlowDown"}}, "PutObject"), True),
        (ClientError({"Error": {"Code": "?"}, "ResponseMetadata": {"HTTPStatusCode": 599}}, "PutObject"), True),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject"), False),
        (ClientError({"Error": {"Code": "NotImplemented"}}, "PutObject"), False),
        (RetriesExceededError(IncompleteReadError(actual_bytes=1, expected_bytes=2)), True),
        (UserError("x"), False),
        (FileNotFoundError(), False),
    ],
    ids=repr,
)
def test_what_may_pass(error: Exception, passes: bool) -> None:
    assert (passing(error) is not None) == passes
