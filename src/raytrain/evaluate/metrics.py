"""How well a ranking answers: trec_eval's numbers, question by question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import pytrec_eval

Hits = list[tuple[str, float]]  # passage id and score, best first: by (score, id) descending, as trec_eval sorts


@dataclass(frozen=True)
class Measure:
    """What trec_eval calls a metric, and after how many hits a run is cut: its recip_rank has no cutoff of its own."""

    name: str
    depth: int


MEASURES = {
    "nDCG@10": Measure("ndcg_cut_10", 10),
    "MRR@10": Measure("recip_rank", 10),
    "MRR@100": Measure("recip_rank", 100),
    "Recall@10": Measure("recall_10", 10),
    "Recall@100": Measure("recall_100", 100),
    "Recall@1000": Measure("recall_1000", 1000),
}
METRICS = tuple(MEASURES)
DEPTH = max(measure.depth for measure in MEASURES.values())

# trec_eval reads scores as float32 and orders equal ones by id: places as scores leave it nothing to decide. Its ids
# end at NUL, so hits are called by their place as well, and judged passages that are no hits by other names.
PLACES = {str(place): float(DEPTH - place) for place in range(1, DEPTH + 1)}


def score(
    relevant: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Hits], metrics: Sequence[str] = METRICS
) -> dict[str, dict[str, float]]:
    """Question → metric → value in 0…1, for every question in ``relevant``; one without hits counts 0.

    ``relevant``: question → passage → grade; above 0 is relevant, and nDCG gains the grade itself. The order of the
    hits is taken as it is, a passage for where it comes first. One that has the id of its question is a passage as any
    other.
    """
    wanted = {metric: MEASURES[metric] for metric in metrics}
    deepest = max(measure.depth for measure in wanted.values())
    qrels = {
        str(n): _by_place(grades, ranked.get(query, []), deepest) for n, (query, grades) in enumerate(relevant.items())
    }
    lengths = {str(n): len(ranked.get(query, [])) for n, query in enumerate(relevant)}
    scores: dict[str, dict[str, float]] = {query: dict.fromkeys(wanted, 0.0) for query in relevant}
    for depth in sorted({measure.depth for measure in wanted.values()}):
        here = {metric: measure.name for metric, measure in wanted.items() if measure.depth == depth}
        found = _evaluated(qrels, lengths, depth, here.values())
        for number, values in zip(qrels, scores.values(), strict=True):
            if number in found:
                values.update({metric: float(found[number][name]) for metric, name in here.items()})
    return scores


def _by_place(grades: Mapping[str, int], hits: Hits, depth: int) -> dict[str, int]:
    """The judged passages of a question, called by the place where they were hit."""
    places: dict[str, str] = {}
    for place, (passage, _) in enumerate(islice(hits, depth), 1):
        if passage in grades:
            places.setdefault(passage, str(place))
    return {places.get(passage, f"no hit {n}"): grade for n, (passage, grade) in enumerate(grades.items())}


def _evaluated(
    qrels: Mapping[str, Mapping[str, int]], lengths: Mapping[str, int], depth: int, measures: Iterable[str]
) -> dict[str, dict[str, float]]:
    """What trec_eval finds in runs cut at a depth, of which it needs to know how long they are."""
    runs = {n: dict(islice(PLACES.items(), n)) for n in {min(depth, length) for length in lengths.values()}}
    run = {number: runs[min(depth, length)] for number, length in lengths.items() if length}
    found: dict[str, dict[str, float]] = pytrec_eval.RelevanceEvaluator(qrels, set(measures)).evaluate(run)
    return found
