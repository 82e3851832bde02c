"""Building and searching an index of made-up vectors within a budget of memory, killed or not.

    .venv/bin/python benchmarks/index_build.py build DIR [--rows 5000000] [--dimension 128] [--kind IVF4096,Flat]
    .venv/bin/python benchmarks/index_build.py kills DIR … --times 5
    .venv/bin/python benchmarks/index_build.py search DIR …

Vectors are clustered, unit length, and always the same. ``build`` runs the stage `index` on them in a process of its
own and prints seconds and the peak of all its processes (PSS, sampled). ``kills`` builds the same elsewhere and kills
all processes by SIGKILL at random moments (once before the quantizer is there, then while shards are built), until
that many kills have come; then it lets it finish, and compares:
manifest hash and bytes must be those of the undisturbed build, and no shard may be built again that was finished.
``search`` asks 1,000 questions and prints the peak. DIR keeps vectors and builds.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from raytrain.artifact import Artifact
from raytrain.evaluate.held_out import HeldOut
from raytrain.index.opening import open_index
from raytrain.index.pieces import entry_of, plan_pieces, write_piece
from raytrain.jobfile import job_from
from raytrain.pipeline import Inputs, Outcome, Say, Stage, Task, run
from raytrain.stages.index import INDEX
from raytrain.storage import Location

SEED = 7
PIECE = 65_536
MEBIBYTE = 2**20
SAMPLED_EVERY = 0.25


def vectors(number: int, rows: int, dimension: int) -> np.ndarray:
    """Piece ``number`` of the vectors: around 1,000 centres, of length 1."""
    centres = np.random.default_rng(SEED).standard_normal((1_000, dimension)).astype(np.float32)
    rng = np.random.default_rng((SEED, number))
    found = centres[rng.integers(0, len(centres), rows)]
    found += np.float32(0.6) * rng.standard_normal((rows, dimension), np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def stages(rows: int, dimension: int) -> list[Stage]:
    """What the index is made of: vectors, and a model and passages that are only names."""

    def embed(job: Any, inputs: Inputs, folder: Location, say: Say) -> Outcome:
        part = HeldOut("made", "eng", folder, 0, rows, 0)
        files, entries = [], []
        for number, piece in enumerate(plan_pieces([part], PIECE)):
            ids = pa.array([f"p{i:08d}" for i in range(piece.first, piece.first + piece.rows)])
            record = write_piece(piece, vectors(number, piece.rows, dimension), ids, "fp32", (1, 1), folder)
            files += record.files
            entries.append(entry_of(piece, record))
        return Outcome(files, ["made/"], {"dimension": dimension, "pieces": entries})

    def nothing(job: Any, inputs: Inputs, folder: Location, say: Say) -> Outcome:
        return Outcome([], [], {"benchmarks": {}})

    def identity(job: Any) -> Mapping[str, Any]:
        return {"rows": rows, "dimension": dimension, "seed": SEED}

    return [
        Stage("embed", (), identity, embed),
        Stage("export", (), identity, nothing),
        Stage("passages", (), identity, nothing),
        INDEX,
    ]


def job_of(options: argparse.Namespace, root: Path) -> Any:
    """The job file of a build."""
    return job_from(
        {
            "name": "made",
            "root": str(root),
            "corpus": {"source": "demo:cldr"},
            "model": {"from_scratch": {}},
            "index": {"kind": options.kind, "memory_gib": options.memory_gib, "shard_rows": options.shard_rows},
            "cluster": {"workers": options.workers, "cpus_per_worker": 1, "local_cpus": options.workers},
        },
        "the benchmark",
    )


def work(options: argparse.Namespace, root: Path) -> dict[str, Artifact]:
    """Builds, or goes on, in this process."""
    from raytrain.cluster import stop_ray

    job = job_of(options, root)
    try:
        return run(
            [Task.of(stage, job) for stage in stages(options.rows, options.dimension)],
            lambda line: print(line, file=sys.stderr, flush=True),
        )
    finally:
        stop_ray()


def build(options: argparse.Namespace, root: Path) -> tuple[float, float]:
    """Builds in a process of its own; gives seconds and the peak in MiB."""
    began = time.monotonic()
    peak = watched(start(options, root))
    return time.monotonic() - began, peak


def start(options: argparse.Namespace, root: Path) -> subprocess.Popen[bytes]:
    """`work` as a process."""
    given = json.dumps(vars(options) | {"command": "work", "root": str(root), "dir": str(options.dir)})
    return subprocess.Popen([sys.executable, __file__, "work", given], start_new_session=True)


def watched(process: subprocess.Popen[bytes]) -> float:
    """The peak in MiB of a process and all that it starts, until it ends. Raises CalledProcessError if it fails."""
    peak, ended = [0.0], threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLED_EVERY):
            try:
                tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            peak[0] = max(peak[0], sum(map(mebibytes, tree)))

    thread = threading.Thread(target=sample)
    thread.start()
    code = process.wait()
    ended.set()
    thread.join()
    if code:
        raise subprocess.CalledProcessError(code, process.args)
    return peak[0]


def mebibytes(process: psutil.Process) -> float:
    """What a process holds; shared pages are divided by who shares them."""
    try:
        return float(process.memory_full_info().pss) / MEBIBYTE
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0.0


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a process and all that it started."""
    tree = psutil.Process(process.pid)
    doomed = [tree, *tree.children(recursive=True)]
    for one in doomed:
        one.send_signal(signal.SIGKILL)
    process.wait()
    psutil.wait_procs(doomed, timeout=30)


