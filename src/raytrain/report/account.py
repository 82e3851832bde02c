"""Where the raw pairs went: what a prepared corpus says of itself, in the order of the steps of prepare."""

from collections import Counter
from collections.abc import Iterable, Sequence

from raytrain.artifact import Manifest, RowAccount
from raytrain.corpus.config import Decontaminate
from raytrain.study.results import CorpusAccount

BAD = "can't be used"
# Every other reason is one of the check of raw rows: mistyped_answer, not_json, …
_STEPS = {
    "not asked for": ("language_not_wanted",),
    "cleaning": (
        "question_empty",
        "answer_empty",
        "question_short",
        "answer_short",
        "answer_long",
        "answer_asks",
    ),
    "other language": ("language_other", "language_unsure"),
    "benchmarks": (
        "benchmark_question_exact",
        "benchmark_question_near",
        "benchmark_passage_exact",
        "benchmark_passage_near",
        "benchmark_other_passage",
    ),
    "duplicates": ("duplicate_id", "duplicate_question", "near_duplicate"),
}
STEPS = (BAD, *_STEPS)
_STEP_OF = {reason: step for step, reasons in _STEPS.items() for reason in reasons}

KINDS = {  # of matches: what it is, and how like
    "question_exact": ("question", "equal"),
    "question_near": ("question", "near"),
    "passage_exact": ("passage", "equal"),
    "passage_near": ("passage", "near"),
    "other_passage": ("passage", "any other"),
}


def account_of(manifest: Manifest) -> CorpusAccount:
    """The account in the manifest of a prepare artifact."""
    summary = manifest.summary
    kept = {
        label: RowAccount(taken=entry["taken"], kept=entry["rows"], dropped=entry["dropped"])
        for label, entry in summary["languages"].items()
    }
    lost = {label: RowAccount.model_validate(entry) for label, entry in summary["without_rows"].items()}
    searched = {"benchmark", "validation"} & set(manifest.inputs)
    rules = manifest.identity["corpus"]["decontaminate"] if searched else None
    search = Decontaminate.model_validate(rules) if rules and any(rules.values()) else None
    return CorpusAccount(
        languages=dict(sorted((kept | lost).items())), search=search, matches=summary["benchmark_matches"]
    )


def total_of(accounts: Iterable[RowAccount]) -> RowAccount:
    """The sum of some accounts."""
    taken = kept = 0
    dropped: Counter[str] = Counter()
    for account in accounts:
        taken, kept = taken + account.taken, kept + account.kept
        dropped.update(account.dropped)
    return RowAccount(taken=taken, kept=kept, dropped=dict(dropped))


def by_step(account: RowAccount) -> dict[str, int]:
    """Dropped rows by the step that dropped them, in the order of STEPS; only steps that dropped any."""
    found: Counter[str] = Counter()
    for reason, rows in account.dropped.items():
        found[_STEP_OF.get(reason, BAD)] += rows
    return {step: found[step] for step in STEPS if found[step]}


def reasons_in_order(reasons: Iterable[str]) -> list[str]:
    """Reasons by step, in the order in which a row meets them; of raw rows by name."""
    known = list(_STEP_OF)
    return sorted(reasons, key=lambda reason: (known.index(reason) if reason in _STEP_OF else -1, reason))


def most_read_first(account: CorpusAccount) -> list[str]:
    """The labels, those with the most rows read first."""
    return sorted(account.languages, key=lambda label: (-account.languages[label].taken, label))


def with_benchmark_texts(account: CorpusAccount) -> int:
    """Pairs that were dropped as they hold texts of a benchmark; each counts once."""
    return by_step(total_of(account.languages.values())).get("benchmarks", 0)


def kinds_found(account: CorpusAccount, benchmark: str, labels: Sequence[str]) -> list[int]:
    """Pairs of some labels that hold texts of a benchmark, by kind, in the order of KINDS."""
    found = account.matches.get(benchmark, {})
    return [sum(found.get(label, {}).get(kind, 0) for label in labels) for kind in KINDS]
