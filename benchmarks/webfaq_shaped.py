"""Makes corpora in the shape of WebFAQ of which it is known, row by row, what prepare must do.

    .venv/bin/python benchmarks/webfaq_shaped.py FOLDER [--pairs 250000] [--seed 1]

FOLDER/pairs holds {lang}.parquet or {lang}/part-N.parquet with the columns of WebFAQ v1, FOLDER/eval a BEIR folder for
some languages, and FOLDER/truth/{lang}.parquet a line for every row (schema TRUTH). The fates: keep; drop, for the
reason given; one: of all rows of its group exactly one stays. Texts are words of CLDR, drawn at random from those by
which fastText tells the language; what the packaged model rejects is drawn again.
"""

import argparse
import json
import multiprocessing
import random
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from planted import KINDS, ONE, Desk, Drawn, id_of
from voices import voice_of

from raytrain.languages import to_iso639_3

# The largest, in percent of all rows (arXiv 2502.20936); the tail falls with the square of the rank.
SHARES = {
    "en": 51.2,
    "de": 6.9,
    "es": 6.0,
    "fr": 4.8,
    "ru": 3.8,
    "nl": 2.8,
    "it": 2.7,
    "ja": 2.6,
    "pl": 1.7,
    "pt": 1.7,
    "tr": 1.5,
}
TAIL = re.findall(
    r"\w+",
    "fa sv ar da zh vi id ko hi cs fi el ro uk hu he no bg sk th ca hr lt sr sl et lv bn eu ta mr ur ka te az sq ml is "
    "kk gu gl kn hy be mk ne si af mn uz cy km my pa ky am ga eo lo lb tg fy tk ku",
)
LANGUAGES = (*SHARES, *TAIL)  # as fastText calls them
WITH_BENCHMARK = (*LANGUAGES[:20], "fi", "bn", "te", "th", "is")
FEWEST_ROWS = 150
PART_ROWS = 25_000
DEFERRED = 0.3  # of the rows of a group go into the next part, so that duplicates are in other files too
UNLEAKED = 50  # questions of a benchmark that are in no row

TRUTH = pa.schema(
    [
        ("language", pa.string()),
        ("file", pa.string()),  # below FOLDER/pairs
        ("row", pa.int64()),  # in the file, from 0
        ("id", pa.string()),
        ("kind", pa.string()),
        ("fate", pa.string()),
        ("reason", pa.string()),
        ("group", pa.int64()),  # rows of a language that belong together
        ("jaccard", pa.float64()),  # the nearest in the group, or the benchmark's text
        ("expected", pa.string()),  # the words of the row once cleaned, where cleaning changes it
    ]
)


@dataclass(frozen=True)
class Truth:
    """What was written: ``languages`` gives the rows of each (ISO 639-3)."""

    pairs: Path
    benchmark: Path
    truth: Path
    languages: Mapping[str, int]


class _Row(NamedTuple):
    kind: str
    group: int
    drawn: Drawn


def rows_by_language(pairs: int, languages: tuple[str, ...] = LANGUAGES) -> dict[str, int]:
    """How many rows each language gets of about ``pairs``; the first takes what rounding leaves."""
    percent = {lid: SHARES.get(lid) or 1.35 * (12 / (rank + 12)) ** 2 for rank, lid in enumerate(TAIL)} | SHARES
    scale = pairs / sum(percent[lid] for lid in languages)
    rows = {lid: max(FEWEST_ROWS, round(percent[lid] * scale)) for lid in languages}
    rows[languages[0]] = max(FEWEST_ROWS, rows[languages[0]] + pairs - sum(rows.values()))
    return rows


def write(folder: Path, pairs: int, seed: int, languages: tuple[str, ...] = LANGUAGES, workers: int = 2) -> Truth:
    """Writes pairs, benchmark and truth; the same for the same arguments, whatever the number of workers."""
    rows = rows_by_language(pairs, languages)
    truth = Truth(folder / "pairs", folder / "eval", folder / "truth", {to_iso639_3(lid): n for lid, n in rows.items()})
    for place in (truth.pairs, truth.benchmark, truth.truth):
        place.mkdir(parents=True)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(_write_language, folder, seed), rows, rows.values()))
    return truth


