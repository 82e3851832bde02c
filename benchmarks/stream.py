"""How fast planned rows reach the workers, and what that costs.

    .venv/bin/python benchmarks/stream.py rate   [--rows 1000000] [--workers 2 8] [--repeats 3] [--s3]
    .venv/bin/python benchmarks/stream.py memory [--rows 1000000 10000000] [--workers 2]
    .venv/bin/python benchmarks/stream.py tokens [--rows 200000] [--workers 2] [--repeats 3]
    .venv/bin/python benchmarks/stream.py bytes  [--rows 1000000] [--workers 1 2 8 64]

Corpora are made up: rows of about 450 bytes, shuffled words, in one language or in 75 whose sizes fall off as 1/rank
(Zipf). They are laid out as `raytrain prepare` does, and gone when the benchmark ends. One pass over all rows is taken.

`rate` runs a TorchTrainer whose workers only iterate, so what is measured is what a worker sees: rows a second from
the first batch on, texts that are not tokenised. Beside it stands a bare pyarrow read of the same row groups in the
order of the files, in one process: no plan, no Ray. The kinds of run take turns, and the medians of `--repeats` are
printed with their range. `--s3` reads from a moto server on this machine, which takes its share of the same CPUs.
Time to the first batch is given from the moment a worker asks (`ask`) and from the start of
the trainer (`start`).

`tokens` compares a corpus that was tokenised once with tokenising on the way, and with texts that are not tokenised.

`memory` samples all processes of this Ray: the sum of the workers and of the tasks that read, at their peak; `own` is
what no other process shares. The last columns are the ratio of each size to the first: memory is to grow with neither
rows nor time. Shared memory (code, and blocks in the object store) counts in each process that has touched it, so
the whole grows a little until a worker has seen every page that the store uses.

`bytes` opens no data, but the footers: compressed bytes of the row groups that tasks read, over those of the rows they
deliver.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from raytrain.cluster import cpus_here, running_ray, stop_ray
from raytrain.config import Cluster
from raytrain.corpus.corpus import Corpus
from raytrain.corpus.pairs import PAIRS
from raytrain.corpus.tokens import tokenise
from raytrain.model.tokenizer import train_tokenizer
from raytrain.model.tokens import TokenRules
from raytrain.parquet import write_parquet
from raytrain.plan import Plan, Shards, lanes_of
from raytrain.storage import Location
from raytrain.train.batches import rank_rows
from raytrain.train.splits import DATASET, PlannedRows, shard_blocks
from raytrain.train.stream import TEXTS, Feed, ReadRound, columns_of, read_round, read_token_round

ROW_GROUP, SHARD_ROWS = 512, 65_536  # the defaults of prepare
LANES = 64
MANY = 75
POOL = 50_000  # different questions and answers; a row group has each at most once or so, as real ones do
CPUS_PER_WORKER = 0.1  # all that iterating needs; the rest of the machine reads


def zipf(rows: int, languages: int) -> dict[str, int]:
    """Rows of each language, proportional to 1/rank, about ``rows`` in all."""
    shares = 1 / np.arange(1, languages + 1)
    return {f"l{i:02d}": int(n) for i, n in enumerate(np.round(rows * shares / shares.sum()))}


def write_corpus(folder: Location, sizes: dict[str, int]) -> Corpus:
    """Shards as prepare lays them out."""
    rng = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, n)) for n in rng.integers(3, 11, 20_000)])
    pools = {
        name: pa.array([" ".join(rng.choice(words, n)) for n in rng.integers(*span, POOL)])
        for name, span in (("question", (6, 12)), ("answer", (15, 70)))
    }
    paths: dict[str, tuple[str, ...]] = {}
    shards: dict[str, Shards] = {}
    for language, rows in sizes.items():
        starts = range(0, rows, SHARD_ROWS)
        paths[language] = tuple(f"{language}/part-{n:05d}.parquet" for n in range(len(starts)))
        for path, start in zip(paths[language], starts, strict=True):
            n = min(SHARD_ROWS, rows - start)
            number = pc.utf8_lpad(pa.array(np.arange(start, start + n)).cast(pa.string()), 29, "0")
            columns = {name: pool.take(pa.array(rng.integers(0, POOL, n))) for name, pool in pools.items()}
            columns["id"] = pc.binary_join_element_wise(language, number, "")  # 32 characters, as md5 has
            columns["origin"] = pc.binary_join_element_wise("site", pc.utf8_slice_codeunits(number, 25, 27), "")
            columns["url"] = pc.binary_join_element_wise("https://example.org/faq/", number, "")
            full = [columns.get(f.name, pa.nulls(n, f.type)) for f in PAIRS]
            write_parquet(pa.table(full, schema=PAIRS), folder, path, ROW_GROUP)
        sizes_of_shards = tuple(min(SHARD_ROWS, rows - start) for start in starts)
        shards[language] = Shards(language, sizes_of_shards, ROW_GROUP)
    return Corpus(folder, shards, paths)


def feed_of(corpus: Corpus, options: argparse.Namespace) -> Feed:
    """One pass over a corpus, each language as often as it has rows."""
    mix = {name: float(shards.rows) for name, shards in corpus.shards.items()}
    plan = Plan.of(corpus.shards, mix, batch_size=options.batch_size, lanes=LANES, seed=7, batching=options.batching)
    rows = corpus.read(plan.languages[0], np.arange(1_000), TEXTS)
    texts = [text for name in ("question", "answer") for text in rows.column(name).to_pylist()]
    rules = TokenRules(train_tokenizer(texts, 8_000).to_str(), "query: ", "passage: ", 64, 256)
    return Feed(plan, corpus, rules, 0, int(sum(mix.values())) // options.batch_size, options.rows_per_round)


@dataclass(frozen=True)
class Run:
    """What one run of the workers gave: rows a second after the first batch, and seconds until it."""

    rate: float
    ask: float
    start: float
    memory: Sequence[float] = ()  # MB at the peak: workers, tasks; and what they have of their own


def _iterate(config: dict[str, Any]) -> None:
    """A worker that only iterates; what it saw goes into a file."""
    import ray.train

    context = ray.train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    feed: Feed = config["feed"]
    seen = {"ask": time.time(), "rows": 0.0, "first_rows": 0.0}
    blocks = shard_blocks(ray.train.get_dataset_shard(DATASET))
    for _, rows in rank_rows(blocks, feed.plan, lanes_of(rank, world, feed.plan.lanes), feed.first_step):
        if not seen["rows"]:
            seen |= {"first": time.time(), "first_rows": len(rows)}
        seen["rows"] += len(rows)
    Path(config["folder"], f"{rank}.json").write_text(json.dumps(seen | {"end": time.time()}))


def stream(feed: Feed, read: ReadRound, workers: int) -> Run:
    """One pass through a TorchTrainer. Each row is checked to be the one that is due."""
    import ray.data
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    with tempfile.TemporaryDirectory() as folder, peak_memory() as peaks:
        start = time.time()
        TorchTrainer(
            _iterate,
            train_loop_config={"feed": feed, "folder": folder},
            scaling_config=ScalingConfig(num_workers=workers, resources_per_worker={"CPU": CPUS_PER_WORKER}),
            datasets={DATASET: ray.data.range(1)},
            dataset_config=PlannedRows(feed, read, {}),
            run_config=RunConfig(name=f"stream-{time.time_ns()}", storage_path=folder),
        ).fit()
        seen = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
    first = min(one["first"] for one in seen)
    rows = sum(one["rows"] - one["first_rows"] for one in seen)
    assert sum(one["rows"] for one in seen) == feed.last_step * feed.plan.batch_size, seen
    rate = rows / (max(one["end"] for one in seen) - first)
    return Run(rate, first - max(one["ask"] for one in seen), first - start, peaks)


def bare(corpus: Corpus) -> Run:
    """pyarrow alone, over the same row groups."""
    began, rows = time.perf_counter(), 0
    for paths in corpus.paths.values():
        for path in paths:
            location = corpus.folder / path
            file = pq.ParquetFile(location.filesystem.open_input_file(location.path), pre_buffer=not location.is_local)
            rows += file.read_row_groups(range(file.num_row_groups), columns=list(TEXTS)).num_rows
    return Run(rows / (time.perf_counter() - began), 0, 0)


KINDS = ("RayTrainWorker", "MapBatches")  # in the command lines of workers and of tasks


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Peaks, in MB, of sums over processes: workers, tasks, and what workers and tasks have of their own."""
    peaks, over = [0.0] * 4, threading.Event()

    def sample() -> None:
        while not over.wait(0.2):
            sums = [0.0] * 4
            for child in psutil.Process().children(recursive=True):
                try:
                    line, used = " ".join(child.cmdline()), child.memory_info()
                except psutil.NoSuchProcess:
                    continue
                for i, kind in enumerate(KINDS):
                    if kind in line:
                        sums[i] += used.rss / 1e6
                        sums[i + 2] += (used.rss - used.shared) / 1e6
            peaks[:] = [max(a, b) for a, b in zip(peaks, sums, strict=True)]

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peaks
    finally:
        over.set()
        sampler.join()


