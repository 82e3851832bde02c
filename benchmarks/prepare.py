"""prepare against corpora of which everything is known (webfaq_shaped.py): is it right, how fast, in how much memory?

    .venv/bin/python benchmarks/prepare.py truth FOLDER [--pairs 250000]
    .venv/bin/python benchmarks/prepare.py speed FOLDER [--pairs 250000 1000000] [--repetitions 3]

Each run is `raytrain prepare JOB.yaml` in a process of its own, all steps on, Ray's start included. Corpora are made
below FOLDER once. Prints tables and writes them as JSON below FOLDER. Memory is the sum over the command's process
tree of the proportional set size (what is shared counts once), sampled.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from planted import DROP, KEEP, ONE, TAU, jaccard, shingles, words
from webfaq_shaped import write

SEED = 1
SAMPLED_EVERY = 1.0  # seconds
FEW_ROWS = 3_000  # of a language in which every pair of rows is compared
MEBIBYTE = 2**20


# --- running the command ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One run of the command: seconds in all and since prepare itself began, and peaks of memory in MiB."""

    pairs: int
    seconds: float
    prepare_seconds: float
    all_processes_mib: float
    driver_mib: float


def corpus_of(folder: Path, pairs: int) -> Path:
    """The corpus of so many pairs, made if it is not there."""
    place = folder / f"corpus-{pairs}"
    if not place.exists():
        unfinished = folder / f"corpus-{pairs}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        print(f"making {pairs:,} pairs below {place} …", flush=True)
        write(unfinished, pairs, SEED)
        unfinished.rename(place)
    return place


def prepared(corpus: Path, pairs: int, root: Path) -> tuple[Path, Run]:
    """Runs prepare on a corpus; gives the artifact's folder. Raises CalledProcessError if the command fails."""
    job = {
        "name": "benchmark",
        "root": str(root),
        "corpus": {"source": str(corpus / "pairs")},
        "model": {"from_scratch": {"layers": 1, "hidden": 32, "heads": 2, "vocab_size": 600}},
        "evaluate": {"benchmarks": [f"beir:{corpus / 'eval'}"]},
    }
    file = root / "job.yaml"
    file.write_text(json.dumps(job))
    command = [str(Path(sys.executable).with_name("raytrain")), "prepare", str(file)]
    start = began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        peaks, ended = [0.0, 0.0], threading.Event()
        sampler = threading.Thread(target=_sample, args=(process.pid, peaks, ended))
        sampler.start()
        assert process.stderr is not None
        for line in process.stderr:
            print(f"  {line}", end="", flush=True)
            if line.startswith("prepare ("):
                began = time.monotonic()
        code = process.wait()
        ended.set()
        sampler.join()
    if code:
        raise subprocess.CalledProcessError(code, command)
    (manifest,) = root.glob("prepare/*/manifest.json")
    end = time.monotonic()
    return manifest.parent, Run(pairs, end - start, end - began, *peaks)


def _sample(pid: int, peaks: list[float], ended: threading.Event) -> None:
    """Until the end, raises the two peaks: of all processes, and of the first alone."""
    while not ended.wait(SAMPLED_EVERY):
        try:
            driver = psutil.Process(pid)
            sizes = [_mebibytes(process) for process in (driver, *driver.children(recursive=True))]
        except psutil.NoSuchProcess:  # it has just ended
            return
        peaks[0], peaks[1] = max(peaks[0], sum(sizes)), max(peaks[1], sizes[0])


def _mebibytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / MEBIBYTE
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # it ended while others were measured
        return 0.0


# --- truth ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Language:
    """What is known of a language's rows, and what prepare left of them: how often each id, and the rows."""

    known: list[dict[str, Any]]
    left: Counter[str]
    rows: list[dict[str, Any]]


def languages(corpus: Path, artifact: Path) -> Iterator[tuple[str, Language]]:
    """One language after the other."""
    for file in sorted((corpus / "truth").glob("*.parquet")):
        parts = sorted((artifact / file.stem).glob("part-*.parquet"))
        tables = [pq.ParquetFile(part).read(["id", "question", "answer"]) for part in parts]
        rows = pa.concat_tables(tables).to_pylist() if tables else []
        yield file.stem, Language(pq.read_table(file).to_pylist(), Counter(row["id"] for row in rows), rows)


