"""The model card: a README with the metadata that the Hugging Face hub reads, filled from manifests and nothing else.

Metadata: https://github.com/huggingface/hub-docs/blob/main/modelcard.md?plain=1
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined
from langcodes.data_dicts import LANGUAGE_ALPHA3

from raytrain.artifact import Manifest, RowAccount
from raytrain.languages import is_trained, languages_of
from raytrain.report.account import reasons_in_order
from raytrain.report.rows import language_name
from raytrain.study.results import PRIMARY, SHOWN

NAME = "README.md"
WITHDRAWN = {"in", "iw", "ji", "jw", "mo", "sh"}  # from ISO 639-1
_ON_THE_HUB = re.compile(r"hf://(?:datasets/)?(?P<dataset>[^@]+)@(?P<revision>.+)")
_RECIPE = ("learning_rate", "warmup_steps", "schedule", "weight_decay", "max_grad_norm", "negatives_per_row", "bf16")


Means = Mapping[str, Mapping[str, Mapping[str, float]]]  # benchmark → language → metric → mean over questions


@dataclass(frozen=True)
class Origin:
    """The manifests of what an exported model was made from."""

    prepare: Manifest
    plan: Manifest
    model: Manifest
    train: Manifest


@dataclass(frozen=True)
class Scored:
    """What finished evaluations found, of the model and of baselines, and how many questions that were.

    ``questions``: benchmark → language → questions; ``content``: hash of the benchmarks' own texts and judgements.
    """

    model: Means
    questions: Mapping[str, Mapping[str, int]]
    content: str
    baselines: Mapping[str, Means] = field(default_factory=dict)


@dataclass(frozen=True)
class MixLine:
    """What was taken of a label."""

    label: str
    name: str
    pairs: int
    share: float
    passes: float
    rows: int


@dataclass(frozen=True)
class Table:
    """The scores of a benchmark: a row a language, a column a metric, and of the primary metric the baselines."""

    benchmark: str
    columns: list[str]
    rows: list[list[str]]


def card(
    origin: Origin, *, dimension: int, benchmarks: Sequence[str], scored: Scored | None, caveats: Sequence[str]
) -> str:
    """The text of the card, with its metadata in front.

    ``dimension`` of a vector; ``benchmarks`` are what the job calls those that it names; ``caveats`` keep the scores
    from being evidence. Nothing in it depends on time or place, but for how a job names its sources.
    """
    name = str(origin.train.config["name"])
    environment = Environment(
        loader=PackageLoader("raytrain", "model"),
        autoescape=False,  # it is Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("card.md.j2").render(
        name=name,
        dimension=dimension,
        rules=origin.train.identity["model"],
        start=_start(origin.model),
        mix=_mix(origin.plan),
        corpus=_corpus(origin.prepare),
        plan=origin.plan.identity,
        run=origin.train.summary,
        recipe=_filled({key: origin.train.identity["train"].get(key) for key in _RECIPE}),
        losses={term: _filled(loss) for term, loss in origin.train.identity["train"]["losses"].items()},
        changes=_changes(origin),
        benchmarks=benchmarks,
        tables=list(_tables(scored, origin.plan)) if scored else [],
        caveats=caveats,
        manifests={stage: getattr(origin, stage) for stage in ("prepare", "plan", "model", "train")},
        versions=origin.train.versions,
    )
    data = _metadata(origin, name, scored)
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}"))


def hub_code(language: str) -> str:
    """What the hub calls a language (ISO 639-3): its ISO 639-1 code where there is one."""
    short = [k for k, v in LANGUAGE_ALPHA3.items() if v == language and len(k) == 2 and k not in WITHDRAWN]
    return short[0] if short else language


def _metadata(origin: Origin, name: str, scored: Scored | None) -> ModelCardData:
    labels = _trained(origin.plan)
    languages = sorted({hub_code(code) for label in labels for code in languages_of(label)})
    hub = [match["dataset"] for source in _sources(origin.prepare) if (match := _ON_THE_HUB.fullmatch(source))]
    results = list(_results(scored)) if scored else []
    multilingual = ["multilingual"] if len(languages) > 1 else []
    return ModelCardData(
        language=languages,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "sentence-similarity", "feature-extraction", "dense-retrieval", *multilingual],
        datasets=list(dict.fromkeys(hub)) or None,
        base_model=_hub_model(origin.model),
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=name if results else None,
        eval_results=results or None,
        # A key of our own: the hub keeps what it does not know.
        raytrain={
            "corpus": {"hash": origin.prepare.hash, "content": origin.prepare.content},
            "mix": {line.label: round(line.share, 6) for line in _mix(origin.plan)},
            "pairs": origin.train.summary["pairs"],
            "model_sha256": origin.train.summary["model_sha256"],
        },
    )


def _results(scored: Scored) -> Iterator[EvalResult]:
    for benchmark, languages in scored.model.items():
        for language, metrics in languages.items():
            for metric, value in metrics.items():
                yield EvalResult(
                    task_type="information-retrieval",
                    task_name="Information Retrieval",
                    dataset_type=benchmark,
                    dataset_name=f"{benchmark} ({language})",
                    dataset_config=language,
                    dataset_args={"raytrain_content": scored.content},
                    metric_type=metric.lower().replace("@", "_at_"),  # as MTEB calls it: ndcg_at_10
                    metric_name=metric,
                    metric_value=round(value, 4),
                )


def _trained(plan: Manifest) -> dict[str, dict[str, Any]]:
    """What the plan takes of each label, most pairs first; labels without pairs are left out."""
    languages = plan.summary["languages"]
    taken = [label for label in languages if languages[label]["pairs"]]
    return {label: languages[label] for label in sorted(taken, key=lambda label: -languages[label]["pairs"])}


def _sources(prepare: Manifest) -> list[str]:
    return list(prepare.config["corpus"]["source"])


def _told(source: str) -> str:
    """A source as a card may name it: all of what is public, of a folder or bucket only its own name."""
    public = source.startswith(("hf://", "demo:"))
    return source if public else f"{source.rstrip('/').rsplit('/', 1)[-1]} (a folder)"


def _hub_model(model: Manifest) -> str | None:
    """The hub's name of the model that training began with; None if it was no model of the hub."""
    identity = model.identity
    on_hub = "source" in identity and identity["version"] is None
    return str(identity["source"]) if on_hub else None