def amplification(feed: Feed, workers: int) -> float:
    """Compressed bytes of the row groups that tasks read ÷ those of the rows they deliver."""
    sizes: dict[str, Any] = {}
    for paths in feed.corpus.paths.values():
        for path in paths:
            footer = pq.ParquetFile((feed.corpus.folder / path).open_input()).metadata
            wanted = [PAIRS.names.index(name) for name in TEXTS]
            groups = [footer.row_group(g) for g in range(footer.num_row_groups)]
            sizes[path] = np.array([sum(g.column(c).total_compressed_size for c in wanted) for g in groups])
    read, plan, rounds = 0, feed.plan, feed.rounds(workers)
    for number in range(len(rounds)):
        blocks = rounds.steps(number)
        first, last = blocks[0].start, blocks[-1].stop
        rows = plan.rows_of(range(plan.lanes), first, last - first)
        parts, _ = feed.corpus.locate(plan.languages, rows.language, rows.row)
        read += sum(int(sizes[part.path][list(part.groups)].sum()) for part in parts)
    return read / sum(int(size.sum()) for size in sizes.values())


@contextmanager
def ray_here(workers: int) -> Iterator[None]:
    """A Ray with a CPU to read on for each of the machine, beside what the workers ask for."""
    running_ray(Cluster(local_cpus=cpus_here() + int(np.ceil(workers * CPUS_PER_WORKER))))
    try:
        yield
    finally:
        stop_ray()