def verdicts(language: Language) -> Iterator[tuple[str, bool, str]]:
    """Of every row, or group of which one should stay: its kind, whether it went as it should, and an id."""
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    words_left = {row["id"]: " ".join(words(row["question"]) + words(row["answer"])) for row in _expected(language)}
    for row in language.known:
        times = language.left[row["id"]]
        if row["fate"] == ONE:
            groups[row["group"]].append(row)
        elif row["expected"] is not None:
            yield row["kind"], times == 1 and words_left[row["id"]] == row["expected"], row["id"]
        else:
            yield row["kind"], times == (row["fate"] == KEEP), row["id"]
    for group in groups.values():
        stayed = sum(language.left[key] for key in {row["id"] for row in group})
        yield group[0]["kind"], stayed == 1, group[0]["id"]


def _expected(language: Language) -> Iterator[dict[str, Any]]:
    ids = {row["id"] for row in language.known if row["expected"] is not None}
    return (row for row in language.rows if row["id"] in ids)


def reasons_of(language: Language) -> Counter[str]:
    """How many rows should go for each reason."""
    gone = Counter(row["reason"] for row in language.known if row["fate"] == DROP)
    grouped = [row for row in language.known if row["fate"] == ONE]
    gone.update(row["reason"] for row in grouped)
    gone.subtract({row["group"]: row["reason"] for row in grouped}.values())
    return gone


def near_pairs(corpus: Path, language: Language) -> Iterator[tuple[str, str]]:
    """Ids of all pairs of rows with a Jaccard of τ or more: every pair compared in a language with few rows, only
    those within a group in others.
    """
    rows = [row for row in language.known if row["fate"] != DROP]
    few = len(language.known) <= FEW_ROWS
    if not few:
        rows = [row for row in rows if row["kind"] in ("near", "near_miss", "template")]
    texts = _texts(corpus, rows)
    sets = [shingles(*texts[row["file"], row["row"]]) for row in rows]
    for one, other in _sharing(sets) if few else _grouped(rows):
        if jaccard(sets[one], sets[other]) >= TAU:
            yield rows[one]["id"], rows[other]["id"]


def _texts(corpus: Path, rows: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[str, str]]:
    """Question and answer of rows as they were written, by file and number."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        numbers[row["file"]].append(row["row"])
    texts = {}
    for file, wanted in numbers.items():
        table = pq.read_table(corpus / "pairs" / file, columns=["question", "answer"]).take(wanted)
        for number, row in zip(wanted, table.to_pylist(), strict=True):
            texts[file, number] = (row["question"], row["answer"])
    return texts


def _sharing(sets: Sequence[set[tuple[str, ...]]]) -> Iterator[tuple[int, int]]:
    """All pairs with a shingle in common; no others have a Jaccard above 0."""
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, shingled in enumerate(sets):
        yield from ((other, number) for other in {other for each in shingled for other in holders.get(each, ())})
        for each in shingled:
            holders[each].append(number)


def _grouped(rows: list[dict[str, Any]]) -> Iterator[tuple[int, int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        groups[row["group"]].append(number)
    for numbers in groups.values():
        yield from combinations(numbers, 2)


def faults_of(label: str, language: Language, told: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the counts that a manifest tells of a language: taken, kept, dropped and why."""
    if told["taken"] != len(language.known) or told["rows"] != len(language.rows):
        written = f"{len(language.known)} in, {len(language.rows)} out"
        yield f"{label}: {told['taken']} taken and {told['rows']} kept are told, but it is {written}"
    if told["taken"] != told["rows"] + sum(told["dropped"].values()):
        yield f"{label}: {told['taken']} taken is not {told['rows']} kept and {told['dropped']}"
    reported: Counter[str] = Counter()
    for reason, rows in told["dropped"].items():
        reported["language" if reason.startswith("language_") else reason] += rows
    wanted = reasons_of(language)
    for reason in sorted(wanted.keys() | reported.keys()):
        if wanted[reason] != reported[reason]:
            yield f"{label}: {reason}: {wanted[reason]} rows, {reported[reason]} told"


