"""The passages of a job, read once on a real Ray: an artifact like a benchmark's, whatever happened meanwhile."""

import gzip
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from jobs import small_job
from raytrain.artifact import Artifact, RowAccount, check_file
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.held_out import held_out_of
from raytrain.index.passages import list_sources, write_source
from raytrain.jobfile import job_from
from raytrain.pipeline import Outcome, Task, root_of, run
from raytrain.stages.passages import PASSAGES
from raytrain.storage import Location

pytestmark = pytest.mark.usefixtures("local_ray")

COUNTS = {"fin": 12_000, "tel": 20, "tam": 9}  # every fifth is empty
TASK = "passages"


def rows(language: str) -> Iterable[dict[str, str]]:
    for i in range(COUNTS[language]):
        yield {"id": f"{language}{i}", "text": "" if i % 5 == 4 else f"{language} passage {i}"}


def kept(language: str) -> dict[str, str]:
    return {row["id"]: row["text"] for row in rows(language) if row["text"]}


def write_raw(place: Location) -> Location:
    data = {language: "".join(json.dumps(row) + "\n" for row in rows(language)).encode() for language in COUNTS}
    (place / "fin/corpus.jsonl.gz").write_bytes(gzip.compress(data["fin"]))
    (place / "fin/queries.jsonl").write_bytes(b"?")
    (place / "tel.jsonl").write_bytes(data["tel"])
    (place / "tam.jsonl").write_bytes(data["tam"])
    return place


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "s3":
        return Location.of(f"s3://{request.getfixturevalue('s3').bucket()}/x")
    return Location.of(str(tmp_path / "x"))


@pytest.fixture
def local(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "x"))


def job(root: Location, *passages: Location, languages: list[str] | None = None, **sections: Any) -> Job:
    index = {"passages": [place.uri for place in passages], "languages": languages}
    return job_from(small_job("demo:cldr", (root / "root").uri) | {"index": index} | sections, "here")


def stage(made: Job, place: Location) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    return PASSAGES.run(made, {}, place, said.append), said


def finish(made: Job) -> tuple[Artifact, list[str]]:
    """Runs the stage as ``raytrain run`` does, to the manifest."""
    said: list[str] = []
    return run([Task.of(PASSAGES, made)], said.append)[TASK], said


def texts(artifact: Artifact) -> dict[str, dict[str, str]]:
    return {f"{part.benchmark}/{part.language}": part.read_passages() for part in held_out_of(artifact)}


def refusal(action: Any, *given: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*given)
    line = str(caught.value)
    assert "\n" not in line
    return line


def versions(place: Location) -> Mapping[str, str]:
    return {info.path: info.version for info in place.list()}


def test_all_languages_of_all_folders(root: Location) -> None:
    raw = write_raw(root / "web pages")
    (root / "more/tam.jsonl").write_bytes(b'{"_id": 1, "title": "a", "answer": "b"}\n')
    made = job(root, raw, root / "more")
    PASSAGES.check(made)
    artifact, said = finish(made)
    assert texts(artifact) == {  # fin in two row groups
        "web_pages/fin": kept("fin"),
        "web_pages/tam": kept("tam"),
        "web_pages/tel": kept("tel"),
        "more/tam": {"1": "a b"},
    }
    assert {(part.questions, part.left_out) for part in held_out_of(artifact)} == {(0, 0)}
    assert said[-1] == "passages: 9,625 in 3 languages; 2,405 empty ones left out"
    assert artifact.manifest.rows == RowAccount(taken=12_030, kept=9_625, dropped={"empty_text": 2_405})
    for file in artifact.manifest.files:
        check_file(artifact, file.path)
    listed = {file.path for file in artifact.manifest.files} | {"manifest.json"}
    assert set(versions(artifact.location)) == listed  # the records are gone
    again, said = finish(made)
    assert (again.manifest, said) == (artifact.manifest, [f"done already: {TASK}"])


def test_nothing_is_dropped_where_nothing_is_empty(local: Location) -> None:
    (local / "raw/fin.jsonl").write_bytes(b'{"id": 1, "text": "x"}\n')
    outcome, _ = stage(job(local, local / "raw"), local / "artifact")
    assert outcome.rows == RowAccount(taken=1, kept=1, dropped={})


def test_chosen_languages(local: Location) -> None:
    raw = write_raw(local / "raw")
    made = job(local, raw, languages=["te", "tam"])
    assert set(texts(finish(made)[0])) == {"raw/tam", "raw/tel"}
    wrong = job(local, raw, languages=["tel", "swe"])
    line = "index.languages: there are no passages of swe; of fin, tam, tel"
    assert refusal(PASSAGES.check, wrong) == refusal(finish, wrong) == line