@contextmanager
def moto_server() -> Iterator[Location]:
    """A bucket of a moto server in a process of its own; the environment points to it."""
    import boto3

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bench")
            yield Location.of("s3://bench")
        finally:
            server.kill()


@contextmanager
def places(s3: bool) -> Iterator[list[tuple[str, Location]]]:
    """Where corpora go."""
    with tempfile.TemporaryDirectory() as folder:
        local = ("disk", Location.of(folder))
        if not s3:
            yield [local]
            return
        with moto_server() as bucket:
            yield [local, ("S3", bucket)]


def say(*columns: object) -> None:
    """A line of a table."""
    print("  ".join(f"{column!s:>18}" for column in columns), flush=True)


def middle(values: Sequence[float], form: str) -> str:
    """Median and range."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def rate(options: argparse.Namespace) -> None:
    """Prints rows/s of each kind of run, and the ratios that matter."""
    with places(options.s3) as found, ray_here(max(options.workers)):
        feeds = {
            (where, languages): feed_of(write_corpus(place / f"c{languages}", zipf(options.rows, languages)), options)
            for where, place in found
            for languages in (1, MANY)
        }
        kinds: dict[tuple[Any, ...], Callable[[], Run]] = {}
        for (where, languages), feed in feeds.items():
            kinds[where, languages, "bare"] = partial(bare, feed.corpus)
            for workers in options.workers:
                kinds[where, languages, workers] = partial(stream, feed, read_round, workers)
        runs: dict[tuple[Any, ...], list[Run]] = {key: [] for key in kinds}
        for _ in range(options.repeats):
            for key, run in kinds.items():
                runs[key].append(run())
    medians = {key: statistics.median(run.rate for run in given) for key, given in runs.items()}
    say("where", "languages", "workers", "rows/s", "", "÷ bare", "÷ 1 language", "ask s", "start s")
    for (where, languages, workers), given in runs.items():
        rates = middle([run.rate for run in given], ",.0f").split(" ", 1)
        mine = medians[where, languages, workers]
        ratios = [f"{mine / medians[other]:.2f}" for other in ((where, languages, "bare"), (where, 1, workers))]
        waits = [f"{statistics.median(getattr(run, name) for run in given):.2f}" for name in ("ask", "start")]
        say(where, languages, workers, *rates, *ratios, *waits)


def tokens(options: argparse.Namespace) -> None:
    """Prints rows/s of token ids made before and on the way, and what making them took."""
    with places(False) as ((_, place),), ray_here(max(options.workers)):
        feed = feed_of(write_corpus(place / "texts", zipf(options.rows, 1)), options)
        began = time.perf_counter()
        tokenise(feed.corpus, feed.rules, columns_of(feed.corpus), place / "tokens")
        took = time.perf_counter() - began
        ready = replace(feed, tokens=replace(feed.corpus, folder=place / "tokens"))
        ways = {
            "texts": (feed, read_round),
            "on the way": (feed, read_token_round),
            "before": (ready, read_token_round),
        }
        runs: dict[tuple[str, int], list[float]] = {(way, n): [] for way in ways for n in options.workers}
        for _ in range(options.repeats):
            for way, workers in runs:
                runs[way, workers].append(stream(*ways[way], workers).rate)
    say("tokenised", "workers", "rows/s", "", "÷ on the way")
    for (way, workers), rates in runs.items():
        ratio = statistics.median(rates) / statistics.median(runs["on the way", workers])
        say(way, workers, *middle(rates, ",.0f").split(" ", 1), f"{ratio:.2f}")
    print(f"making the token ids of {options.rows:,} rows took {took:.1f} s")


def memory(options: argparse.Namespace) -> None:
    """Prints peaks of workers and tasks for each number of rows."""
    table = []
    for rows in options.rows:
        with places(False) as ((_, place),), ray_here(max(options.workers)):
            feed = feed_of(write_corpus(place, zipf(rows, MANY)), options)
            table += [(rows, workers, stream(feed, read_round, workers)) for workers in options.workers]
    first = {workers: run.memory for rows, workers, run in table if rows == options.rows[0]}
    kinds = ("workers", "tasks", "workers' own", "tasks' own")
    say("rows", "workers", "rows/s", *(f"{kind} MB" for kind in kinds), *(f"÷ first, {kind}" for kind in kinds))
    for rows, workers, run in table:
        ratios = [f"{now / then:.2f}" for now, then in zip(run.memory, first[workers], strict=True)]
        say(f"{rows:,}", workers, f"{run.rate:,.0f}", *(f"{mb:,.0f}" for mb in run.memory), *ratios)


def read_bytes(options: argparse.Namespace) -> None:
    """Prints bytes read ÷ delivered for each number of workers."""
    with places(False) as ((_, place),):
        say("languages", "workers", "read ÷ delivered")
        for languages in (1, MANY):
            feed = feed_of(write_corpus(place / f"c{languages}", zipf(options.rows, languages)), options)
            for workers in options.workers:
                say(languages, workers, f"{amplification(feed, workers):.3f}")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    kinds = {
        "rate": (rate, [2, 8]),
        "tokens": (tokens, [2]),
        "memory": (memory, [2]),
        "bytes": (read_bytes, [1, 2, 8, 64]),
    }
    for name, (run, workers) in kinds.items():
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--workers", type=int, nargs="+", default=workers)
        command.add_argument("--batch-size", type=int, default=1_024)
        command.add_argument("--batching", choices=["homogeneous", "mixed"], default="homogeneous")
        command.add_argument("--rows-per-round", type=int, default=Cluster().rows_per_round)
        if name == "memory":
            command.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
        else:
            command.add_argument("--rows", type=int, default=200_000 if name == "tokens" else 1_000_000)
        if name in ("rate", "tokens"):
            command.add_argument("--repeats", type=int, default=3)
        if name == "rate":
            command.add_argument("--s3", action="store_true", help="also from an S3 server")
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
