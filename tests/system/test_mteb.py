"""With real mteb (pip install 'raytrain[mteb]'): the tasks are there, and an exported model is scored as here."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from model.sentence_folder import sentence_folder
from raytrain.evaluate.metrics import DEPTH, Hits, score
from raytrain.evaluate.models import OtherModel
from raytrain.evaluate.mteb_tasks import VERSION, mteb_script
from raytrain.evaluate.published import tables
from raytrain.model.sentence_embedder import SentenceEmbedder

pytestmark = pytest.mark.system
mteb = pytest.importorskip("mteb", reason="pip install 'raytrain[mteb]'")

WEBFAQ = [
    "ara",
    "ben",
    "dan",
    "deu",
    "ell",
    "eng",
    "fas",
    "fin",
    "fra",
    "hin",
    "ind",
    "ita",
    "jpn",
    "kor",
    "nld",
    "nor",
    "pol",
    "por",
    "rus",
    "spa",
    "swe",
    "tur",
    "vie",
    "zho",
]
NAMES = ["mrtydi:data", "miracl:data", "webfaq:data", "bitext:tatoeba", "bitext:data/bucc"]


def tasks_of(benchmarks: list[str], languages: list[str] | None) -> list[dict[str, Any]]:
    tree = ast.parse(mteb_script("job", benchmarks, languages))
    (value,) = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign)][:1]
    found: list[dict[str, Any]] = ast.literal_eval(value)
    return found


def test_the_names_are_those_of_the_version_that_is_told() -> None:
    assert mteb.__version__ == VERSION
    for task in tasks_of(NAMES, None):
        assert mteb.get_task(**task).eval_splits == task["eval_splits"]


@pytest.mark.parametrize(
    ("benchmark", "languages"),
    [
        ("mrtydi:data", sorted(tables()[0].questions)),
        ("miracl:data", sorted(tables()[1].questions)),
        ("webfaq:data", WEBFAQ),
        ("bitext:tatoeba", ["deu-eng", "eng-zho", "fas-eng", "swa-eng"]),
        ("bitext:bucc", ["deu-eng", "zho-eng"]),
    ],
)
def test_every_language_is_a_subset_and_no_other(benchmark: str, languages: list[str]) -> None:
    (task,) = tasks_of([benchmark], languages)
    assert len(mteb.get_task(**task).hf_subsets) == len(languages)


def texts(n: int, seed: int) -> dict[str, str]:
    rng = np.random.default_rng(seed)
    words = ["ban", "dol", "ran", "mer", "lis", "fel", "gor", "kun"]
    return {f"{seed}-{i}": " ".join(rng.choice(words, rng.integers(3, 12))) for i in range(n)}


QUESTIONS, PASSAGES = texts(40, 1), texts(300, 2)
RELEVANT = {q: {f"2-{i}": 1, f"2-{i + 50}": 1} for i, q in enumerate(QUESTIONS)}


@pytest.fixture
def local_task() -> Any:
    """A retrieval task of mteb over texts that are here."""
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class LocalRetrieval(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="LocalRetrieval",
            description="Made texts.",
            dataset={"path": "local/none", "revision": "1"},
            type="Retrieval",
            category="t2t",
            modalities=["text"],
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_10",
        )

        def load_data(self, *args: Any, **kwargs: Any) -> None:
            def rows(some: dict[str, str]) -> Dataset:
                return Dataset.from_list([{"id": key, "text": text} for key, text in some.items()])

            split = {"corpus": rows(PASSAGES), "queries": rows(QUESTIONS), "relevant_docs": RELEVANT}
            self.dataset = {"default": {"test": {**split, "top_ranked": None}}}
            self.data_loaded = True

    return LocalRetrieval()


def test_an_exported_model_is_scored_by_mteb_as_here(tmp_path: Path, local_task: Any) -> None:
    """By encode_query and encode_document, with the prompts and lengths that the export wrote."""
    folder = sentence_folder(
        tmp_path / "exported", query_prompt="ban: ", passage_prompt="dol: ", query_max_len=8, passage_max_len=24
    )
    found = mteb.evaluate(SentenceTransformer(str(folder), device="cpu"), local_task, cache=None)
    theirs = found.task_results[0].get_score()

    ours = SentenceEmbedder(folder, OtherModel(name=str(folder)))
    products = ours.queries(list(QUESTIONS.values())) @ ours.passages(list(PASSAGES.values())).T
    ranked: dict[str, Hits] = {
        question: sorted(zip(PASSAGES, row.tolist(), strict=True), key=lambda hit: (hit[1], hit[0]), reverse=True)[
            :DEPTH
        ]
        for question, row in zip(QUESTIONS, products, strict=True)
    }
    means = np.mean([one["nDCG@10"] for one in score(RELEVANT, ranked).values()])
    assert theirs == pytest.approx(means, abs=1e-4)  # mteb rounds to five places
    assert 0 < theirs < 1


def test_the_script_is_run_as_it_is_written(tmp_path: Path, local_task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the local task in the place of the first one, for there is no hub here."""
    folder = sentence_folder(tmp_path / "exported")
    script: dict[str, Any] = {"__name__": "run_mteb"}
    exec(compile(mteb_script("job", ["mrtydi:data"], ["fin"]), "run_mteb.py", "exec"), script)
    monkeypatch.setattr(mteb, "get_task", lambda **task: local_task)
    script["main"](str(folder), str(tmp_path / "results"))
    assert list((tmp_path / "results").rglob("LocalRetrieval.json"))