def _start(model: Manifest) -> str:
    """What training began with, in words."""
    identity, size = model.identity, f"{model.summary['parameters']:,} weights"
    if "from_scratch" in identity:
        shape = identity["from_scratch"]
        return (
            f"random weights: a BERT of {shape['layers']} layers × {shape['hidden']}, {size}, with a tokenizer of "
            f"{model.summary['vocabulary']:,} tokens trained on the corpus"
        )
    hub = _hub_model(model)
    if hub:
        return f"[{hub}](https://huggingface.co/{hub}) at revision {identity['revision']}, {size}"
    return f"{_told(str(identity['source']))}, {size}"


def _filled(config: Mapping[str, Any]) -> dict[str, str]:
    """The keys of a section that have a value, in words; those of a section inside it are ``section.key``."""
    found: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": told for inner, told in _filled(value).items()}
        elif value is not None:
            found[key] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def _changes(origin: Origin) -> dict[int, str]:
    """What was otherwise from which step on, in words."""
    found: dict[int, list[str]] = {}
    for change in origin.train.identity["train"].get("changes", []):
        found[change["at"]] = [
            f"{key} {value}" for key, value in _filled({k: change[k] for k in change if k != "at"}).items()
        ]
    for segment in origin.plan.summary.get("segments", [])[1:]:
        found.setdefault(segment["steps"][0], []).append("another mix")
    return {step: ", ".join(words) for step, words in sorted(found.items())}


def _mix(plan: Manifest) -> list[MixLine]:
    trained = _trained(plan)
    total = sum(entry["pairs"] for entry in trained.values())
    return [
        MixLine(label, language_name(label), of["pairs"], of["pairs"] / total, of["passes"], of["rows"])
        for label, of in trained.items()
    ]


def _corpus(prepare: Manifest) -> dict[str, Any]:
    rows = prepare.rows or RowAccount(taken=0, kept=0)
    searched = {"benchmark", "validation"} & set(prepare.inputs)
    return {
        "hash": prepare.hash,
        "content": prepare.content,
        "sources": [_told(source) for source in _sources(prepare)],
        "rows": rows,
        "dropped": {reason: rows.dropped[reason] for reason in reasons_in_order(rows.dropped)},
        "searched": prepare.identity["corpus"]["decontaminate"] if searched else None,
    }


def _tables(scored: Scored, plan: Manifest) -> Iterator[Table]:
    trained = {code for label in _trained(plan) for code in languages_of(label)}
    for benchmark, languages in scored.model.items():
        columns = [
            "language",
            "trained on",
            "questions",
            *SHOWN,
            *(f"{PRIMARY}, {name}" for name in scored.baselines),
        ]
        rows = []
        for language, metrics in sorted(languages.items()):
            baselines = [means[benchmark][language][PRIMARY] for means in scored.baselines.values()]
            values = [f"{value:.4f}" for value in (*(metrics[name] for name in SHOWN), *baselines)]
            count = f"{scored.questions[benchmark][language]:,}"
            rows.append([language, "yes" if is_trained(language, trained) else "no", count, *values])
        yield Table(benchmark, columns, rows)
