"""What the report's page and its terminal say of the raw pairs."""

from collections import Counter

import pytest
from test_account import REASONS, corpus_account, rows
from test_page import HOSTILE, Page

from made_reports import report_of, result_of
from raytrain.corpus.config import Decontaminate
from raytrain.report.account import KINDS, by_step, total_of
from raytrain.report.page import render
from raytrain.report.terminal import print_report
from raytrain.study.results import CorpusAccount, Report

LANGUAGES = {
    "eng": rows(9_000, {reason: 10 * i + 10 for i, reason in enumerate(REASONS)}),
    "fin": rows(700, {"not_json": 3, "benchmark_question_near": 1, "benchmark_passage_exact": 2}),
    "deu-eng": rows(50, {}),
    "und": rows(0, {"not_json": 4}),
}
MATCHES = {
    "tydi": {"eng": {"passage_exact": 1_234}, "fin": {"question_near": 1, "passage_exact": 2}},
    "beir-own": {"deu-eng": {"question_exact": 7}},
}
CORPUS = corpus_account(LANGUAGES, matches=MATCHES)
EMPTY = "–"


def page_of(corpus: CorpusAccount) -> Page:
    return Page(render(report_with(corpus)))


def report_with(corpus: CorpusAccount) -> Report:
    return report_of(result_of(["english", "mixed"]), corpus=corpus)


def shown(number: int) -> str:
    return f"{number:,}" if number else EMPTY


def test_every_language_has_its_rows_by_step_and_by_reason() -> None:
    page = page_of(CORPUS)
    steps, reasons = page.table("Rows of each language that were read"), page.table("Rows dropped")
    total = total_of(LANGUAGES.values())
    assert len(steps) == len(reasons) == len(LANGUAGES) + 1
    for name, of in {**LANGUAGES, "all": total}.items():
        counts = [[shown(of.taken)], [shown(of.kept)]]
        dropped = by_step(of)
        share = [f"{100 * of.kept / of.taken:.1f}"]
        assert steps["", name] == [*counts, share, *([shown(dropped.get(step, 0))] for step in by_step(total))]
        assert reasons["", name][:2] == counts
        found = sorted(cell for (cell,) in reasons["", name][2:] if cell != EMPTY)
        assert found == sorted(f"{n:,}" for n in of.dropped.values())
    assert "without a pair left: und" in page.text


def test_every_match_is_told_by_benchmark_language_and_kind() -> None:
    table = page_of(CORPUS).table("Training pairs that held")
    assert table["tydi", "eng"] == [[shown(n)] for n in (0, 0, 1_234, 0, 0)]
    assert table["tydi", "fin"] == [[shown(n)] for n in (0, 1, 2, 0, 0)]
    assert table["tydi", "all"] == [[shown(n)] for n in (0, 1, 1_236, 0, 0)]
    assert table["beir-own", "deu-eng"] == [["7"], *[[EMPTY]] * (len(KINDS) - 1)]
    assert len(table) == 5


@pytest.mark.parametrize(
    ("rules", "said", "unsaid"),
    [
        (Decontaminate(), ["equal texts (case", "overlap by 0.8", "1,236 pairs were removed"], ["all other passages"]),
        (Decontaminate(near=False), ["equal texts (case"], ["overlap by"]),
        (Decontaminate(exact=False), ["overlap by 0.8"], ["equal texts (case"]),
        (Decontaminate(exact=False, near=False, all_passages=True), ["130 pairs removed"], ["Questions were searched"]),
        (None, ["Nothing was searched"], ["pairs were removed"]),
    ],
)
def test_it_says_what_was_searched_for(rules: Decontaminate | None, said: list[str], unsaid: list[str]) -> None:
    dropped = {"benchmark_question_near": 1_106, "benchmark_other_passage": 130}
    text = page_of(corpus_account({"eng": rows(10, dropped)}, search=rules)).text
    assert all(words in text for words in said)
    assert not any(words in text for words in unsaid)


def test_the_bars_name_every_language_and_what_is_kept() -> None:
    many = {
        f"{a}{b}{c}": rows(10 * i, {"question_short": 1})
        for i, (a, b, c) in enumerate((a, b, c) for a in "qrstu" for b in "lmnop" for c in "xyz")
    }
    page = page_of(corpus_account(many))
    panels = [title for title in page.images if title.startswith("Where the rows of")]
    assert len(panels) == 2
    labels = Counter(page.labels)
    assert sum(any(name in title for title in panels) for name in many) == 75
    assert all(any(label.endswith(name) or f"({name})" in label for label in labels) for name in many)
    assert labels["740"] == 1
    assert [t for t in page_of(CORPUS).images if t.startswith("Where")] == [
        "Where the rows of eng, fin, deu-eng, und went: kept, and dropped by step"
    ]


def test_names_are_text_and_a_corpus_of_nothing_dropped_has_its_sections() -> None:
    hostile = corpus_account({HOSTILE: rows(5, {HOSTILE: 2})}, matches={HOSTILE: {HOSTILE: {"question_near": 1}}})
    written = render(report_with(hostile))
    assert "<script" not in written
    assert Page(written).text.count(HOSTILE) >= 4
    clean = page_of(corpus_account({"eng": rows(5, {})}))
    assert "What was found of the benchmarks" in clean.text
    assert "0 pairs were removed" in clean.text
    assert not any(caption.startswith(("Rows dropped", "Training pairs that")) for caption in clean.tables)


def test_cross_lingual_pairs_are_named_by_both_languages() -> None:
    assert any(row[0][0] == "German → English" for rows in page_of(CORPUS).rows.values() for row in rows)


def test_a_report_from_before_has_no_such_sections() -> None:
    page = Page(render(report_of(result_of(["english"]))))
    assert "The training pairs" not in page.text
    assert "What was found" not in page.text


def test_the_account_survives_the_file() -> None:
    report = report_with(CORPUS)
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_the_terminal_says_how_many_pairs_were_removed(capsys: pytest.CaptureFixture[str]) -> None:
    removed = sum(n for of in LANGUAGES.values() for r, n in of.dropped.items() if r.startswith("benchmark_"))
    line = f"{removed:,} pairs that hold benchmark texts were removed (see the report)"
    print_report(report_with(CORPUS), "place")
    assert line in capsys.readouterr().out.splitlines()
    print_report(report_with(CORPUS.model_copy(update={"search": None})), "place")
    assert "benchmark texts" not in capsys.readouterr().out
