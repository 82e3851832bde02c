"""What ``raytrain prepare`` prints: one readable table, whatever the languages, the reasons and the terminal."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_account import REASONS, corpus_account, manifest_of, rows

from jobs import small_job, write_corpus, write_held_out
from raytrain.artifact import Artifact, File
from raytrain.corpus.config import Decontaminate
from raytrain.jobfile import job_from
from raytrain.pipeline import Task, run
from raytrain.report.account import most_read_first
from raytrain.report.prepared import REST, print_prepared
from raytrain.stages.benchmark import BENCHMARK
from raytrain.stages.prepare import prepare_task
from raytrain.storage import Location
from raytrain.study.results import CorpusAccount

LABELS = [f"{a}{b}{c}" for a in "abcde" for b in "lmnop" for c in "xyz"]  # 75
MANY = {
    label: rows(
        10**7 // (i + 1), {reason: 10**6 // (i + 1) // (j + 1) for j, reason in enumerate(REASONS) if i % (j + 1) == 0}
    )
    for i, label in enumerate(LABELS)
}


def artifact_of(corpus: CorpusAccount, files: tuple[str, ...] = (), searched: bool = True) -> Artifact:
    rules = Decontaminate().model_dump(mode="json") if searched else False
    manifest = manifest_of(corpus, ("benchmark",), rules)
    named = [File(path=path, size=1, sha256="00") for path in files]
    return Artifact(Location.of("s3://bucket/root/prepare/1f3a"), manifest.model_copy(update={"files": named}))


def printed(artifact: Artifact, width: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    written = io.StringIO()
    print_prepared(Console(file=written, width=width), artifact)
    return [*written.getvalue().splitlines(), *capsys.readouterr().out.splitlines()]


def cells(lines: list[str], name: str) -> list[str]:
    return next(line.split() for line in lines if line.split()[:1] == [name])


def number(text: str) -> int:
    return 0 if text == "–" else int(text.replace(",", ""))


@pytest.mark.parametrize("width", [80, 120, 200, 500])
def test_75_languages_are_a_line_each_that_adds_up(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = corpus_account(MANY)
    lines = printed(artifact_of(corpus), width, capsys)
    table = [line for line in lines if line.split()[:1] and line.split()[0] in {*LABELS, "all"}]
    assert [line.split()[0] for line in table] == [*most_read_first(corpus), "all"]
    assert all(len(line) <= width for line in table)
    for line in table:
        _, taken, kept, share, *dropped = line.split()
        assert number(taken) == number(kept) + sum(map(number, dropped))
        assert float(share) == pytest.approx(100 * number(kept) / number(taken), abs=0.051)


@pytest.mark.parametrize("width", [80, 120, 500])
def test_reasons_without_room_are_told_below(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(artifact_of(corpus_account(MANY)), width, capsys)
    below = [line for line in lines if line.startswith(f"{REST}: ")]
    assert bool(below) == (width < 500)
    if below:
        told = dict(re.findall(r"([a-z ]+?) ([\d,]+)(?:, |$)", below[0].removeprefix(f"{REST}: ")))
        assert sum(map(number, told.values())) == number(cells(lines, "all")[-1])
        shown = len(cells(lines, "all")) - 5
        assert shown >= 2
        assert len(told) + shown == len(REASONS)


def test_columns_only_for_reasons_that_occur(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(artifact_of(corpus_account({"eng": rows(9, {"near_duplicate": 1})})), 120, capsys)
    assert cells(lines, "eng") == ["eng", "10", "9", "90.0", "1"]
    assert not any("short" in line or REST in line for line in lines)
    assert cells(printed(artifact_of(corpus_account({"eng": rows(9, {})})), 120, capsys), "all")[3:] == ["100.0"]


def test_it_says_what_was_not_searched_and_where_bad_rows_lie(capsys: pytest.CaptureFixture[str]) -> None:
    corpus = corpus_account({"eng": rows(9, {"not_json": 1})})
    lines = printed(artifact_of(corpus, ("quarantine/000000.parquet",), searched=False), 40, capsys)
    assert lines[-2:] == [
        "not searched for texts of benchmarks",
        "quarantine: s3://bucket/root/prepare/1f3a/quarantine",
    ]
    nothing = printed(artifact_of(corpus), 120, capsys)
    assert nothing[-1] == "found of the benchmarks, and removed: 0 pairs"


@pytest.mark.usefixtures("local_ray")
def test_what_prepare_did_is_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held_out = write_held_out(tmp_path / "eval", languages=("fin",), questions=20)
    questions = [json.loads(line)["text"] for line in (held_out / "fin/queries.jsonl").read_text().splitlines()]
    source = write_corpus(tmp_path / "raw", languages=("eng", "fin"), rows=40)
    bad: list[dict[str, Any]] = [{"question": "only asked"}]
    held = [{"question": question, "answer": f"bald und oft {i}"} for i, question in enumerate(questions[:3])]
    with (source / "fin.jsonl").open("a") as file:
        file.write("".join(json.dumps(row) + "\n" for row in bad + held))
    data = small_job(source, tmp_path / "root") | {"evaluate": {"benchmarks": [f"beir:{held_out}"]}}
    job = job_from(data, "test")
    artifact = run([Task.of(BENCHMARK, job), prepare_task(job)], lambda line: None)["prepare"]
    lines = printed(artifact, 120, capsys)
    assert cells(lines, "fin") == ["fin", "44", "40", "90.9", "1", "3"]
    assert cells(lines, "eng") == ["eng", "40", "40", "100.0", "–", "–"]
    assert cells(lines, "all") == ["all", "84", "80", "95.2", "1", "3"]
    assert cells(lines, "beir-eval") == ["beir-eval", "1", "3", "–", "–", "–", "–"]
    assert lines[-1] == f"quarantine: {(artifact.location / 'quarantine').uri}"
