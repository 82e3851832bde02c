"""Artifacts: the manifest makes them, the first writer's counts, and damage has a name."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.artifact import (
    FORMAT,
    Artifact,
    File,
    Manifest,
    RowAccount,
    commit,
    digest,
    download_folder,
    library_versions,
    make_manifest,
    new_writer,
    open_artifact,
    read_manifest,
    upload_folder,
)
from raytrain.errors import UserError
from raytrain.storage import Location


def manifest_of(files: dict[str, str], writer: str = "me", rows: RowAccount | None = None) -> Manifest:
    return make_manifest(
        stage="prepare",
        writer=writer,
        identity={"seed": 1},
        config={},
        inputs={},
        files=[File(path=path, size=1, sha256=sha) for path, sha in files.items()],
        content=["data/"],
        rows=rows,
        summary={},
    )


def refusal(action: Any, *args: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*args)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.fixture
def place(tmp_path: Path) -> Location:
    """A folder that does not exist yet."""
    return Location.of(str(tmp_path / "artifact"))


def test_what_is_committed_is_read_back(place: Location) -> None:
    manifest = manifest_of({"data/a": "aa"}, rows=RowAccount(taken=5, kept=3, dropped={"empty": 2}))
    assert commit(place, manifest).manifest == manifest
    assert read_manifest(place) == manifest
    assert open_artifact(place, "key").manifest == manifest


def test_a_folder_without_manifest_is_no_artifact(place: Location) -> None:
    (place / "data/a").write_bytes(b"half")
    assert read_manifest(place) is None
    assert refusal(open_artifact, place, "train.init_from") == (f"train.init_from: no finished artifact at {place.uri}")


def test_a_put_tried_again_finds_its_own_manifest(place: Location) -> None:
    """The client repeats a put whose answer was lost, and then something is there already: our own."""
    manifest = manifest_of({"data/a": "aa"})
    commit(place, manifest)
    assert commit(place, manifest).manifest == manifest


def test_of_two_writers_of_the_same_bytes_the_first_counts(place: Location) -> None:
    commit(place, manifest_of({"data/a": "aa", "log": "1"}, writer="first"))
    there = commit(place, manifest_of({"data/a": "aa", "log": "2"}, writer="second"))
    assert there.manifest.writer == "first"
    assert read_manifest(place) == there.manifest


def test_another_writer_with_other_bytes_is_refused(place: Location) -> None:
    first = manifest_of({"data/a": "aa"}, writer="first")
    commit(place, first)
    line = refusal(commit, place, manifest_of({"data/a": "bb"}, writer="second"))
    assert place.uri in line
    assert "other bytes" in line
    assert read_manifest(place) == first


@pytest.mark.parametrize(
    "rows",
    [
        RowAccount(taken=5, kept=4),
        RowAccount(taken=5, kept=4, dropped={"empty": 2}),
        RowAccount(taken=5, kept=6),
        RowAccount(taken=5, kept=3, dropped={"empty": 1, "missing": 2}),
    ],
)
def test_rows_that_do_not_add_up_are_refused_and_nothing_is_written(place: Location, rows: RowAccount) -> None:
    line = refusal(commit, place, manifest_of({"data/a": "aa"}, rows=rows))
    assert "don't add up" in line
    assert place.uri in line
    assert place.list() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"x"', "{}", '{"format": 1}', '{"format": 1, "x": 2}'])
def test_a_manifest_that_is_none_is_refused_by_name(place: Location, text: str) -> None:
    (place / "manifest.json").write_bytes(text.encode())
    assert f"{place.uri}/manifest.json" in refusal(read_manifest, place)


def test_a_cut_manifest_is_refused(place: Location) -> None:
    whole = manifest_of({"data/a": "aa"}).model_dump_json(indent=1).encode()
    for length in range(0, len(whole) - 1, 37):
        (place / "manifest.json").write_bytes(whole[:length])
        assert "no valid manifest; delete the folder to build it again" in refusal(read_manifest, place)


def test_a_manifest_that_is_no_text_is_refused_by_name(place: Location) -> None:
    (place / "manifest.json").write_bytes(b"\xff\xfe\xfa")
    assert f"{place.uri}/manifest.json" in refusal(read_manifest, place)


def test_an_unknown_key_in_a_manifest_is_refused(place: Location) -> None:
    data = json.loads(manifest_of({}).model_dump_json()) | {"surprise": 1}
    (place / "manifest.json").write_bytes(json.dumps(data).encode())
    assert "no valid manifest" in refusal(read_manifest, place)


def test_a_newer_format_is_refused_and_says_so(place: Location) -> None:
    data = {"format": FORMAT + 1, "anything": "else"}
    (place / "manifest.json").write_bytes(json.dumps(data).encode())
    assert f"format {FORMAT + 1}, and this raytrain reads {FORMAT}" in refusal(read_manifest, place)


@pytest.fixture
def stored(tmp_path: Path, place: Location) -> Artifact:
    """An artifact of some real files."""
    local = tmp_path / "local"
    for name, data in {"config.json": b"{}", "deep/er/weights": bytes(range(256)), "empty": b""}.items():
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_bytes(data)
    files = [*upload_folder(local, place, "model"), *upload_folder(local / "deep", place, "models")]
    manifest = manifest_of({}).model_copy(update={"files": files})
    return commit(place, manifest)


def test_a_folder_goes_up_and_comes_down(stored: Artifact, tmp_path: Path) -> None:
    down = download_folder(stored, "model", tmp_path / "down")
    assert (down / "deep/er/weights").read_bytes() == bytes(range(256))
    assert (down / "empty").read_bytes() == b""
    found = sorted(p.relative_to(down).as_posix() for p in down.rglob("*") if p.is_file())
    assert found == ["config.json", "deep/er/weights", "empty"]  # and nothing of models/


def test_a_flipped_byte_is_noticed_and_its_file_named(stored: Artifact, tmp_path: Path) -> None:
    damaged = stored.location / "model/deep/er/weights"
    data = bytearray(damaged.read_bytes())
    data[200] ^= 1
    damaged.write_bytes(bytes(data))
    line = refusal(download_folder, stored, "model", tmp_path / "down")
    assert f"{damaged.uri}: damaged" in line
    assert stored.location.uri in line


def test_a_lost_file_is_named(stored: Artifact, tmp_path: Path) -> None:
    (stored.location / "model/config.json").delete()
    assert "model/config.json" in refusal(download_folder, stored, "model", tmp_path / "down")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=10,
)


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(inner) for key, inner in reversed(value.items())}
    return [reversed_keys(inner) for inner in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(PLAIN)
def test_a_digest_does_not_see_the_order_of_keys(value: Any) -> None:
    assert digest(value) == digest(reversed_keys(value))
    assert len(digest(value)) == 16


@settings(deadline=None)
@given(PLAIN, PLAIN)
def test_a_digest_tells_values_apart(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


def test_content_depends_on_counted_files_alone() -> None:
    files = {"data/a": "aa", "data/b": "bb", "data.bak": "x", "quarantine/q": "y"}
    content = manifest_of(files).content
    assert manifest_of({**files, "data.bak": "other"}).content == content
    assert manifest_of({"data/a": "aa", "data/b": "bb"}).content == content
    assert manifest_of(dict(reversed(files.items())), writer="someone else").content == content
    assert manifest_of({**files, "data/a": "ab"}).content != content
    assert manifest_of({**files, "data/c": "cc"}).content != content
    assert manifest_of({"data/a": "bb", "data/b": "aa"}).content != content


def test_the_hash_is_that_of_the_identity() -> None:
    assert manifest_of({}).hash == digest({"seed": 1})


def test_writers_differ_and_versions_are_those_installed() -> None:
    assert new_writer() != new_writer()
    assert set(library_versions()) >= {"raytrain", "torch", "pyarrow"}
    assert "not installed" not in library_versions().values()
