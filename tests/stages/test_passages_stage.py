"""The stage passages on a real Ray: all languages, those that are there already, and what the identity is of."""

import json
from pathlib import Path

import pytest

from jobs import small_job
from raytrain.artifact import RowAccount
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.stages.chain import chain
from raytrain.stages.passages import PASSAGES
from raytrain.storage import Location

pytestmark = pytest.mark.usefixtures("local_ray")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "wiki").mkdir()
    for language in ("fin", "swa", "tel"):
        rows = [{"id": f"{i}", "text": f"{language} {i}" if i else ""} for i in range(5)]
        (tmp_path / "wiki" / f"{language}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return job_of(tmp_path)


def job_of(tmp_path: Path, **index: object) -> Job:
    data = small_job(tmp_path / "raw", tmp_path / "root") | {"index": {"passages": str(tmp_path / "wiki"), **index}}
    return job_from(data, "test")


def test_all_languages_are_kept_and_accounted_for(tmp_path: Path, job: Job) -> None:
    said: list[str] = []
    outcome = PASSAGES.run(job, {}, Location.of(str(tmp_path / "out")), said.append)
    assert outcome.rows == RowAccount(taken=15, kept=12, dropped={"empty_text": 3})
    part = {"questions": 0, "passages": 4, "left_out": 0}
    assert outcome.summary == {"benchmarks": {"wiki": {"fin": part, "swa": part, "tel": part}}}
    assert [file.path for file in outcome.files] == [f"wiki/{lang}/passages.parquet" for lang in ("fin", "swa", "tel")]
    assert said == ["passages: 12 in 3 languages; 3 empty ones left out"]


def test_what_is_there_is_not_read_again_and_what_is_damaged_is(tmp_path: Path, job: Job) -> None:
    place = Location.of(str(tmp_path / "out"))
    first = PASSAGES.run(job, {}, place, lambda line: None)
    written = {lang: (place / f"wiki/{lang}/passages.parquet").local_path for lang in ("fin", "swa", "tel")}
    before = {lang: path.stat().st_mtime_ns for lang, path in written.items()}
    (place / "records/wiki/fin.json").delete()
    written["tel"].write_bytes(written["tel"].read_bytes()[:-1])
    said: list[str] = []
    assert PASSAGES.run(job, {}, place, said.append).files == first.files
    assert said[0] == "passages: 1 of 3 languages are there already"
    assert written["swa"].stat().st_mtime_ns == before["swa"]
    assert written["fin"].stat().st_mtime_ns != before["fin"]


def test_what_tells_one_from_another(tmp_path: Path, job: Job) -> None:
    before = PASSAGES.identity(job)
    assert PASSAGES.identity(job_of(tmp_path, kind="Flat")) == before
    assert PASSAGES.identity(job_of(tmp_path, languages=["fin"])) != before
    file = tmp_path / "wiki/fin.jsonl"
    file.write_text(file.read_text() + "\n")
    assert PASSAGES.identity(job) != before


def test_a_bad_row_stops_the_stage_in_one_line(tmp_path: Path, job: Job) -> None:
    (tmp_path / "wiki/swa.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(UserError) as caught:
        PASSAGES.run(job, {}, Location.of(str(tmp_path / "out")), lambda line: None)
    assert f"{tmp_path}/wiki/swa.jsonl: line 1 has no text" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_sources_of_one_name_and_languages_that_are_not_there(tmp_path: Path, job: Job) -> None:
    twice = job_of(tmp_path, passages=[str(tmp_path / "wiki"), str(tmp_path / "old/wiki")])
    with pytest.raises(UserError, match="two sources would both be called wiki: rename a folder"):
        PASSAGES.check(twice)
    with pytest.raises(UserError, match=r"index\.languages: there are no passages of deu"):
        PASSAGES.check(job_of(tmp_path, languages=["deu"]))
    empty = job_of(tmp_path, languages=["fin"])
    (tmp_path / "wiki/fin.jsonl").write_text('{"id": "a", "text": " "}\n')
    with pytest.raises(UserError, match="all passages are empty"):
        PASSAGES.run(empty, {}, Location.of(str(tmp_path / "out")), lambda line: None)


def test_a_job_with_passages_alone_goes_to_an_index(job: Job) -> None:
    tasks = {task.name: task for task in chain(job)}
    assert list(tasks)[-3:] == ["export", "passages-embed", "index"]
    assert tasks["passages-embed"].inputs == {"passages": "passages", "export": "export"}
    assert tasks["index"].inputs == {"embed": "passages-embed", "export": "export", "passages": "passages"}
