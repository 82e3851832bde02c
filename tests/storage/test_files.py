"""Reading, writing, listing and deleting, the same in every kind of storage."""

import hashlib
import http.client
import os
import pickle
import posixpath
import time
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytrain.errors import FileMissingError
from raytrain.storage import FileInfo, Location, sha256_file


def paths(files: list[FileInfo]) -> list[str]:
    return [file.path for file in files]


def test_round_trip(place: Location) -> None:
    file = place / "deep/er/a.txt"
    assert not file.exists()
    file.write_bytes("grüß".encode())
    assert file.read_text() == "grüß"
    assert file.size() == 6
    assert file.exists()
    assert place.exists()
    file.write_bytes(b"")
    assert file.read_bytes() == b""
    file.delete()
    assert not file.exists()


def test_listing(place: Location) -> None:
    assert place.list() == []
    assert not place.exists()
    for name in ("b.txt", "a/z.txt", "a/é ñ.txt", "a.txt", "a-b.txt", ".tmp-left-by-a-crash", "a/.tmp-1"):
        (place / name).write_bytes(name.encode())
    found = place.list()
    assert paths(found) == ["a-b.txt", "a.txt", "a/z.txt", "a/é ñ.txt", "b.txt"]
    assert [file.size for file in found] == [len(path.encode()) for path in paths(found)]
    assert paths(place.list(recursive=False)) == ["a-b.txt", "a.txt", "b.txt"]
    assert paths((place / "a").list()) == ["z.txt", "é ñ.txt"]
    assert all((place / file.path).read_bytes() == file.path.encode() for file in found)


def test_a_name_that_begins_alike_is_no_folder(place: Location) -> None:
    (place / "run-1/x").write_bytes(b"")
    assert not (place / "run").exists()
    assert (place / "run").list() == []


def test_version_changes_when_content_is_replaced(place: Location) -> None:
    file = place / "x"
    seen = set()
    for content in (b"one", b"two", b"six", b"ten"):
        file.write_bytes(content)
        (info,) = place.list()
        assert place.list() == [info]
        seen.add(info.version)
    assert len(seen) == 4


def test_a_file_just_written_was_modified_about_now(place: Location) -> None:
    (place / "x").write_bytes(b"x")
    (info,) = place.list()
    assert abs(time.time() - info.modified) < 60
    assert place.list(recursive=False) == [info]


def test_upload_and_download(place: Location, tmp_path: Path) -> None:
    data = os.urandom(20 << 20)  # large enough for S3 to take it in parts
    source = tmp_path / "source"
    source.write_bytes(data)
    remote = place / "data.bin"
    remote.upload(source)
    assert remote.size() == len(data)
    assert sha256_file(remote) == hashlib.sha256(data).hexdigest()
    target = tmp_path / "new folder" / "target"
    remote.download(target)
    assert target.read_bytes() == data
    assert os.listdir(target.parent) == ["target"]


def test_a_failed_download_leaves_the_old_file(place: Location, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(FileMissingError):
        (place / "missing").download(target)
    assert target.read_bytes() == b"old"
    assert [name for name in os.listdir(tmp_path) if name.startswith(".tmp-")] == []


def test_random_access(place: Location) -> None:
    (place / "x").write_bytes(b"0123456789")
    with (place / "x").open_input() as file:
        assert file.size() == 10
        assert file.read_at(3, 4) == b"456"


def test_filesystem_for_parquet_survives_pickling(place: Location) -> None:
    table = pa.table({"text": ["a", "ü"]})
    file = place / "t.parquet"
    place.filesystem.create_dir(place.path)
    pyarrow.parquet.write_table(table, file.path, filesystem=file.filesystem)
    copy = pickle.loads(pickle.dumps(file.filesystem))
    assert pyarrow.parquet.read_table(file.path, filesystem=copy) == table
    assert paths(place.list()) == ["t.parquet"]


def test_delete_tree(place: Location) -> None:
    for name in ("run/a", "run/b/c", "run/.tmp-1", "run-2/a"):
        (place / name).write_bytes(b"x")
    (place / "run").delete_tree()
    assert paths(place.list()) == ["run-2/a"]
    assert not (place / "run").exists()


def test_deleting_what_is_not_there_is_fine(place: Location) -> None:
    (place / "missing").delete()
    (place / "missing").delete_tree()


def test_more_objects_than_one_page_holds(s3_place: Location, s3: Any) -> None:
    server = http.client.HTTPConnection(s3.endpoint.removeprefix("http://"))  # much quicker than boto3
    for number in range(1005):
        server.request("PUT", f"/{s3_place.path}/{number:04}", body=b"")
        server.getresponse().read()
    assert paths(s3_place.list()) == [f"{number:04}" for number in range(1005)]
    s3_place.delete_tree()
    assert s3_place.list() == []


def test_strange_names_of_other_tools_are_deleted(s3_place: Location, s3: Any) -> None:
    bucket, prefix = s3_place.path.split("/", 1)
    for name in ("bell\a", "tab\t", "plain"):
        s3.client().put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=b"")
    assert paths(s3_place.list()) == ["bell\a", "plain", "tab\t"]
    s3_place.delete_tree()
    assert s3_place.list() == []


def test_folder_markers_of_other_tools_are_not_listed(s3_place: Location, s3: Any) -> None:
    bucket, prefix = s3_place.path.split("/", 1)
    for key in (f"{prefix}/", f"{prefix}/sub/"):
        s3.client().put_object(Bucket=bucket, Key=key, Body=b"")
    assert s3_place.list() == []


def test_no_folder_markers_are_made(s3_place: Location, s3: Any) -> None:
    (s3_place / "a/b").write_bytes(b"")
    found = s3.client().list_objects_v2(Bucket=s3_place.path.split("/")[0])["Contents"]
    assert [item["Key"] for item in found] == ["folder/a/b"]


def test_links_on_local_disk_are_followed(tmp_path: Path) -> None:
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/sub/x").write_bytes(b"1")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/linked").symlink_to(tmp_path / "data")
    (tmp_path / "data/sub/round").symlink_to(tmp_path / "run")
    assert paths(Location.of(str(tmp_path / "run")).list()) == ["linked/sub/x"]


def test_local_files_get_the_mode_the_umask_asks_for(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Location.of(str(tmp_path / "a")).write_bytes(b"")
        Location.of(str(tmp_path / "b")).put_if_absent(b"")
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in "ab"} == {0o640}


_PARTS = st.text(
    st.characters(exclude_characters="/", exclude_categories=("Cs", "Cn", "Cc")), min_size=1, max_size=40
).filter(lambda part: part not in (".", "..") and not part.startswith(".tmp-") and len(part.encode()) < 200)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(parts=st.lists(_PARTS, min_size=1, max_size=3), data=st.binary(max_size=100))
def test_any_name_goes_round(strict_place: Location, parts: list[str], data: bytes) -> None:
    folder = strict_place / uuid.uuid4().hex
    name = posixpath.join(*parts)
    (folder / name).write_bytes(data)
    assert paths(folder.list()) == [name]
    assert (folder / name).read_bytes() == data
    with (folder / name).open_input() as file:
        assert file.read() == data
    folder.delete_tree()
    assert folder.list() == []
