"""What a run or a study found, as data: the numbers of the report, of the terminal and of ``report.json``."""

from typing import Any, Literal

from pydantic import Field

from raytrain.artifact import Record, RowAccount
from raytrain.corpus.config import Decontaminate
from raytrain.evaluate.published import Published

PRIMARY = "nDCG@10"
SHOWN = ("nDCG@10", "MRR@100", "Recall@100")  # where there is no room for all


class Estimate(Record):
    """A mean over questions and seeds with its 95 % bootstrap interval, and the mean of each seed (BM25: none)."""

    mean: float
    low: float
    high: float
    by_seed: list[float]


class System(Record):
    """What was scored: a baseline (BM25, the untrained encoder, a model of others), a trained one (an arm of a study),
    or one of these fused with BM25, which is compared with nothing.

    ``languages`` and ``groups``: language or group → metric → estimate; languages without a scored question are
    not there. ``pairs``: training pairs by language over all seeds, empty for what was not trained. ``seeds``: empty
    for BM25.
    """

    name: str
    kind: Literal["baseline", "trained", "fused"]
    seeds: list[int]
    pairs: dict[str, int]
    languages: dict[str, dict[str, Estimate]]
    groups: dict[str, dict[str, Estimate]]


class Comparison(Record):
    """One system against the baseline, over a language or a group of languages, on one metric.

    ``p_questions``: paired sign-flip test over questions, for just these trained models. ``p``: for new seeds too;
    None where no arm has two seeds. ``p_holm``: that, corrected over all languages and arms, or over all arms and the
    groups that a study asks about (never trained, trained); None for wider groups, which have no finding.
    ``p_questions_holm``: ``p_questions``, corrected alike. Of languages also ``p_t``, the paired t-test beside
    ``p_questions`` (None for one question, or equal differences), and ``detectable``: the least true difference that
    this many questions, which differ as much as these, show at .05 with power .8.
    """

    system: str
    baseline: str
    metric: str
    over: Literal["language", "group"]
    name: str
    difference: float
    low: float
    high: float
    p_questions: float
    p_questions_holm: float | None = None
    p_t: float | None = None
    detectable: float | None = None
    p: float | None
    p_holm: float | None
    finding: Literal["better", "worse", "no verdict"]


class LanguageCount(Record):
    """How much there was to score. ``left_out``: questions without a relevant passage."""

    questions: int
    passages: int
    left_out: int
    trained: bool  # by any system


class BenchmarkResult(Record):
    """All systems on one benchmark. ``groups``: name → its languages; ``verdicts``: in words, one a line."""

    name: str
    languages: dict[str, LanguageCount]
    groups: dict[str, list[str]]
    systems: list[System]
    comparisons: list[Comparison]
    verdicts: list[str]


class Results(Record):
    """The numbers."""

    primary: str
    metrics: list[str]
    benchmarks: list[BenchmarkResult]


class CorpusAccount(Record):
    """Where the raw pairs went, and what was found in them of the benchmarks.

    ``languages``: label → rows read, kept, and dropped by reason, also of labels that are left without rows.
    ``search``: the rules by which the benchmarks were searched for; None if they were not. ``matches``: benchmark →
    label → kind (question or passage, exact or near) → pairs, all of them dropped; one pair may be of several kinds
    and hold texts of several benchmarks. Benchmarks without matches are not there.
    """

    languages: dict[str, RowAccount]
    search: Decontaminate | None
    matches: dict[str, dict[str, dict[str, int]]]


class Passage(Record):
    """A passage as it is shown: the beginning of its text, and its score if it was found."""

    passage: str
    text: str
    score: float | None
    relevant: bool


class Failure(Record):
    """A question that a system answers badly: its score, the best hits, and a relevant passage beyond them."""

    system: str
    benchmark: str
    language: str
    question: str
    text: str
    score: float
    found: list[Passage]
    missed: Passage | None


class Report(Record):
    """The numbers with all that is needed to judge them. ``curves``: training run → (step, loss).

    By benchmark, ``notes``: what to bear in mind of single systems; ``published``: what others measured elsewhere.
    """

    format: int
    name: str
    caveats: list[str]
    corpus: CorpusAccount | None = None
    results: Results
    notes: dict[str, list[str]]
    published: dict[str, list[Published]]
    curves: dict[str, list[tuple[int, float]]]
    failures: list[Failure] = Field(default_factory=list)
    provenance: dict[str, Any]
