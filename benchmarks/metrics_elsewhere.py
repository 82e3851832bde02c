"""The metrics of raytrain, pytrec_eval, ir_measures and ranx on the real Mr. TyDi judgements, side by side.

    python -m venv other && other/bin/pip install ir-measures ranx pytrec-eval-terrier
    PYTHONPATH=src other/bin/python benchmarks/metrics_elsewhere.py

ranx compiles its metrics with numba and brings twenty packages, which is why it is no part of the tests. Runs are made
up, with scores that differ and with ties. What is compared is ``run.trec`` as an evaluation writes it, whose scores are
places, so that nobody has ties to break; and, for the record, the same runs with their raw scores, where conventions
part. Every question has hits: a missing one is a matter of its own.
"""

from pathlib import Path

import ir_measures
import numpy as np
import pytrec_eval
from ranx import Qrels, Run, evaluate

from raytrain.evaluate.metrics import MEASURES, METRICS, Hits, score
from raytrain.evaluate.trec import read_qrels, read_run, run_text

FOLDER = Path(__file__).parents[1] / "tests/data/mrtydi"
IR_MEASURES = {
    "nDCG@10": ir_measures.nDCG @ 10,
    "MRR@10": ir_measures.RR @ 10,
    "MRR@100": ir_measures.RR @ 100,
    "Recall@10": ir_measures.R @ 10,
    "Recall@100": ir_measures.R @ 100,
    "Recall@1000": ir_measures.R @ 1000,
}
RANX = {metric: metric.lower() for metric in METRICS}

Relevant = dict[str, dict[str, int]]
Raw = dict[str, dict[str, float]]
Values = dict[str, list[float]]


def raw_run(relevant: Relevant, tied: bool) -> Raw:
    """200 passages a question, of all that are relevant to any, in an order of no meaning."""
    rng = np.random.default_rng(len(relevant))
    passages = np.array(sorted({passage for grades in relevant.values() for passage in grades}))
    found: Raw = {}
    for query, grades in relevant.items():
        some = [*dict.fromkeys([*passages[rng.integers(len(passages), size=200)].tolist(), *grades])]
        values = rng.integers(4, size=len(some)) / 2 if tied else rng.normal(size=len(some))
        found[query] = dict(zip(some, values.tolist(), strict=True))
    return found


def of_pytrec_eval(relevant: Relevant, run: Raw) -> Values:
    """Each metric of every question, on runs cut where it ends."""
    found = {}
    for metric, measure in MEASURES.items():
        cut = {
            q: dict(sorted(h.items(), key=lambda x: (x[1], x[0]), reverse=True)[: measure.depth])
            for q, h in run.items()
        }
        values = pytrec_eval.RelevanceEvaluator(relevant, {measure.name}).evaluate(cut)
        found[metric] = [next(iter(values[query].values())) for query in relevant]
    return found


def of_ir_measures(relevant: Relevant, run: Raw) -> Values:
    """As its providers have it."""
    values = {(v.query_id, v.measure): v.value for v in ir_measures.iter_calc(IR_MEASURES.values(), relevant, run)}
    return {metric: [values[query, measure] for query in relevant] for metric, measure in IR_MEASURES.items()}


def of_ranx(relevant: Relevant, run: Raw) -> Values:
    """Its own code, of nDCG with linear gains."""
    found = evaluate(Qrels(relevant), Run(run), list(RANX.values()), return_mean=False)
    order = sorted(relevant)  # it sorts the questions
    by_query = {metric: dict(zip(order, found[name], strict=True)) for metric, name in RANX.items()}
    return {metric: [float(values[query]) for query in relevant] for metric, values in by_query.items()}


def places(ranked: dict[str, Hits]) -> Raw:
    """The run file of an evaluation as anyone reads it."""
    return {query: dict(hits) for query, hits in read_run(run_text(ranked, "t"), "run").items()}


def main() -> None:
    """Prints the largest difference to raytrain of any question, and the metrics that differ."""
    for file in sorted(FOLDER.glob("qrels.*.txt")):
        relevant = read_qrels(file.read_text(), file.name)
        for tied in (False, True):
            raw = raw_run(relevant, tied)
            lines = (f"{q} Q0 {p} 1 {value!r} t" for q, hits in raw.items() for p, value in hits.items())
            ranked = read_run("\n".join(lines), "raw")
            ours = score(relevant, ranked)
            for kind, run in (("run.trec", places(ranked)), ("raw scores", raw)):
                for name, other in (
                    ("pytrec_eval", of_pytrec_eval),
                    ("ir_measures", of_ir_measures),
                    ("ranx", of_ranx),
                ):
                    theirs = other(relevant, run)
                    apart = {
                        m: max(abs(ours[q][m] - v) for q, v in zip(relevant, theirs[m], strict=True)) for m in METRICS
                    }
                    others = [metric for metric, most in apart.items() if most >= 1e-6]
                    ties = "ties" if tied else "no ties"
                    row = f"{file.name[:22]}  {ties:7}  {kind:10}  {name:11}  {max(apart.values()):.1e}"
                    print(f"{row}  {', '.join(others)}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
