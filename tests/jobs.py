"""A small job over small real files."""

import json
import random
from pathlib import Path
from typing import Any

WORDS = [a + b + c for a in "bdfgklmnprstv" for b in "aeiou" for c in ("n", "r", "st", "l")]


def write_corpus(folder: Path, languages: tuple[str, ...] = ("deu", "eng", "fin"), rows: int = 300) -> Path:
    """Questions and answers that share rare words, so that there is something to learn."""
    folder.mkdir(parents=True)
    for language in languages:
        rng = random.Random(language)
        with (folder / f"{language}.jsonl").open("w") as file:
            for _ in range(rows):
                topic = rng.sample(WORDS, 3)
                answer = topic + rng.sample(WORDS, rng.randint(3, 20))
                rng.shuffle(answer)
                row = {"question": f"{' '.join(topic)}?", "answer": " ".join(answer) + ".", "topic": language}
                file.write(json.dumps(row) + "\n")
    return folder


def small_job(source: Any, root: Any, **train: Any) -> dict[str, Any]:
    """Plain data of a job that trains in seconds: 40 steps of 24 pairs, 4 lanes, ZeRO 1 on two workers."""
    return {
        "name": "small",
        "root": str(root),
        # Its words are of no language.
        "corpus": {"source": str(source), "row_group_rows": 32, "clean": False, "identify": False},
        "model": {
            "from_scratch": {"layers": 1, "hidden": 32, "heads": 2, "vocab_size": 600},
            "query_max_len": 16,
            "passage_max_len": 32,
        },
        "train": {
            "batch_size": 24,
            "lanes": 4,
            "max_steps": 40,
            "warmup_steps": 4,
            "learning_rate": 1e-3,
            "checkpoint_every": 10,
            "ledger": True,
            "tokens_per_chunk": 128,
            **train,
        },
        "cluster": {"workers": 2, "cpus_per_worker": 0.5, "local_cpus": 4, "rows_per_round": 200},
    }


def write_held_out(folder: Path, languages: tuple[str, ...] = ("deu", "eng", "fin"), questions: int = 60) -> Path:
    """A BEIR folder a language, of the same kind of questions and answers; as many passages answer nothing."""
    for language in languages:
        rng = random.Random(f"held out {language}")
        place = folder / language
        (place / "qrels").mkdir(parents=True)
        rows: dict[str, list[str]] = {"corpus": [], "queries": [], "qrels": ["query-id\tcorpus-id\tscore"]}
        for number in range(2 * questions):
            topic = rng.sample(WORDS, 3)
            answer = topic + rng.sample(WORDS, rng.randint(3, 20))
            rng.shuffle(answer)
            rows["corpus"].append(json.dumps({"_id": f"p{number}", "text": f"{' '.join(answer)}."}))
            if number < questions:
                rows["queries"].append(json.dumps({"_id": f"{language}{number}", "text": f"{' '.join(topic)}?"}))
                rows["qrels"].append(f"{language}{number}\tp{number}\t1")
        for name, path in (("corpus", "corpus.jsonl"), ("queries", "queries.jsonl"), ("qrels", "qrels/test.tsv")):
            (place / path).write_text("\n".join([*rows[name], ""]))
    return folder
