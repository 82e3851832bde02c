"""Benchmarks as an artifact keeps them: questions and passages as Parquet, relevance and topics as TREC files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from raytrain.artifact import Artifact, File, check_file, write_file
from raytrain.errors import UserError, one_line
from raytrain.evaluate.retrieval import Retrieval
from raytrain.evaluate.trec import qrels_text, read_qrels, topics_text
from raytrain.parquet import open_parquet, read_parquet, write_parquet, write_row_groups
from raytrain.storage import Location

ROW_GROUP = 8_192
CANDIDATES = "candidates.parquet"
PASSAGES = pa.schema([(name, pa.string()) for name in ("id", "text", "untitled")])


@dataclass(frozen=True)
class HeldOut:
    """One language of one benchmark. Small, and travels to tasks; what it holds is read when asked for."""

    benchmark: str
    language: str
    folder: Location
    questions: int
    passages: int
    left_out: int  # questions without a relevant passage
    selecting: int = 0  # questions that choose among candidates of their own, with a relevant one or without

    @property
    def asked(self) -> int:
        """How many questions a system gets."""
        return self.selecting or self.questions

    @property
    def files(self) -> tuple[str, ...]:
        """What an evaluation reads."""
        return ("questions.parquet", "passages.parquet", "qrels.trec", *([CANDIDATES] if self.selecting else []))

    def read_questions(self) -> dict[str, str]:
        """Texts by id, in order, of those with a relevant passage."""
        return _texts(read_parquet(self.folder / "questions.parquet"))

    def read_asked(self) -> dict[str, str]:
        """Texts by id, in order, of all that a system is asked."""
        return _texts(read_parquet(self.folder / CANDIDATES)) if self.selecting else self.read_questions()

    def read_candidates(self) -> dict[str, list[str]]:
        """The passages that each question chooses among, of those ``read_asked`` gives, and in that order."""
        table = read_parquet(self.folder / CANDIDATES)
        return dict(zip(table.column("id").to_pylist(), table.column("passages").to_pylist(), strict=True))

    def read_passages(self, first: int = 0, rows: int | None = None, column: str = "text") -> dict[str, str]:
        """Texts by id, in order; ``rows`` of them from number ``first`` on (default: all the rest).

        ``column`` "untitled" gives the text alone, of those that begin with a title.
        """
        last = self.passages if rows is None else first + rows
        table = self._read_groups(range(first // ROW_GROUP, -(-last // ROW_GROUP)), ["id", column])
        start = first - (first // ROW_GROUP) * ROW_GROUP
        return _texts(table.slice(start, last - first))

    def read_texts(self, ids: Sequence[str], column: str = "text") -> dict[str, str]:
        """The texts of some passages, where they have one; reads all ids, and the row groups that these are in."""
        wanted = pa.array(sorted(set(ids)), pa.string())
        found: dict[str, str] = {}
        file = open_parquet(self.folder / "passages.parquet")
        for group in range(-(-self.passages // ROW_GROUP)):  # one at a time: all ids of a large collection take much
            some = range(group, group + 1)
            if pc.any(pc.is_in(self._read_groups(some, ["id"], file).column("id"), value_set=wanted)).as_py():
                table = self._read_groups(some, ["id", column], file)
                found |= _texts(table.filter(pc.is_in(table.column("id"), value_set=wanted)))
        return {passage: found[passage] for passage in ids if passage in found}

    def read_passage_ids(self) -> list[str]:
        """All ids, in order."""
        ids: list[str] = self._read_groups(range(-(-self.passages // ROW_GROUP)), ["id"]).column("id").to_pylist()
        return ids

    def _read_groups(self, groups: range, columns: list[str], file: pq.ParquetFile | None = None) -> pa.Table:
        """Row groups of the passages, of the file if it is open. Raises UserError that names one that is damaged."""
        place = self.folder / "passages.parquet"
        file = file or open_parquet(place)
        try:
            return file.read_row_groups(list(groups), columns)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{place.uri}: broken or truncated Parquet: {one_line(error)}") from error

    def read_relevant(self) -> dict[str, dict[str, int]]:
        """Grades by question and passage."""
        return read_qrels((self.folder / "qrels.trec").read_text(), (self.folder / "qrels.trec").uri)


def write_held_out(label: str, part: Retrieval, folder: Location) -> tuple[list[File], dict[str, int]]:
    """Writes one language of a benchmark; gives its files and counts."""
    path = f"{label}/{part.language}"
    counts = {"questions": len(part.queries), "passages": len(part.passages), "left_out": part.left_out}
    if part.candidates:
        counts["selecting"] = len(part.candidates)
    files = [
        write_file(qrels_text(part.relevant).encode(), folder, f"{path}/qrels.trec"),
        write_file(topics_text(part.queries).encode(), folder, f"{path}/topics.tsv"),
        write_file(
            json.dumps(counts).encode(), folder, f"{path}/counts.json"
        ),  # part of the content: a report tells them
        write_parquet(_table(part.queries), folder, f"{path}/questions.parquet", ROW_GROUP),
        write_row_groups(_passages(part), PASSAGES, folder, f"{path}/passages.parquet", ROW_GROUP),
    ]
    if part.candidates:
        files.append(write_parquet(_candidates(part), folder, f"{path}/{CANDIDATES}", ROW_GROUP))
    return files, counts


def held_out_of(artifact: Artifact) -> list[HeldOut]:
    """All languages of all benchmarks of a finished benchmark artifact, in order."""
    summary: Mapping[str, Mapping[str, Mapping[str, int]]] = artifact.manifest.summary["benchmarks"]
    return [
        HeldOut(label, language, artifact.location / label / language, **counts)
        for label, languages in summary.items()
        for language, counts in languages.items()
    ]


def check_files(artifact: Artifact, part: HeldOut, *names: str) -> None:
    """Raises UserError that names a file of one language whose bytes are not those of the manifest."""
    for name in names:
        check_file(artifact, f"{part.benchmark}/{part.language}/{name}")


def with_questions(parts: Sequence[HeldOut]) -> list[HeldOut]:
    """Those with a question to score."""
    return [part for part in parts if part.questions]


def _table(texts: Mapping[str, str]) -> pa.Table:
    return pa.table({"id": pa.array(list(texts), pa.string()), "text": pa.array(list(texts.values()), pa.string())})


def _passages(part: Retrieval) -> Iterator[pa.Table]:
    """A row group after the other: all of them at once take more memory than what was read."""
    names = iter(part.passages)
    while ids := list(islice(names, ROW_GROUP)):
        columns = [ids, [part.passages[passage] for passage in ids], [part.untitled.get(passage) for passage in ids]]
        yield pa.table([pa.array(column, pa.string()) for column in columns], schema=PASSAGES)


def _candidates(part: Retrieval) -> pa.Table:
    asked = {**part.queries, **part.unanswered}
    table = _table({question: asked[question] for question in part.candidates})
    return table.append_column("passages", pa.array(list(part.candidates.values()), pa.list_(pa.string())))


def _texts(table: pa.Table) -> dict[str, str]:
    """The texts of a column by id, where there is one."""
    found = zip(table.column("id").to_pylist(), table.column(1).to_pylist(), strict=True)
    return {key: text for key, text in found if text is not None}
