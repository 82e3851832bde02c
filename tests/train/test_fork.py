"""Runs that change in mid-run: gone on with on either side of a change, and begun with another's checkpoint."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import torch.distributed as dist

from raytrain.config import FromScratch, Train
from raytrain.errors import DamagedError, UserError
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.model.texts import Texts
from raytrain.plan import Plan, Shards, lanes_of
from raytrain.storage import Location
from raytrain.train.checkpoint import committed_steps, latest_checkpoint, load_state, newest_whole, read_checkpoint
from raytrain.train.engine import make_engine
from raytrain.train.fork import check_agree, fork
from raytrain.train.loop import train_rank
from raytrain.train.rank_batch import RankBatch
from raytrain.train.trainee import Trainee
from train.ranks import on_ranks
from train.saved import save_checkpoint

STEPS, CHANGE, LANES, BATCH = 7, 3, 4, 8
CORPUS = {language: Shards(language, (50,), 16) for language in ("deu", "eng", "fin")}
CHANGES = [{"at": CHANGE, "mix": {}, "losses": {"both": 0.25}, "learning_rate": 1e-3}]
LOSSES = {"nce": {"temperature": {"start": 0.1}}, "both": {"symmetric": True, "weight": 2.0}}


def settings(changes: Any, **options: Any) -> Train:
    return Train.model_validate(
        {
            "max_steps": STEPS,
            "checkpoint_every": CHANGE,
            "keep_checkpoints": 9,
            "ledger": True,
            "warmup_steps": 2,
            "learning_rate": 1e-2,
            "batch_size": BATCH,
            "lanes": LANES,
            "batching": "mixed",
            "tokens_per_chunk": 40,
            "losses": LOSSES,
            "changes": changes,
            **options,
        }
    )


def plan_of(config: Train) -> Plan:
    options: Any = {"batch_size": BATCH, "lanes": LANES, "seed": 7, "batching": "mixed"}
    plan = Plan.of(CORPUS, {"deu": 0.5, "eng": 0.5}, **options)
    for change in config.changes:
        plan = plan.then(change.at, Plan.of(CORPUS, {"deu": 0.2, "fin": 0.8}, **options))
    return plan


def batch_of(plan: Plan, step: int, lanes: range) -> RankBatch:
    """The planned rows; the texts of a row are always the same."""
    rows = plan.rows_of(lanes, step, 1)
    languages = [plan.languages[number] for number in rows.language.tolist()]
    texts: tuple[list[list[int]], list[list[int]]] = ([], [])
    for language, row in zip(languages, rows.row.tolist(), strict=True):
        rng = np.random.default_rng([ord(language[0]), row])
        for found, most in zip(texts, (6, 20), strict=True):
            found.append(rng.integers(10, 300, rng.integers(2, most)).tolist())
    queries, passages = (
        Texts(np.concatenate(ids).astype(np.int32), np.cumsum([0, *map(len, ids)]).astype(np.int64)) for ids in texts
    )
    ids = [f"{language}-{row}" for language, row in zip(languages, rows.row.tolist(), strict=True)]
    return RankBatch(step, queries, passages, ids, languages, rows.lane.tolist())


def train(rank: int, world: int, run: Location, changes: Any, end: int = STEPS) -> None:
    """Goes on from the newest checkpoint, and ends with one after some steps."""
    config = settings(changes)
    plan = plan_of(config)
    backbone = random_backbone(FromScratch(layers=1, hidden=32, heads=4, dropout=0.0), 300, 0, 64, seed=1)
    module = Trainee(BiEncoder(backbone, "mean"), config.losses)
    checkpoint = newest_whole(run, print)
    state = load_state(run, checkpoint) if checkpoint else {}
    if checkpoint:
        module.load_state_dict({n.removeprefix("weight/"): v for n, v in state.items() if n.startswith("weight/")})
    engine = make_engine(module, config, "cpu")
    if checkpoint:
        engine.load_state(state, checkpoint.updates)
    begin = checkpoint.step if checkpoint else 0
    reported: list[dict[str, Any]] = []
    train_rank(
        engine,
        (batch_of(plan, step, lanes_of(rank, world, LANES)) for step in range(begin, STEPS)),
        config=config,
        plan=plan,
        run=run,
        pad_id=0,
        kept_tokens=50,
        packed=False,
        checkpoint=checkpoint,
        report=reported.append,
        warn=print,
        asked=lambda: reported[-1]["step"] + 1 == end,
        committed=lambda checkpoint: None,
    )


def train_all(rank: int, world: int, folder: str) -> None:
    plain, changed, resumed, forked = (Location.of(f"{folder}/{name}") for name in RUNS)
    train(rank, world, plain, [])
    train(rank, world, changed, CHANGES)
    for end in (CHANGE - 1, CHANGE + 1, STEPS):
        train(rank, world, resumed, CHANGES, end)
    if rank == 0:
        fork(plain, CHANGE, forked, print)
    dist.barrier()
    train(rank, world, forked, CHANGES)


RUNS = ("plain", "changed", "resumed", "forked")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fork")
    on_ranks(2, train_all, folder, str(folder))
    return folder


def state_of(folder: Path, name: str) -> dict[str, torch.Tensor]:
    run = Location.of(str(folder / name))
    checkpoint = latest_checkpoint(run)
    assert checkpoint is not None
    assert checkpoint.step == STEPS
    return load_state(run, checkpoint)


def log_of(folder: Path, name: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """Metrics of all steps but for times, and the rows of the ledger."""
    checkpoint = latest_checkpoint(Location.of(str(folder / name)))
    assert checkpoint is not None
    files = [folder / name / file.path for file in checkpoint.log]
    lines = [line for path in files if path.name == "metrics.jsonl" for line in path.read_text().splitlines()]
    metrics = [{k: v for k, v in json.loads(line).items() if "seconds" not in k} for line in lines]
    tables = [pq.read_table(path) for path in files if path.suffix == ".parquet"]
    return metrics, sorted(tuple(row.values()) for table in tables for row in table.to_pylist())


@pytest.mark.parametrize("name", ["resumed", "forked"])
def test_it_ends_as_the_run_that_was_never_stopped(folder: Path, name: str) -> None:
    """Bit by bit: weights, moments, metrics and rows."""
    expected, found = state_of(folder, "changed"), state_of(folder, name)
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[key]) for key, value in expected.items())
    metrics, rows = log_of(folder, "changed")
    assert [line["step"] for line in metrics] == list(range(STEPS))
    assert (metrics, rows) == log_of(folder, name)


def test_only_steps_from_the_change_on_are_others(folder: Path) -> None:
    (plain, plain_rows), (changed, rows) = log_of(folder, "plain"), log_of(folder, "changed")
    assert plain[:CHANGE] == changed[:CHANGE]
    assert [row for row in plain_rows if row[0] < CHANGE] == [row for row in rows if row[0] < CHANGE]
    for before, after in zip(plain[CHANGE:], changed[CHANGE:], strict=True):
        assert after["learning_rate"] == pytest.approx(before["learning_rate"] / 10)
        assert before["loss"] == pytest.approx(before["terms"]["nce"] + 2 * before["terms"]["both"])
        assert after["loss"] == pytest.approx(after["terms"]["nce"] + 0.25 * after["terms"]["both"])
        assert "fin" not in before["languages"]
        assert "eng" not in after["languages"]
    wanted = plan_of(settings(CHANGES)).rows_of(range(LANES), 0, STEPS)
    ids = [f"{('deu', 'eng', 'fin')[x]}-{row}" for x, row in zip(wanted.language, wanted.row, strict=True)]
    assert sorted(zip(wanted.step.tolist(), ids, strict=True)) == sorted((row[0], row[4]) for row in rows)
    expected, found = state_of(folder, "plain"), state_of(folder, "changed")
    assert not any(torch.equal(value, found[key]) for key, value in expected.items() if key.startswith("weight/"))


@pytest.fixture
def source(tmp_path: Path) -> Location:
    run = Location.of(str(tmp_path / "source"))
    for step in (10, 20):
        save_checkpoint(run, [{"weight/a": torch.full((3,), float(step))}, {"weight/b": torch.zeros(2)}], step=step)
    return run


def test_a_fork_is_made_once(source: Location, tmp_path: Path) -> None:
    target = Location.of(str(tmp_path / "target"))
    said: list[str] = []
    fork(source, 10, target, said.append)
    assert said == [f"train: begins with the checkpoint of step 10 of {source.uri}"]
    checkpoint = newest_whole(target, print)
    assert checkpoint is not None
    assert checkpoint == read_checkpoint(source, 10)
    assert load_state(target, checkpoint)["weight/a"].tolist() == [10.0] * 3
    save_checkpoint(target, [{}], step=15)  # the run goes on
    source.delete_tree()
    fork(source, 10, target, said.append)
    assert committed_steps(target) == [10, 15]
    assert len(said) == 1


def test_a_copy_that_was_cut_off_is_completed(source: Location, tmp_path: Path) -> None:
    target = Location.of(str(tmp_path / "target"))
    fork(source, 10, target, print)
    (target / "checkpoints/step-000000010/manifest.json").delete()
    (target / "checkpoints/step-000000010/writer-00000-of-00002.safetensors").write_bytes(b"half")
    assert newest_whole(target, print) is None
    fork(source, 10, target, print)
    assert newest_whole(target, print) == read_checkpoint(source, 10)


def test_what_is_not_there_or_damaged_is_refused(source: Location, tmp_path: Path) -> None:
    target = Location.of(str(tmp_path / "target"))
    with pytest.raises(UserError, match=r"source: no checkpoint of step 15 to fork \(there are: 10, 20\)"):
        fork(source, 15, target, print)
    assert not target.list()
    (source / "checkpoints/step-000000010/writer-00001-of-00002.safetensors").write_bytes(b"other")
    with pytest.raises(DamagedError, match=r"writer-00001-of-00002\.safetensors: damaged"):
        fork(source, 10, target, print)
    assert newest_whole(target, print) is None
    with pytest.raises(UserError, match=r"target: can't begin with step 20 of .*source.*\"step\": 10.*delete that"):
        fork(source, 20, target, print)
    other = Location.of(str(tmp_path / "other"))
    save_checkpoint(other, [{}], step=10)
    with pytest.raises(UserError, match=r"other: can't begin with step 20 of .*: it has a run of its own; delete"):
        fork(source, 20, other, print)


def test_runs_that_differ_before_the_step_do_not_share_it() -> None:
    plain, changed = settings([]), settings(CHANGES)
    plans = plan_of(plain), plan_of(changed)
    check_agree(plain, changed, *plans, CHANGE)
    check_agree(plain, settings(CHANGES, checkpoint_every=1), *plans, CHANGE)
    with pytest.raises(UserError, match="runs that differ in changes before step 4 don't share"):
        check_agree(plain, changed, *plans, CHANGE + 1)
    with pytest.raises(UserError, match="runs that differ in seed, warmup_steps before step 3"):
        check_agree(plain, settings(CHANGES, seed=1, warmup_steps=3), *plans, CHANGE)
    with pytest.raises(UserError, match="runs that differ in the corpus before step 3"):
        check_agree(
            plain,
            changed,
            plans[0],
            Plan.of(CORPUS, {"deu": 1.0}, batch_size=BATCH, lanes=LANES, seed=7, batching="mixed"),
            CHANGE,
        )