def _write_language(folder: Path, seed: int, lid: str, total: int) -> None:
    other = LANGUAGES[(LANGUAGES.index(lid) + 1) % len(LANGUAGES)]
    desk = Desk(voice_of(lid), voice_of(other), random.Random(f"{seed} {lid}"))
    language, parts = to_iso639_3(lid), -(-total // PART_ROWS)
    waiting: list[_Row] = []
    groups = iter(range(total))
    with pq.ParquetWriter(folder / f"truth/{language}.parquet", TRUTH) as truth:
        for part in range(parts):
            size = total * (part + 1) // parts - total * part // parts
            rows, waiting = _part(desk, size, waiting, groups, last=part == parts - 1)
            name = f"{language}.parquet" if parts == 1 else f"{language}/part-{part}.parquet"
            (folder / "pairs" / name).parent.mkdir(exist_ok=True)
            ids = [row.drawn.id or id_of(row.drawn.question, row.drawn.answer) for row in rows]
            if part == 0:  # the same in every language, where it is no duplicate
                ids[next(i for i, row in enumerate(rows) if row.kind == "clean")] = id_of("in", "every language")
            pq.write_table(_webfaq(rows, ids, desk.rng), folder / "pairs" / name)
            truth.write_table(_known(rows, ids, language, name))
    if desk.leaks:
        _write_benchmark(folder / "eval" / language, desk)


def _part(
    desk: Desk, size: int, waiting: list[_Row], groups: Iterator[int], *, last: bool
) -> tuple[list[_Row], list[_Row]]:
    """The rows of a file, shuffled, and those that wait for the next."""
    rows, later = waiting, list[_Row]()
    for name, kind in KINDS.items():
        if kind.leaks and desk.voice.lid not in WITH_BENCHMARK:
            continue
        made, wanted = 0, size - len(rows) if name == "clean" else max(1, int(kind.share * size + desk.rng.random()))
        while made < wanted:
            group = next(groups)
            for drawn in kind.make(desk):
                made += 1
                wait = kind.fate == ONE and not last and desk.rng.random() < DEFERRED
                (later if wait else rows).append(_Row(name, group, drawn))
    desk.rng.shuffle(rows)
    return rows, later


def _webfaq(rows: list[_Row], ids: list[str], rng: random.Random) -> pa.Table:
    """The rows with the columns of WebFAQ v1; what is no UTF-8 goes in unchecked."""
    sites = [f"https://site-{rng.randrange(5_000)}.example" for _ in rows]
    columns = {"id": ids, "origin": sites, "url": [f"{site}/faq" for site in sites]}
    arrays = {name: pa.array(values) for name, values in columns.items()}
    for side in ("question", "answer"):
        raw = [text.encode() if isinstance(text := getattr(row.drawn, side), str) else text for row in rows]
        arrays[side] = pa.array(raw, pa.binary()).view(pa.string())
    arrays["topic"] = pa.array([rng.choice(["Travel", "Health", None]) for _ in rows], pa.string())
    arrays["question_type"] = pa.array([rng.choice(["What", "How", None]) for _ in rows], pa.string())
    return pa.table(arrays)


def _known(rows: list[_Row], ids: list[str], language: str, file: str) -> pa.Table:
    known = [
        {
            "language": language,
            "file": file,
            "row": number,
            "id": key,
            "kind": row.kind,
            "fate": KINDS[row.kind].fate,
            "reason": KINDS[row.kind].reason,
            "group": row.group,
            "jaccard": row.drawn.jaccard,
            "expected": row.drawn.expected,
        }
        for number, (row, key) in enumerate(zip(rows, ids, strict=True))
    ]
    return pa.Table.from_pylist(known, TRUTH)


def _write_benchmark(folder: Path, desk: Desk) -> None:
    """A BEIR folder: every question has a relevant passage, and one that is not; half of those are judged so."""
    for _ in range(UNLEAKED):
        desk.leak()
    lines: dict[str, list[str]] = {"queries.jsonl": [], "corpus.jsonl": [], "qrels/test.tsv": []}
    lines["qrels/test.tsv"].append("query-id\tcorpus-id\tscore")
    for number, (question, passage, other) in enumerate(desk.leaks):
        lines["queries.jsonl"].append(json.dumps({"_id": f"q{number}", "text": question}))
        lines["corpus.jsonl"].append(json.dumps({"_id": f"p{number}", "text": passage}))
        lines["corpus.jsonl"].append(json.dumps({"_id": f"o{number}", "text": other}))
        judged = [f"q{number}\tp{number}\t1", f"q{number}\to{number}\t0"]
        lines["qrels/test.tsv"] += judged[: 1 + number % 2]
    (folder / "qrels").mkdir(parents=True)
    for name, text in lines.items():
        (folder / name).write_text("\n".join([*text, ""]))


def main() -> None:
    """Prints what was written."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=250_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    truth = write(given.folder, given.pairs, given.seed)
    print(f"{sum(truth.languages.values()):,} rows in {len(truth.languages)} languages below {truth.pairs}")


if __name__ == "__main__":
    main()
