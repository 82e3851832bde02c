"""raytrain evaluate --runs: two evaluations, or run files made elsewhere."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from raytrain.artifact import RowAccount, commit, make_manifest
from raytrain.cli import app
from raytrain.compare_runs import Compared, compare_runs
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut, write_held_out
from raytrain.evaluate.metrics import METRICS, Hits, score
from raytrain.evaluate.retrieval import Retrieval
from raytrain.evaluate.scored import write_scored
from raytrain.evaluate.trec import qrels_text, run_text
from raytrain.storage import Location
from raytrain.study.compare import Draws
from raytrain.study.results import PRIMARY

FEW = Draws(resamples=2_000, permutations=2_000)
PASSAGES = [f"p{i:03d}" for i in range(60)]
LANGUAGES = {"eng": 60, "fin": 40}
Rankings = dict[str, dict[str, Hits]]


def relevant_of(language: str) -> dict[str, dict[str, int]]:
    return {f"{language}{i}": {PASSAGES[i % 50]: 1} for i in range(LANGUAGES[language])}


def rankings(key: int, up: int = 0) -> Rankings:
    """Passages in random order; the relevant one ``up`` places further up than chance has it."""
    rng = np.random.default_rng(key)
    found: Rankings = {}
    for language in LANGUAGES:
        found[language] = {}
        for query, grades in relevant_of(language).items():
            (wanted,) = grades
            order = [p for p in rng.permutation(PASSAGES).tolist() if p != wanted]
            order.insert(max(0, int(rng.integers(len(PASSAGES))) - up), wanted)
            found[language][query] = [(passage, float(-place)) for place, passage in enumerate(order)]
    return found


def folder_of(place: Path, ranked: Rankings) -> str:
    """One run a language, in one of the ways that are read."""
    (place / "fin").mkdir(parents=True)
    (place / "eng.trec").write_text(run_text(ranked["eng"], "t"))
    (place / "fin/run.trec.gz").write_bytes(gzip.compress(run_text(ranked["fin"], "t").encode()))
    (place / "notes.md").write_text("nothing")
    return str(place)


def qrels_folder(place: Path) -> str:
    place.mkdir()
    for language in LANGUAGES:
        (place / f"{language}.qrels").write_text(qrels_text(relevant_of(language)))
    return str(place)


def evaluation(place: Path, ranked: Rankings, label: str = "bench") -> str:
    files = []
    for language, hits in ranked.items():
        relevant = {query: relevant_of(language)[query] for query in hits}
        benchmark = Location.of(f"{place}-benchmark")
        part = Retrieval(language, dict.fromkeys(hits, "?"), dict.fromkeys(PASSAGES, "text"), relevant)
        _, counts = write_held_out(label, part, benchmark)
        held_out = HeldOut(label, language, benchmark / label / language, **counts)
        files += write_scored(held_out, hits, "t", Location.of(str(place)))[0]
    manifest = make_manifest(
        stage="evaluate",
        writer="me",
        identity={},
        config={},
        inputs={},
        files=files,
        content=[f"{label}/"],
        rows=RowAccount(taken=0, kept=0),
        summary={},
    )
    commit(Location.of(str(place)), manifest)
    return str(place)


def means(compared: Compared, name: str, metric: str = PRIMARY) -> dict[str, float]:
    (found,) = compared.benchmarks
    (system,) = [system for system in found.systems if system.name == name]
    return {x: estimates[metric].mean for x, estimates in {**system.languages, **system.groups}.items()}


def test_two_folders_of_run_files_are_compared_language_by_language(tmp_path: Path) -> None:
    a, b = rankings(1), rankings(2, up=20)
    uris = [folder_of(tmp_path / name, ranked) for name, ranked in (("a", a), ("b", b))]
    compared = compare_runs(*uris, qrels_folder(tmp_path / "qrels"), draws=FEW)
    (found,) = compared.benchmarks
    assert found.questions == LANGUAGES
    assert found.groups == {"all": ["eng", "fin"], "all without eng": ["fin"]}
    assert [(c.over, c.name) for c in found.comparisons] == [
        ("language", "eng"),
        ("language", "fin"),
        ("group", "all"),
        ("group", "all without eng"),
    ]
    for name, ranked in (("A", a), ("B", b)):
        by_language = {x: score(relevant_of(x), ranked[x]) for x in LANGUAGES}
        for metric in METRICS:
            expected = {x: float(np.mean([s[metric] for s in of.values()])) for x, of in by_language.items()}
            expected |= {"all": (expected["eng"] + expected["fin"]) / 2, "all without eng": expected["fin"]}
            assert means(compared, name, metric) == pytest.approx(expected)
    for c in found.comparisons:
        assert c.difference == pytest.approx(means(compared, "B")[c.name] - means(compared, "A")[c.name])
        assert c.low < c.difference < c.high
        assert (c.p, c.p_holm) == (None, None)
    assert [note for note in compared.notes if "hits" not in note] == []


def test_the_tests_beside_each_other(tmp_path: Path) -> None:
    a, b = rankings(1), rankings(2, up=20)
    uris = [folder_of(tmp_path / name, ranked) for name, ranked in (("a", a), ("b", b))]
    (found,) = compare_runs(*uris, qrels_folder(tmp_path / "qrels"), "MRR@100", FEW).benchmarks
    rows = {c.name: c for c in found.comparisons}
    for language in LANGUAGES:
        of_a, of_b = (
            [s["MRR@100"] for s in score(relevant_of(language), ranked[language]).values()] for ranked in (a, b)
        )
        row, differences = rows[language], np.subtract(of_b, of_a)
        assert row.metric == "MRR@100"
        assert row.p_t == pytest.approx(stats.ttest_rel(of_b, of_a).pvalue)
        assert row.p_questions == pytest.approx(row.p_t, abs=0.03)
        assert row.detectable == pytest.approx(2.8 * differences.std(ddof=1) / np.sqrt(len(differences)), rel=0.03)
    assert rows["all"].p_t is None
    smallest = min(rows["eng"].p_questions, rows["fin"].p_questions)
    assert min(rows[x].p_questions_holm or 1 for x in LANGUAGES) == pytest.approx(min(1, 2 * smallest))
    for row in rows.values():
        found_it = row.p_questions_holm is not None and row.p_questions_holm < 0.05
        assert row.finding == ("better" if found_it else "no verdict")
    assert rows["all"].finding == "better"


def test_a_run_with_itself_is_no_difference(tmp_path: Path) -> None:
    uri = folder_of(tmp_path / "a", rankings(1))
    for c in compare_runs(uri, uri, qrels_folder(tmp_path / "qrels"), draws=FEW).benchmarks[0].comparisons:
        assert (c.difference, c.low, c.high, c.p_questions, c.finding) == (0, 0, 0, 1, "no verdict")
        assert c.p_t is None


def test_evaluations_need_no_judgements_and_come_to_the_same_as_their_run_files(tmp_path: Path) -> None:
    uris = [evaluation(tmp_path / name, rankings(key)) for key, name in enumerate("ab")]
    by_scores = compare_runs(*uris, draws=FEW)
    assert [found.name for found in by_scores.benchmarks] == ["bench"]
    assert by_scores.sources["A"]["stage"] == "evaluate"
    by_runs = compare_runs(*uris, f"{tmp_path}/a-benchmark/bench", draws=FEW)
    assert means(by_runs, "A") == pytest.approx(means(by_scores, "A"))
    pairs = [x.benchmarks[0].comparisons for x in (by_scores, by_runs)]
    assert pairs[0] == pairs[1]
    assert len(by_runs.sources["qrels"]["sha256"]) == 2


def test_single_files_are_one_set_of_questions(tmp_path: Path) -> None:
    for name, text in (
        ("a.txt", run_text(rankings(1)["eng"], "t")),
        ("b.txt", run_text(rankings(2)["eng"], "t")),
        ("q.txt", qrels_text(relevant_of("eng"))),
    ):
        (tmp_path / name).write_text(text)
    (found,) = compare_runs(*(f"{tmp_path}/{x}.txt" for x in "abq"), draws=FEW).benchmarks
    assert (found.questions, found.groups) == ({"questions": 60}, {})


def test_what_a_run_lacks_and_has_too_many_is_counted_and_told(tmp_path: Path) -> None:
    a, b = rankings(1)["eng"], rankings(2)["eng"]
    del a["eng0"], a["eng1"]
    b["unasked"] = [("p001", 1.0)]
    relevant = relevant_of("eng") | {"hopeless": {"p001": 0}}
    (tmp_path / "a.txt").write_text(run_text(a, "t"))
    (tmp_path / "b.txt").write_text(run_text({q: hits[:5] for q, hits in b.items()}, "t"))
    (tmp_path / "q.txt").write_text(qrels_text(relevant))
    compared = compare_runs(*(f"{tmp_path}/{x}.txt" for x in "abq"), draws=FEW)
    told = "\n".join(compared.notes)
    assert "q.txt: 1 questions have no relevant passage: left out" in told
    assert "a.txt: 2 judged questions are not in the run: they count 0" in told
    assert "b.txt: 1 questions are not in the judgements: left out" in told
    assert "b.txt: at most 5 hits a question: nDCG@10, MRR@10, MRR@100, Recall@10" in told
    expected = score(relevant_of("eng"), a)
    assert means(compared, "A")["questions"] == pytest.approx(np.mean([s[PRIMARY] for s in expected.values()]))
    assert expected["eng0"][PRIMARY] == 0


def write(place: Path, **texts: str) -> list[str]:
    for name, text in texts.items():
        (place / f"{name}.txt").write_text(text)
    return [f"{place}/{name}.txt" for name in "abq"]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"a": "q Q0 p 1 nan t\n"}, "line 1: score nan is no finite number"),
        ({"b": "q Q0 p 1 inf t\n"}, "line 1: score inf is no finite number"),
        ({"a": "q Q0 p 1 1 t\nq Q0 p 2 0 t\n"}, "line 2 ranks passage p a second time"),
        ({"q": "q 0 p 1\nq 0 p 1\n"}, "line 2 judges passage p a second time"),
        ({"q": "q 0 p 0\n"}, "no question with a relevant passage"),
        ({"a": "other Q0 p 1 1 t\n"}, "none of its 1 questions is in the judgements"),
        ({"a": "q p 1\n"}, "line 1 has 3 columns"),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path: Path, texts: dict[str, str], words: str) -> None:
    good = {"a": "q Q0 p 1 1 t\n", "b": "q Q0 p 1 1 t\n", "q": "q 0 p 1\n"}
    with pytest.raises(UserError, match=words):
        compare_runs(*write(tmp_path, **(good | texts)), draws=FEW)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    runs = folder_of(tmp_path / "runs", rankings(1))
    a, b, q = write(tmp_path, a="q Q0 p 1 1 t\n", b="q Q0 p 1 1 t\n", q="q 0 p 1\n")
    (tmp_path / "broken.gz").write_bytes(gzip.compress(b"q Q0 p 1 1 t\n" * 99)[:-9])
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice").mkdir()
    for name in ("fi.trec", "fin.run"):
        (tmp_path / "twice" / name).write_text("q Q0 p 1 1 t\n")
    whole = evaluation(tmp_path / "whole", rankings(1))
    other = evaluation(tmp_path / "other", rankings(1), label="another")
    fewer = rankings(1)
    del fewer["eng"]["eng0"]
    part = evaluation(tmp_path / "part", fewer)
    for arguments, words in (
        ((a, b), "name the judgements with --qrels"),
        ((a, b, q, "MRR"), "--metric: MRR is none of nDCG@10"),
        ((a, f"{tmp_path}/none.txt", q), "there is no such file or folder"),
        ((runs, runs, q), "must both be one file, or both folders"),
        ((a, f"{tmp_path}/broken.gz", q), "broken or truncated gzip"),
        ((f"{tmp_path}/empty", a, q), "has no file of a language"),
        ((f"{tmp_path}/twice", a, q), "are both of fin"),
        ((whole, other), "no language of a benchmark in common"),
        ((whole, part), "bench eng: A has 60 questions and B 59, and 1 are of one of them only"),
        ((f"{whole}-benchmark/bench", a), "name the judgements with --qrels"),
    ):
        with pytest.raises(UserError, match=words):
            compare_runs(*arguments, draws=FEW)


def test_languages_that_one_of_them_lacks_are_told(tmp_path: Path) -> None:
    both = evaluation(tmp_path / "both", rankings(1))
    one = evaluation(tmp_path / "one", {"fin": rankings(2)["fin"]})
    compared = compare_runs(both, one, draws=FEW)
    assert compared.benchmarks[0].questions == {"fin": 40}
    assert "A alone has bench eng: left out" in compared.notes


def test_the_command_prints_a_row_a_language_and_writes_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raytrain.compare_runs.Draws", lambda: FEW)
    uris = [evaluation(tmp_path / name, rankings(key)) for key, name in enumerate("ab")]
    done = CliRunner().invoke(app, ["evaluate", "--runs", *uris, "--json", f"{tmp_path}/out.json"])
    assert done.exit_code == 0, done.output
    read = Compared.model_validate(json.loads((tmp_path / "out.json").read_text()))
    lines = done.output.splitlines()
    for c in read.benchmarks[0].comparisons:
        shown = f"{c.difference:+.4f} [{c.low:+.4f}, {c.high:+.4f}]"
        assert any(line.startswith(c.name) and shown in line for line in lines)
    for metric in METRICS:
        assert any(line.startswith(metric) and f"{means(read, 'A', metric)['all']:.4f}" in line for line in lines)
    for arguments in (["evaluate"], ["evaluate", "job.yaml", "--runs", *uris], ["evaluate", "--qrels", "x"]):
        refused = CliRunner().invoke(app, arguments)
        assert isinstance(refused.exception, UserError)