def compare(corpus: Path, artifact: Path) -> dict[str, Any]:
    """Prints how the prepared corpus differs from what it should be, and gives it as plain data."""
    manifest = json.loads((artifact / "manifest.json").read_text())
    right, wrong, examples = Counter[str](), Counter[str](), defaultdict[str, list[str]](list)
    clean, removed, pairs, missed = 0, 0, 0, 0
    faults: list[str] = []
    for label, language in languages(corpus, artifact):
        for kind, as_it_should, key in verdicts(language):
            (right if as_it_should else wrong)[kind] += 1
            if not as_it_should:
                examples[kind].append(f"{label} {key}")
        kept = [row["id"] for row in language.known if row["fate"] == KEEP]
        clean, removed = clean + len(kept), removed + sum(language.left[key] == 0 for key in kept)
        for one, other in near_pairs(corpus, language):
            pairs += 1
            missed += language.left[one] > (one == other) and language.left[other] > (one == other)
        told = manifest["summary"]["languages"].get(label, {"rows": 0, "taken": 0, "dropped": {}})
        faults += faults_of(label, language, told)
    rows = manifest["rows"]
    if rows["taken"] != rows["kept"] + sum(rows["dropped"].values()):
        faults.append(f"all: {rows['taken']} taken is not {rows['kept']} kept and {rows['dropped']}")
    found = {
        "kinds": {
            kind: {"right": right[kind], "wrong": wrong[kind], "examples": examples[kind][:3]}
            for kind in sorted(right.keys() | wrong.keys())
        },
        "near": {"pairs": pairs, "missed": missed, "recall": 1 - missed / pairs},
        "clean": {"rows": clean, "removed": removed, "share": removed / clean},
        "faults": faults,
        "rows": rows,
    }
    _show(found)
    return found


def _show(found: dict[str, Any]) -> None:
    for kind, rows in found["kinds"].items():
        named = f"   as {', '.join(rows['examples'])}" if rows["wrong"] else ""
        print(f"{kind:18} {rows['right']:9,} right {rows['wrong']:7,} wrong{named}")
    near, clean, faults = found["near"], found["clean"], found["faults"]
    print(f"near duplicates: {near['pairs']:,} pairs, both kept of {near['missed']:,}: recall {near['recall']:.4%}")
    print(f"rows to be kept: {clean['rows']:,}, of which removed {clean['removed']:,}: {clean['share']:.4%}")
    print("\n".join([f"rows in, out and reasons: {len(faults) or 'no'} faults", *faults]))


# --- commands ---------------------------------------------------------------------------------------------------


def truth(folder: Path, pairs: int) -> None:
    """Prepares a corpus and compares it with what is known."""
    corpus = corpus_of(folder, pairs)
    with tempfile.TemporaryDirectory(dir=folder) as root:
        artifact, run = prepared(corpus, pairs, Path(root))
        found = compare(corpus, artifact)
    _write(folder / f"truth-{pairs}.json", {"pairs": pairs, "run": asdict(run), **found})


def speed(folder: Path, sizes: Sequence[int], repetitions: int) -> None:
    """Times prepare at several sizes, one after the other, again and again."""
    corpora = {pairs: corpus_of(folder, pairs) for pairs in sizes}
    runs: list[Run] = []
    for _ in range(repetitions):
        for pairs, corpus in corpora.items():
            with tempfile.TemporaryDirectory(dir=folder) as root:
                runs.append(prepared(corpus, pairs, Path(root))[1])
            print(_line(runs[-1]), flush=True)
    print("\nmedians")
    medians = [_median([run for run in runs if run.pairs == pairs]) for pairs in sizes]
    for run in medians:
        print(_line(run))
    for smaller, larger in pairwise(medians):
        ratio = larger.seconds / smaller.seconds
        alone = larger.prepare_seconds / smaller.prepare_seconds
        print(f"{larger.pairs:,} takes {ratio:.2f} × the time of {smaller.pairs:,}; prepare alone {alone:.2f} ×")
    _write(folder / "speed.json", {"runs": [asdict(run) for run in runs], "medians": [asdict(run) for run in medians]})


def _median(runs: list[Run]) -> Run:
    columns = [list(values) for values in zip(*(asdict(run).values() for run in runs), strict=True)]
    return Run(runs[0].pairs, *(statistics.median(column) for column in columns[1:]))


def _line(run: Run) -> str:
    return (
        f"{run.pairs:10,} pairs {run.seconds:7.1f} s {run.pairs / run.seconds:8,.0f} pairs/s   "
        f"prepare alone {run.prepare_seconds:7.1f} s {run.pairs / run.prepare_seconds:8,.0f} pairs/s   "
        f"all processes {run.all_processes_mib:6,.0f} MiB   driver {run.driver_mib:5,.0f} MiB"
    )


def _write(file: Path, found: dict[str, Any]) -> None:
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written to {file}")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("truth")
    one.add_argument("folder", type=Path)
    one.add_argument("--pairs", type=int, default=250_000)
    several = commands.add_parser("speed")
    several.add_argument("folder", type=Path)
    several.add_argument("--pairs", type=int, nargs="+", default=[250_000, 1_000_000])
    several.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    folder = given.folder.resolve()
    if given.command == "truth":
        truth(folder, given.pairs)
    else:
        speed(folder, given.pairs, given.repetitions)


if __name__ == "__main__":
    main()
