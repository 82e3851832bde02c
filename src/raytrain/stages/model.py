"""model: the encoder to start from, with its tokenizer, as one folder that every worker reads."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raytrain.artifact import upload_folder
from raytrain.config import FromScratch, Job
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.stages.model_source import FOLDER, Named, download, place_of, version_of
from raytrain.storage import Location


def _identity(job: Job) -> Mapping[str, Any]:
    model = job.model
    if model.from_scratch:
        longest = max(model.query_max_len, model.passage_max_len)
        return {
            "from_scratch": model.from_scratch.model_dump(mode="json"),
            "longest": longest,
            "seed": job.train.seed,
        }
    named = _named(job)
    return {"source": named.name, "revision": named.revision, "version": version_of(job, named)}


def _named(job: Job) -> Named:
    name = job.train.init_from or job.model.name_or_path
    assert name is not None
    return Named("model", name, job.model.revision)


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / FOLDER
        local.mkdir()
        if job.model.from_scratch:
            summary = _from_scratch(job, job.model.from_scratch, Corpus.of(inputs["prepare"]), local)
        else:
            summary = _existing(job, local, Path(temp) / "source")
        files = upload_folder(local, folder, FOLDER)
    say(f"model: {summary['parameters']:,} weights, {summary['vocabulary']:,} tokens")
    return Outcome(files, [f"{FOLDER}/"], summary)


def _from_scratch(job: Job, config: FromScratch, corpus: Corpus, to: Path) -> dict[str, Any]:
    from raytrain.model.encoder import random_backbone
    from raytrain.model.tokenizer import SPECIAL, save_tokenizer, train_tokenizer

    texts: list[str] = []
    for language in corpus.shards:  # all languages of the corpus, trained on or not
        rows = corpus.first_rows(language, config.tokenizer_rows, ("question", "answer"))
        for column in rows.columns:
            texts += column.to_pylist()
    tokenizer = train_tokenizer(texts, config.vocab_size)
    longest = max(job.model.query_max_len, job.model.passage_max_len)
    size = tokenizer.get_vocab_size()
    backbone = random_backbone(config, size, SPECIAL.index("[PAD]"), longest, job.train.seed)
    save_tokenizer(tokenizer, to, longest)
    backbone.save_pretrained(to)
    return {"parameters": backbone.num_parameters(), "vocabulary": size, "tokenizer_texts": len(texts)}


def _existing(job: Job, to: Path, source: Path) -> dict[str, Any]:
    from transformers import AutoTokenizer

    from raytrain.model.encoder import load_backbone
    from raytrain.model.tokenizer import tokenizer_json

    named = _named(job)
    name, place = named.name, place_of(job, named)
    path: str | Path = name if place is None else download(named, place, source)
    backbone = load_backbone(path, job.model.revision)
    longest = max(job.model.query_max_len, job.model.passage_max_len)
    positions = getattr(backbone.config, "max_position_embeddings", longest)
    # RoBERTa-like models count positions from the padding id on, and so can take two texts' ends less.
    offset = backbone.config.pad_token_id + 1 if "roberta" in backbone.config.model_type else 0
    if longest > positions - offset:
        raise UserError(f"model.passage_max_len: {longest} is more than the {positions - offset} positions of {name}")
    tokenizer_json(path, job.model.revision)  # refuses a tokenizer that tasks can't run
    tokenizer = AutoTokenizer.from_pretrained(str(path), revision=job.model.revision, trust_remote_code=False)
    tokenizer.save_pretrained(to)
    backbone.save_pretrained(to)
    return {"parameters": backbone.num_parameters(), "vocabulary": len(tokenizer), "source": name}


def _check(job: Job) -> None:
    _identity(job)


MODEL = Stage("model", ("prepare",), _identity, _run, _check)
