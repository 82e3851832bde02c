"""The first phase: every row that was read is in one run or has a reason why not."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from phases import RUN_ROWS, make_small, rules_of, units_of

from raytrain.corpus.exchange import partitions_in, read_partitions
from raytrain.corpus.prepare import prepare
from raytrain.corpus.runs import BANDS, EXACT, RUN
from raytrain.corpus.screen import screen
from raytrain.corpus.work import Screened, Work, first_row_id, partition_counts, slices_of
from raytrain.errors import UserError
from raytrain.storage import Location

ROWS = 500
COLUMNS = {"runs": RUN, "exact": EXACT, "bands": BANDS}


def bitext(folder: Path) -> Path:
    """Row groups of half a run: a cut in the middle of the file, and rows of two labels in every run."""
    names = ("question1", "answer1", "question2", "answer2")
    rows = [{name: f"{name} of {number}" for name in names} for number in range(ROWS)]
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "deu-eng.parquet", row_group_size=RUN_ROWS // 2)
    return folder


def screened(source: Path, to: Path, **config: Any) -> tuple[Work, list[Screened]]:
    rules = rules_of(source, **config)
    units = units_of(rules)
    work = Work(Location.of(str(to)), rules, partition_counts(units))
    return work, [screen(part, work, None) for part in slices_of(units)]


def in_partitions(phase: str, work: Work, records: list[Screened]) -> list[tuple[str, str, dict[str, Any]]]:
    """The run, the partition and the values of every row that a phase's files hold."""
    found = []
    for run in (run for record in records for run in record.runs):
        place = work.place(phase, run)
        for name in partitions_in(place):
            [part] = read_partitions(place, [name], COLUMNS[phase].names)
            found += [(run, name, row) for row in part.table.to_pylist()]
    return found


def test_every_row_is_in_one_run_and_in_the_partition_of_its_label_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(monkeypatch)
    work, records = screened(bitext(tmp_path / "raw"), tmp_path / "work")
    assert len(records) > 2
    assert all(len(record.runs) > 1 for record in records[:-1])
    rows = in_partitions("runs", work, records)
    # Each pair once, question1 with answer2 in deu-eng and the other way round in eng-deu.
    texts = sorted((row["language"], row["question"], row["answer"]) for _, _, row in rows)
    there = [("deu-eng", f"question1 of {i}", f"answer2 of {i}") for i in range(ROWS)]
    assert texts == sorted(there + [("eng-deu", f"question2 of {i}", f"answer1 of {i}") for i in range(ROWS)])
    assert {label: work.partition_count(label) for label in ("deu-eng", "eng-deu")} == {"deu-eng": 16, "eng-deu": 16}
    assert all(name == f"{row['language']}.{row['key'] >> 60:05d}" for _, name, row in rows)
    counted = Counter((run, name) for run, name, _ in rows)
    assert counted == {
        (run, n): rows for record in records for run, of in record.runs.items() for n, rows in of.items()
    }


def test_what_rows_are_compared_by_is_in_the_partition_of_its_label_and_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(monkeypatch)
    work, records = screened(bitext(tmp_path / "raw"), tmp_path / "work")
    numbers: dict[str, int] = {}
    labels = {}
    for run, _, row in in_partitions("runs", work, records):  # rows of a run are numbered as its file has them
        numbers[run] = numbers.get(run, first_row_id(run) - 1) + 1
        labels[numbers[run]] = row["language"], row["key"], row["content"]
    relations = in_partitions("exact", work, records)
    bands = in_partitions("bands", work, records)
    for run, name, row in relations + bands:
        assert row["row"] >> 32 == first_row_id(run) >> 32
        assert name == f"{labels[row['row']][0]}.{row['hash'] >> 60:05d}"
    assert all((row["key"], row["content"]) == labels[row["row"]][1:] for _, _, row in relations)
    # Each row once by its id and once by its question, and as often as any other by its bands.
    assert Counter(row["row"] for _, _, row in relations) == dict.fromkeys(labels, 2)
    assert set(Counter(row["row"] for _, _, row in bands).values()) == {len(bands) // len(labels)}


def test_of_a_bitext_only_the_wanted_label_stays(tmp_path: Path) -> None:
    work, [record] = screened(bitext(tmp_path / "raw"), tmp_path / "work", languages=["eng-deu"])
    assert {row["language"] for _, _, row in in_partitions("runs", work, [record])} == {"eng-deu"}
    accounts = {label: (account.taken, account.dropped) for label, account in record.labels.items()}
    assert accounts == {"deu-eng": (ROWS, {"language_not_wanted": ROWS}), "eng-deu": (ROWS, {})}
    assert set(record.text_bytes) == {"eng-deu"}
    _, [whole] = screened(tmp_path / "raw", tmp_path / "whole")
    assert [account.dropped for account in whole.labels.values()] == [{}, {}]


def spoilt(folder: Path, bad: int) -> Path:
    """100 rows, the last ``bad`` of them of no use."""
    rows = [{"question": f"who is {i}", "answer": f"number {i}" if i < 100 - bad else 7} for i in range(100)]
    folder.mkdir()
    (folder / "eng.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_bad_rows_go_to_files_of_some_rows_and_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)
    monkeypatch.setattr("raytrain.corpus.screen.BAD_ROWS", 30)
    work, [record] = screened(spoilt(tmp_path / "raw", 70), tmp_path / "work")
    tables = [pq.read_table((work.folder / file.path).open_input()) for file in record.quarantine]
    assert len({file.path for file in record.quarantine}) == len(tables) > 1
    assert pa.concat_tables(tables).column("row").to_pylist() == list(range(30, 100))
    assert record.bad == record.labels["eng"].dropped == {"mistyped_answer": 70}
    assert sum(rows for partitions in record.runs.values() for rows in partitions.values()) == 30


def test_too_many_bad_rows_stop_a_run_that_goes_on(tmp_path: Path) -> None:
    """How many rows a JSONL file has is known only at its end, and all of this one was read before."""
    work, records = screened(spoilt(tmp_path / "raw", 20), tmp_path / "work", max_bad_fraction=0.19)
    for record in records:
        work.place("screened", record.slice).write_bytes(record.model_dump_json().encode())
    with pytest.raises(UserError, match=r"20 of 100 rows read can't be used \(mistyped_answer 20\), .* allows 0\.19"):
        prepare(units_of(work.config), work.folder, work.config, ())
