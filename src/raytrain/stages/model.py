"""model: the encoder to start from, with its tokenizer, as one folder that every worker reads."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from raytrain.artifact import Artifact, download_folder, read_manifest, upload_folder
from raytrain.config import FromScratch, Job
from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.pipeline import Inputs, Outcome, Say, Stage, options_of
from raytrain.storage import Location

FOLDER = "model"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")  # what weights were kept in before safetensors


def _identity(job: Job) -> Mapping[str, Any]:
    model = job.model
    if model.from_scratch:
        longest = max(model.query_max_len, model.passage_max_len)
        return {
            "from_scratch": model.from_scratch.model_dump(mode="json"),
            "longest": longest,
            "seed": job.train.seed,
        }
    name = job.train.init_from or model.name_or_path
    assert name is not None
    return {"source": name, "revision": model.revision, "version": _version(job, name)}


def _version(job: Job, name: str) -> Any:
    """What tells the content of a named model from any other; None for a hub name, which has its revision."""
    place = _place(job, name)
    if place is None:
        return None
    manifest = read_manifest(place)
    if manifest:
        return manifest.content
    return {info.path: f"{info.size}-{info.version}" for info in place.list()}


def _place(job: Job, name: str) -> Location | None:
    """The folder of a named model, or None if the name is one of the hub's."""
    if "://" not in name and not Path(name).expanduser().exists():
        if name.startswith(("/", ".", "~")) or name.count("/") > 1:
            raise UserError(f"model: no folder {name}")
        if job.model.revision is None:
            raise UserError(f"model.revision: {name} is a hub name: pin a revision (a commit), or give a folder")
        return None
    place = Location.of(name, options_of(job))
    paths = [info.path for info in place.list()]
    if not paths:
        raise UserError(f"model: {place.uri} is empty or not there")
    _check_weights(place, paths)
    return place


def _check_weights(place: Location, paths: Sequence[str]) -> None:
    """Raises UserError for a folder whose only weights are pickles: to load one is to run what is in it."""
    pickled = [path for path in paths if path.endswith(PICKLED)]
    if pickled and not any(path.endswith(".safetensors") for path in paths):
        raise UserError(
            f"model: {place.uri}/{pickled[0]} is a pickle, which can run code when it is loaded, and there are no "
            "safetensors: if you trust it, convert it with AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )


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

    name = job.train.init_from or job.model.name_or_path
    assert name is not None
    place = _place(job, name)
    path: str | Path = name if place is None else _download(place, source)
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


def _download(place: Location, to: Path) -> Path:
    """A model folder on this machine: that of a train or export artifact (its hashes checked), or any other."""
    to.mkdir()
    manifest = read_manifest(place)
    if manifest:
        prefixes = {file.path.split("/")[0] for file in manifest.files if file.path.endswith("config.json")}
        if FOLDER not in prefixes:
            raise UserError(f"model: {place.uri} is a {manifest.stage} artifact and holds no model")
        return download_folder(Artifact(place, manifest), FOLDER, to)
    for info in place.list():
        target = to / info.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (place / info.path).download(target)
    return to


def _check(job: Job) -> None:
    _identity(job)


MODEL = Stage("model", ("prepare",), _identity, _run, _check)
