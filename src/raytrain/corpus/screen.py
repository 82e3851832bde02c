"""The first phase: raw rows to rows that may stay, each with what the later phases compare it by."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from raytrain.artifact import File
from raytrain.corpus.clean import clean
from raytrain.corpus.config import Corpus
from raytrain.corpus.decontaminate import PASSAGE, QUESTION, Contamination, HeldOutTexts, Searched
from raytrain.corpus.language_id import check_language
from raytrain.corpus.likeness.near_duplicates import band_keys
from raytrain.corpus.likeness.normal_form import text_keys, words
from raytrain.corpus.likeness.shingles import pair_shingles
from raytrain.corpus.pairs import UNDETERMINED
from raytrain.corpus.raw.reading import read_unit
from raytrain.corpus.raw.sources import Unit
from raytrain.corpus.runs import RunWriter
from raytrain.corpus.signatures import content_keys, id_keys, order_keys
from raytrain.corpus.work import LabelAccount, Screened, Slice, Work
from raytrain.parquet import write_parquet

BAD_ROWS = 16_384  # that are held before they are written


@dataclass
class Account:
    """Rows taken and dropped so far, by label; and what matched a benchmark."""

    taken: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)
    matches: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)

    def take(self, labels: pa.ChunkedArray) -> None:
        """Counts rows that were read."""
        for entry in pc.value_counts(labels).to_pylist():
            self.taken[entry["values"] or UNDETERMINED] += entry["counts"]

    def drop(self, rows: pa.Table, reasons: pa.Array | pa.ChunkedArray) -> pa.Table:
        """Counts the rows that have a reason to go, and gives the others."""
        if reasons.null_count == len(reasons):
            return rows
        gone = pc.is_valid(reasons)
        for label, reason in zip(
            rows.column("language").filter(gone).to_pylist(), reasons.filter(gone).to_pylist(), strict=True
        ):
            self.dropped.setdefault(label or UNDETERMINED, Counter())[reason] += 1
        return rows.filter(pc.invert(gone))

    def match(self, found: Contamination) -> None:
        """Counts what matched a benchmark; a row may match several."""
        for (benchmark, label, kind), n in found.counts.items():
            self.matches.setdefault(benchmark, {}).setdefault(label, Counter())[kind] += n


def screen(part: Slice, work: Work, held_out: HeldOutTexts | None) -> Screened:
    """Reads a slice and writes what may stay of it as runs under ``work/``; gives what became of its rows.

    Raises UserError that names a broken file.
    """
    account, runs = Account(), RunWriter(part, work)
    quarantine: list[File] = []
    bad: list[pa.Table] = []
    reasons: Counter[str] = Counter()
    for checked in read_unit(part.unit, part.row_groups):
        account.take(checked.good.column("language"))
        account.take(checked.bad.column("language"))
        account.drop(checked.bad, checked.bad.column("reason"))
        reasons.update(checked.bad.column("reason").to_pylist())
        bad += [checked.bad] if checked.bad.num_rows else []
        if sum(table.num_rows for table in bad) >= BAD_ROWS:
            quarantine.append(_write_bad(bad, part, len(quarantine), work))
            bad = []
        good = account.drop(checked.good, _not_wanted(checked.good, part.unit))
        runs.add(screen_rows(good, work.config, held_out, account))
    runs.flush()
    if bad:
        quarantine.append(_write_bad(bad, part, len(quarantine), work))
    return Screened(
        slice=part.name,
        runs=runs.written,
        labels={
            label: LabelAccount(taken=n, dropped=dict(sorted(account.dropped.get(label, {}).items())))
            for label, n in sorted(account.taken.items())
        },
        bad=dict(reasons),
        matches={name: {label: dict(n) for label, n in labels.items()} for name, labels in account.matches.items()},
        quarantine=quarantine,
        text_bytes=dict(runs.text_bytes),
        training_rows=runs.training_rows,
    )


def _write_bad(tables: list[pa.Table], part: Slice, number: int, work: Work) -> File:
    return write_parquet(pa.concat_tables(tables), work.folder, f"quarantine/{part.name}-{number:03d}.parquet")


def _not_wanted(rows: pa.Table, unit: Unit) -> pa.Array:
    """Files of bitexts hold several labels, and not all need be wanted."""
    if unit.wanted is None:
        return pa.nulls(rows.num_rows, pa.string())
    wanted = pc.is_in(rows.column("language"), pa.array(unit.wanted))
    return pc.if_else(wanted, pa.scalar(None, pa.string()), "language_not_wanted")


def screen_rows(rows: pa.Table, config: Corpus, held_out: HeldOutTexts | None, account: Account) -> pa.Table:
    """The rows that may stay, in the schema RUN and with the columns that `RunWriter` takes off again.

    ``rows`` has the columns of PAIRS and ``language``.
    """
    if config.clean:
        rows, reasons = clean(rows, config.clean)
        rows = account.drop(rows, reasons)
    if config.identify:
        rows = account.drop(rows, check_language(rows, config.identify))
    questions, answers = words(rows.column("question")), words(rows.column("answer"))
    if held_out is not None and config.decontaminate:
        every = np.arange(rows.num_rows)
        texts = {
            QUESTION: Searched(questions, every),
            PASSAGE: Searched(answers, every).with_lists(rows.column("positives")),
        }
        found = held_out.search(rows.column("language"), texts, config.decontaminate)
        account.match(found)
        rows = account.drop(rows, found.reasons)
        stay = np.flatnonzero(found.reasons.is_null().to_numpy(zero_copy_only=False))
        questions, answers = questions.take(stay), answers.take(stay)
    ids = rows.column("id")
    rows = rows.append_column("key", pa.array(order_keys(ids, config.seed)))
    rows = rows.append_column("content", pa.array(content_keys(rows)))
    rows = rows.append_column("id_key", pa.array(id_keys(ids)))
    rows = rows.append_column("question_key", pa.array(text_keys(questions)))
    rows = rows.append_column("answer_key", pa.array(text_keys(answers)))
    if config.deduplicate and config.deduplicate.near:
        keys = band_keys(pair_shingles(questions, answers), config.deduplicate.near)
        bands = pa.FixedSizeListArray.from_arrays(pa.array(keys.reshape(-1)), keys.shape[1])
        rows = rows.append_column("bands", bands)
    return rows
