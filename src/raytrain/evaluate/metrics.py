"""How well a ranking answers: trec_eval's numbers, question by question."""

from collections.abc import Mapping

import pytrec_eval

DEPTH = 100

Hits = list[tuple[str, float]]  # passage id and score, best first: by (score, id) descending, as trec_eval sorts

MEASURES = {"nDCG@10": "ndcg_cut_10", "MRR@100": "recip_rank", "Recall@100": "recall_100"}
METRICS = tuple(MEASURES)


def score(relevant: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Hits]) -> dict[str, dict[str, float]]:
    """Question → metric → value in 0…1, for every question in ``relevant``; one without hits counts 0.

    ``relevant``: question → passage → grade; above 0 is relevant, and nDCG gains the grade itself. The order of the
    hits is taken as it is. A passage that has the id of its question is a passage as any other.
    """
    # trec_eval reads scores as float32 and orders equal ones by id: places as scores leave it nothing to decide.
    # Its recip_rank has no cutoff, so the run is cut. Ids are numbered, since C ends them at NUL.
    qrels, run = {}, {}
    for number, (query, grades) in enumerate(relevant.items()):
        order = [passage for passage, _ in ranked.get(query, [])[:DEPTH]]
        ids = {passage: str(n) for n, passage in enumerate({**grades, **dict.fromkeys(order)})}
        qrels[str(number)] = {ids[passage]: grade for passage, grade in grades.items()}
        run[str(number)] = {ids[passage]: float(DEPTH - place) for place, passage in enumerate(order, 1)}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, MEASURES.values())
    found = evaluator.evaluate({number: hits for number, hits in run.items() if hits})
    return {
        query: {metric: float(found.get(str(number), {}).get(measure, 0.0)) for metric, measure in MEASURES.items()}
        for number, query in enumerate(relevant)
    }
