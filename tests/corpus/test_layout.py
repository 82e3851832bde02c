"""How rows that stay are cut into shards: by rows, or by bytes where rows are long."""

from pathlib import Path

import pyarrow as pa

from raytrain.corpus.config import Corpus
from raytrain.corpus.layout import count_kept, shard_tasks
from raytrain.corpus.pairs import LABELLED_PAIRS
from raytrain.corpus.runs import text_bytes
from raytrain.corpus.work import LabelAccount, Runs, Screened, Work
from raytrain.storage import Location


def screened(rows: int, bytes_a_row: int, dropped: int) -> Screened:
    return Screened(
        slice="000000",
        runs={"000000-00000": {"eng.00000": rows}},
        labels={"eng": LabelAccount(taken=rows + dropped, dropped={"answer_short": dropped})},
        bad={},
        matches={},
        quarantine=[],
        text_bytes={"eng": rows * bytes_a_row},
        training_rows=True,
    )


def shards_of(folder: Path, rows: int, bytes_a_row: int) -> tuple[int, list[int]]:
    work = Work(Location.of(str(folder)), Corpus(source=["x"], shard_rows=1_000), {"eng": 1})
    counted = count_kept("eng", work, Runs((screened(rows, bytes_a_row, 500),)), {"eng.00000": {"near_duplicate": 10}})
    assert counted.dropped == {"near_duplicate": 10}
    return counted.shard_rows, [task.row_count for task in shard_tasks(counted)]


def test_shards_have_the_rows_that_were_asked_for(tmp_path: Path) -> None:
    assert shards_of(tmp_path, 2_510, 400) == (1_000, [2_500])


def test_long_rows_go_fewer_to_a_shard(tmp_path: Path) -> None:
    assert shards_of(tmp_path, 1_010, 1 << 20) == (256, [256, 256, 256, 232])


def test_all_texts_of_a_row_count() -> None:
    rows = [
        {"id": "a", "question": "äb", "answer": "c", "positives": ["de", "f"], "negatives": ["gh"], "language": "deu"},
        {"id": "b", "question": "q", "answer": "a", "positive_scores": [1.0], "language": "eng"},
        {"id": "c", "question": "q", "answer": "a", "negatives": [], "language": "deu"},
    ]
    assert text_bytes(pa.Table.from_pylist(rows, LABELLED_PAIRS)) == {"deu": 1 + 3 + 1 + 3 + 2 + 3, "eng": 3}