def manifest_of(root: Path) -> dict[str, Any]:
    """The manifest of the one build of a root."""
    (path,) = root.glob("index/*/manifest.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def records(root: Path) -> list[Path]:
    """The shards of an unfinished build that have a record."""
    found = [json.loads(path.read_text()) for path in root.glob("index/*/records/shards/*.json")]
    return [path for record in found for path in root.glob(f"index/*/{record['shard']['path']}")]


def kills(options: argparse.Namespace, undisturbed: Path, root: Path, seconds: float) -> None:
    """Kills builds until there were enough kills; prints what is compared at the end. Raises AssertionError."""
    rng = random.Random(options.seed)
    for stage in ("embed", "export", "passages"):  # the vectors are not made again
        (root / stage).parent.mkdir(parents=True, exist_ok=True)
        (root / stage).symlink_to(undisturbed / stage)
    finished: dict[Path, int] = {}
    for number in range(options.times):
        process = start(options, root)
        more = rng.randint(1, 2)  # shards that are finished before the next kill; the first comes earlier
        while number and len(records(root)) < len(finished) + more:
            assert process.poll() is None, "it was finished before it was killed: give it more rows"
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 1) if number else rng.uniform(0.02, 0.1) * seconds)
        assert process.poll() is None, "it was finished before it was killed: give it more rows"
        kill(process)
        shards = {path: path.stat().st_mtime_ns for path in records(root)}
        again = [path.name for path, written in finished.items() if shards.get(path) != written]
        assert not again, f"finished shards were built again: {again}"
        finished |= shards
        print(f"kill {number + 1}: {len(finished)} shards finished", flush=True)
    work_again = start(options, root)
    watched(work_again)
    again = [path.name for path, written in finished.items() if path.stat().st_mtime_ns != written]
    assert not again, f"finished shards were built again: {again}"
    one, other = manifest_of(undisturbed), manifest_of(root)
    assert (one["hash"], one["content"], one["files"]) == (other["hash"], other["content"], other["files"])
    print(f"after {options.times} kills: hash {other['hash']}, content {other['content']}, as undisturbed")


def search(options: argparse.Namespace, root: Path) -> None:
    """Asks 1,000 questions of a finished build."""
    (folder,) = [path.parent for path in root.glob("index/*/manifest.json")]
    index = open_index(str(folder), memory_gib=options.memory_gib, threads=options.workers)
    began = time.monotonic()
    index.search(vectors(0, 1_000, options.dimension), 10)
    print(f"1,000 questions at once: {time.monotonic() - began:.2f} s", flush=True)


def main() -> None:
    """Reads the command line."""
    if sys.argv[1:2] == ["work"]:
        given = argparse.Namespace(**json.loads(sys.argv[2]))
        if given.searching:
            search(given, Path(given.root))
        else:
            work(given, Path(given.root))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["build", "kills", "search"])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--kind", default="IVF4096,Flat")
    parser.add_argument("--memory-gib", type=float, default=4.0)
    parser.add_argument("--shard-rows", type=int, default=500_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, default=5, help="kills")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    options = parser.parse_args()
    options.searching = options.command == "search"
    name = f"{options.rows}-{options.dimension}"
    root = options.dir / name / options.kind
    if options.command == "search":
        print(f"peak while searching: {watched(start(options, root)):,.0f} MiB")
        return
    if options.command == "build" or not list(root.glob("index/*/manifest.json")):
        work_first = not list(root.glob("embed/*/manifest.json"))
        seconds, peak = build(options, root)
        made = " (with making the vectors)" if work_first else ""
        print(f"{options.kind}: {seconds:.1f} s{made}, peak {peak:,.0f} MiB of {options.memory_gib * 1024:,.0f}")
        (root / "seconds.txt").write_text(str(seconds))
    if options.command == "kills":
        seconds = float((root / "seconds.txt").read_text())
        kills(options, root, options.dir / name / f"{options.kind}-killed-{options.seed}", seconds)


if __name__ == "__main__":
    main()
