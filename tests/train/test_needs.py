"""What is told before training: the table, what can't fit and what would help, and CPUs for data."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from transformers import DistilBertConfig, DistilBertModel

from raytrain.config import Cluster, FromScratch, Train
from raytrain.corpus.corpus import Corpus
from raytrain.corpus.pairs import PAIRS
from raytrain.errors import UserError
from raytrain.model.encoder import random_backbone
from raytrain.model.tokenizer import train_tokenizer
from raytrain.model.tokens import TokenRules
from raytrain.parquet import write_parquet
from raytrain.plan import Plan, Shards
from raytrain.report.memory import memory_lines
from raytrain.storage import Location
from raytrain.train.memory import Encoder
from raytrain.train.needs import Needs, Sample, check_memory, data_line, encoder_of, sample_of, size
from raytrain.train.room import Room, cpu_room
from raytrain.train.stream import Feed

GIB = 2**30
# The sizes of XLM-R base: embeddings of 250,002 tokens and 514 positions, 12 layers.
LAYER = [768 * 768] * 4 + [768 * 3072] * 2 + [768] * 9 + [3072]
XLM_R = Encoder([250_002 * 768, 514 * 768, *LAYER * 12], (250_002 + 514) * 768, 768, 12, 12, True, True)
GPU = Room("cuda", "NVIDIA L4", 22 * GIB, 1)


def needs(room: Room | None, workers: int = 1, **train: Any) -> Needs:
    given = {"batch_size": 1_024, "lanes": 8, "zero_stage": 1, **train}
    return Needs(XLM_R, Train(**given), workers, 256, Sample(1.0, 120.0, 450.0), room, 1.0)


def test_enough_memory_needs_no_word() -> None:
    assert check_memory(needs(GPU)) is None
    assert check_memory(needs(None)) is None


def test_what_cannot_fit_is_refused_with_what_would_help() -> None:
    small = replace(GPU, memory=4 * GIB)
    with pytest.raises(UserError) as error:
        check_memory(needs(small, workers=2))
    line = str(error.value)
    assert "\n" not in line
    assert line.startswith("train: without any text each worker needs ")
    assert "has 4.0 GiB of its NVIDIA L4; most of it are the " in line
    assert line.endswith(": set cluster.workers: 8")
    with pytest.raises(UserError, match="no key of the job file helps enough"):
        check_memory(needs(replace(GPU, memory=GIB // 8), workers=2))


def test_what_may_just_fit_is_no_more_than_warned_of() -> None:
    needed = needs(GPU, workers=2).memory().fixed
    assert check_memory(needs(replace(GPU, memory=int(needed / 1.1)), workers=2)) is not None
    with pytest.raises(UserError):
        check_memory(needs(replace(GPU, memory=int(needed / 1.2)), workers=2))


def test_every_advice_was_estimated() -> None:
    for memory in (3, 4, 5, 6, 8):
        room = replace(GPU, memory=memory * GIB)
        try:
            check_memory(needs(room, workers=2))
        except UserError as error:
            _, _, advice = str(error).partition(": set ")
            for told in advice.split(", or ") if advice else []:
                changes = dict(change.split(": ") for change in told.split(" and "))
                workers = int(changes.pop("cluster.workers", 2))
                values = {key.removeprefix("train."): json.loads(value) for key, value in changes.items()}
                found = needs(room, workers, **values)
                assert found.memory().fixed <= memory * GIB


def test_graphs_that_may_not_fit_are_told_and_may_be_smaller() -> None:
    tight = needs(replace(GPU, memory=12 * GIB), graph_gib=8)
    line = check_memory(tight)
    assert line is not None
    assert line.startswith("train: each worker may need ")
    assert line.endswith(": set train.graph_gib: 2.0")
    assert check_memory(replace(tight, train=tight.train.model_copy(update={"graph_gib": 2.0}))) is None


def test_a_machine_is_shared_by_its_workers() -> None:
    nodes = [{"CPU": 4.0, "memory": 16.0 * GIB}, {"CPU": 2.0, "memory": 3.0 * GIB}, {"memory": 9.0 * GIB}]
    clusters = Cluster(workers=4), Cluster(workers=2, cpus_per_worker=0.5), Cluster(workers=5), Cluster(workers=7)
    rooms = [cpu_room(cluster, nodes) for cluster in clusters]
    assert [room and room.each for room in rooms] == [4 * GIB, 8 * GIB, 3 * GIB, None]
    assert cpu_room(Cluster(workers=1), []) is None  # of nodes that went
    line = check_memory(needs(Room("cpu", "machine", 16 * GIB, 2), workers=2, graph_gib=4))
    assert line is not None
    assert "has 8.0 GiB of its machine, a share of 2; if it runs out: set train.graph_gib: " in line
    assert line.endswith("cluster.workers: 1")
    with pytest.raises(UserError, match=r"has 3.0 GiB of its machine, a share of 2; .* set cluster.workers: 1"):
        check_memory(needs(Room("cpu", "machine", 6 * GIB, 2), workers=2, zero_stage=0))


@pytest.mark.parametrize("stage", [1, 3])
def test_the_table_has_each_part_and_the_peak(stage: int) -> None:
    found = needs(GPU, workers=2, zero_stage=stage)
    lines = memory_lines(found)
    text, estimated = "\n".join(lines), found.memory()
    for name, number in (
        ("weights", estimated.weights),
        ("optimizer", estimated.optimizer),
        ("gradients", estimated.gradients),
        ("activations", estimated.activations),
        ("embeddings", estimated.embeddings),
        ("checkpoint", estimated.checkpoint),
        ("there is", GPU.memory),
    ):
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert size(number) in line
    assert ("gathered" in text) == (stage == 3)
    assert max(map(len, lines)) <= 100


def test_data_needs_cpus_by_what_a_step_takes() -> None:
    line = data_line(needs(GPU, bf16=True), tokenised=False, free=4)
    assert line == (
        "train: data of each worker needs about 0.1 CPUs, guessed from 40% of 121 TFLOP/s, 780 pairs/s of 120 tokens"
    )
    assert "of 989 TFLOP/s" in data_line(needs(replace(GPU, name="NVIDIA H100 80GB HBM3"), bf16=True), False, 4)
    assert "of 19.5 TFLOP/s" in data_line(needs(None), False, 4)
    assert "less than 0.1 CPUs, guessed from 40% of 0.1 TFLOP/s" in data_line(
        needs(Room("cpu", "machine", 20 * GIB, 1)), False, 1
    )


def test_too_few_cpus_for_data_are_told() -> None:
    fast = needs(replace(GPU, name="NVIDIA H100"), workers=4, bf16=True)
    assert "they may wait" not in data_line(fast, False, free=5)
    assert "; 2 CPUs are left for 4 workers, so they may wait: token ids made before" in data_line(fast, False, free=2)
    assert "they may wait" not in data_line(fast, True, free=2)
    assert "so they may wait: more machines" in data_line(fast, True, free=0)


def test_an_encoder_is_read_from_its_files(tmp_path: Path) -> None:
    backbone = random_backbone(FromScratch(layers=3, hidden=32, heads=2, dropout=0.0), 90, 0, 16, seed=1)
    backbone.save_pretrained(tmp_path / "bert")
    found = encoder_of(Location.of(str(tmp_path / "bert")), None)
    assert sorted(found.sizes) == sorted(p.numel() for p in backbone.parameters())
    assert found.looked_up == (90 + 16 + 2) * 32 + 2 * 32  # with the normalisation of embeddings
    assert (found.width, found.layers, found.heads) == (32, 3, 2)
    assert (found.dropout, found.attention_dropout) == (False, False)
    assert encoder_of(Location.of(str(tmp_path / "bert")), 0.2).attention_dropout
    assert found.inner == pytest.approx(2 * 128, abs=20)


def test_other_names_and_several_files_are_read(tmp_path: Path) -> None:
    shape = {"n_layers": 2, "dim": 16, "n_heads": 2, "hidden_dim": 32, "vocab_size": 50}
    distil = DistilBertModel(DistilBertConfig(**shape))
    distil.save_pretrained(tmp_path / "distil", max_shard_size="5KB")
    assert len(list((tmp_path / "distil").glob("*.safetensors"))) > 1
    found = encoder_of(Location.of(str(tmp_path / "distil")), None)
    assert found.parameters == distil.num_parameters()
    assert (found.width, found.layers, found.heads, found.dropout, found.attention_dropout) == (16, 2, 2, True, True)


def test_rows_are_sampled_with_their_negatives(tmp_path: Path) -> None:
    folder = Location.of(str(tmp_path))
    rows = 40
    texts = {"question": ["one two"] * rows, "answer": ["three four five"] * rows}
    table = pa.table([pa.array(texts[f.name]) if f.name in texts else pa.nulls(rows, f.type) for f in PAIRS], PAIRS)
    write_parquet(table, folder, "fin/part-00000.parquet", 20)
    shards = {"fin": Shards("fin", (rows,), 20)}
    plan = Plan.of(shards, {"fin": 1.0}, batch_size=4, lanes=2, seed=1, batching="homogeneous")
    rules = TokenRules(train_tokenizer(["one two three four five"], 600).to_str(), "", "", 16, 16)
    feed = Feed(plan, Corpus(folder, shards, {"fin": ("fin/part-00000.parquet",)}), rules, 0, 5, 100)
    found = sample_of(feed, Train())
    assert found.passages == 1
    assert 5 <= found.tokens <= 32
    assert found.row_bytes >= len("one two" + "three four five")
