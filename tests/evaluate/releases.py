"""Small data in the layout of the releases of Mr. TyDi and MIRACL."""

import gzip
import json
from pathlib import Path

MRTYDI_DOCS = [
    {"id": "8625#0", "contents": "Kokemäki\n\nKokemäki on kaupunki.\n\nSe on Satakunnassa."},
    {"id": "8625#16", "contents": "Kokemäki\n\nKaupungiksi se tuli 1977."},
    {"id": "119046#1", "contents": "No title, no empty line"},
]


def mrtydi(folder: Path, docs: str = "collection/docs.jsonl.gz", **splits: tuple[list[str], list[str]]) -> Path:
    """The files of one language; ``splits``: topics and judgements."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in MRTYDI_DOCS).encode()
    place = folder / docs
    place.parent.mkdir(parents=True)
    place.write_bytes(gzip.compress(lines) if docs.endswith(".gz") else lines)
    for split, (topics, judgements) in splits.items():
        (folder / f"topic.{split}.tsv").write_text("".join(f"{line}\n" for line in topics))
        (folder / f"qrels.{split}.txt").write_text("".join(f"{line}\n" for line in judgements))
    return folder


MRTYDI_TEST = (["8318\tMilloin Kokemäki on perustettu?", "8319\tKuka?"], ["8318\tQ0\t8625#16\t1", "8319 Q0 119046#1 1"])
MRTYDI_DEV = (["7\tMissä Kokemäki on?"], ["7\tQ0\t8625#0\t1"])


MIRACL_DOCS = [
    [{"docid": "39#0", "title": "Albedo", "text": "Albedo is a measure."}, {"docid": "39#1", "title": "", "text": "b"}],
    [{"docid": "7#0", "title": "Seitse", "text": "c"}],
]
MIRACL_TOPICS = ["0#0\tWhat is albedo?", "1\tAnd seven?", "2\tWhat else?"]
MIRACL_QRELS = ["0#0\tQ0\t39#0\t1", "0#0\tQ0\t7#0\t0", "1 Q0 7#0 2", "2\tQ0\t7#0\t0"]


def miracl(folder: Path, name: str = "sw", split: str = "dev", **changed: list[str]) -> Path:
    rows = {"topics": changed.get("topics", MIRACL_TOPICS), "qrels": changed.get("qrels", MIRACL_QRELS)}
    for what, lines in rows.items():
        place = folder / f"miracl-v1.0-{name}" / what / f"{what}.miracl-v1.0-{name}-{split}.tsv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("".join(f"{line}\n" for line in lines))
    for number, docs in enumerate(MIRACL_DOCS):
        place = folder / f"miracl-corpus-v1.0-{name}/docs-{number}.jsonl.gz"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in docs).encode()))
    return folder