def test_an_interrupted_stage_goes_on_from_its_records(root: Location) -> None:
    raw, place = write_raw(root / "raw"), root / "artifact"
    made = job(root, raw)
    whole, _ = stage(made, root / "whole")
    sources = {source.language: source for source in list_sources({"raw": raw}, None)[0]}
    write_source(sources["fin"], place)
    before = versions(place)
    assert set(before) == {"raw/fin/passages.parquet", "records/raw/fin.json"}
    outcome, said = stage(made, place)
    assert said[0] == "passages: 1 of 3 languages are there already"
    after = versions(place)
    assert {path: after[path] for path in before} == before
    assert outcome == whole
    again, said = stage(made, place)
    assert said[0] == "passages: 3 of 3 languages are there already"
    assert (again, versions(place)) == (outcome, after)


def test_what_a_crash_leaves_is_not_done(local: Location) -> None:
    """A record without its file, a file without its record, and a file of other bytes."""
    raw, place = write_raw(local / "raw"), local / "artifact"
    made = job(local, raw)
    whole, _ = stage(made, place)
    (place / "raw/fin/passages.parquet").delete()
    (place / "records/raw/tel.json").delete()
    damaged = place / "raw/tam/passages.parquet"
    data = bytearray(damaged.read_bytes())
    data[10] ^= 1
    damaged.write_bytes(bytes(data))
    outcome, said = stage(made, place)
    assert "there already" not in said[0]
    assert outcome == whole
    for file in outcome.files:
        assert (place / file.path).size() == file.size
    assert stage(made, place)[1][0] == "passages: 3 of 3 languages are there already"


def test_what_a_task_cannot_read_is_told_in_one_line_and_the_rest_is_kept(local: Location) -> None:
    raw = write_raw(local / "raw")
    (raw / "tam.jsonl").write_bytes(b'{"id": 1, "text": "x"}\n{"id": 2}\n')
    made = job(local, raw)
    PASSAGES.check(made)  # looks at names only
    line = refusal(stage, made, local / "artifact")
    assert line == f"{raw.uri}/tam.jsonl: line 2 has no text: one of the columns text, answer is needed"
    assert not (local / "artifact/records/raw/tam.json").exists()
    write_raw(local / "raw")
    assert stage(made, local / "artifact")[0] == stage(made, local / "whole")[0]


def test_only_empty_passages(local: Location) -> None:
    (local / "raw/fin.jsonl").write_bytes(b'{"id": 1, "text": " "}\n')
    (local / "raw/tel.jsonl").write_bytes(b"")
    made = job(local, local / "raw")
    line = "index.passages: all passages are empty, so there is nothing to find"
    assert refusal(stage, made, local / "artifact") == line
    assert refusal(finish, made) == line
    assert not any(info.path.endswith("manifest.json") for info in root_of(made).list())


def test_two_folders_of_one_name(local: Location) -> None:
    for folder in ("a/web", "b/web", "beir-web"):
        write_raw(local / folder)
    same = "index.passages: two sources would both be called web: rename a folder"
    twice = job(local, local / "a/web", local / "b/web")
    assert refusal(PASSAGES.check, twice) == refusal(finish, twice) == same
    assert refusal(PASSAGES.check, job(local, local / "a/web", local / "a/web")) == same
    as_benchmark = job(local, local / "beir-web", evaluate={"benchmarks": [f"beir:{local.uri}/a/web"]})
    line = refusal(PASSAGES.check, as_benchmark)
    assert line == "index.passages: two sources would both be called beir-web: rename a folder"


def test_an_empty_folder(root: Location) -> None:
    made = job(root, root / "none")
    for action in (PASSAGES.check, PASSAGES.identity, finish):
        line = refusal(action, made)
        assert line == (
            f"index.passages: {root.uri}/none holds no {{lang}}.parquet or {{lang}}.jsonl[.gz], nor {{lang}}/ of such"
        )


def test_a_folder_called_as_that_of_the_records(local: Location) -> None:
    """That is deleted in the end."""
    raw = write_raw(local / "records")
    artifact, _ = finish(job(local, raw))
    assert texts(artifact) == {f"passages/{language}": kept(language) for language in ("fin", "tam", "tel")}


def test_one_folder_needs_no_list(local: Location) -> None:
    raw = write_raw(local / "raw")
    one = job_from(small_job("demo:cldr", local.uri) | {"index": {"passages": raw.uri}}, "here")
    assert PASSAGES.identity(one) == PASSAGES.identity(job(local, raw))


def test_other_files_or_languages_are_another_artifact(local: Location) -> None:
    raw = write_raw(local / "raw")
    made = job(local, raw)
    before = PASSAGES.identity(made)
    assert PASSAGES.identity(made) == before
    assert PASSAGES.identity(job(local, raw, languages=["fin"])) != before
    (raw / "fin/queries.jsonl").write_bytes(b"others")
    assert PASSAGES.identity(made) == before
    (raw / "tel.jsonl").write_bytes(b'{"id": 1, "text": "x"}\n')
    assert PASSAGES.identity(made) != before
    first = finish(made)[0]
    shutil.copy((raw / "tam.jsonl").local_path, (raw / "tel.jsonl").local_path)
    assert finish(made)[0].location != first.location
