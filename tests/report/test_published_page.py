"""Published numbers and notes in the report: in tables of their own, named as published, with their sources."""

import pytest
from test_page import HOSTILE, Page

from made_reports import TYDI, report_of, result_of
from raytrain.evaluate.published import published_for, tables
from raytrain.report.page import render
from raytrain.report.terminal import print_report
from raytrain.study.results import LanguageCount, Report

MR_TYDI = tables()[0]
LABEL = "mrtydi-v1.1"


def report(languages: list[str] = TYDI) -> Report:
    """Mr. TyDi at its full size in all languages but Finnish, of which there is a sample."""
    result = result_of(["english", "mixed"], languages, name=LABEL)
    counts = {
        name: LanguageCount(
            questions=MR_TYDI.questions[name],
            passages=MR_TYDI.passages[name] if name != "fin" else 1000,
            left_out=0,
            trained=count.trained,
        )
        for name, count in result.languages.items()
    }
    result = result.model_copy(update={"languages": counts})
    notes = {LABEL: ["e5: trained on mrtydi, so its scores here are not zero-shot."]}
    return report_of(result, notes=notes, published={LABEL: published_for(LABEL, counts)})


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(report()))


def test_published_numbers_have_tables_of_their_own_with_their_sources(page: Page) -> None:
    rows = page.table("MRR@100, published. Mr. TyDi v1.1, test.")
    assert rows["languages", "tel"][0] == ["0.343"]
    assert ("languages", "fin") not in rows
    assert "Published: Mr. TyDi v1.1, test" in page.text
    assert MR_TYDI.systems[0].url in page.text
    assert "trained on mrtydi" in page.text
    # Measured systems stand nowhere in it, nor the published in theirs.
    measured = page.table("nDCG@10 of every system")
    assert len(measured["trained", "ara"]) == 2 + 4
    assert len(rows["languages", "ara"]) == len(MR_TYDI.systems)


def test_metrics_that_are_not_published_have_no_table(page: Page) -> None:
    captions = [caption for caption in page.tables if "published" in caption]
    assert [caption.split(",")[0] for caption in captions] == ["MRR@100", "Recall@100"]


def test_averages_are_means_of_the_column_over_groups_that_are_published_whole(page: Page) -> None:
    rows = page.table("MRR@100, published")
    trained = [name for name in TYDI if name not in ("ben", "fin", "swa", "tel", "tha")]
    mean = sum(MR_TYDI.systems[0].scores["MRR@100"][name] for name in trained) / len(trained)
    assert rows["averages", "trained"][0] == [f"{mean:.3f}"]
    assert ("averages", "all") not in rows  # Finnish is a sample


def test_the_terminal_says_what_is_published_and_what_is_not_zero_shot(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report(), "here")
    lines = capsys.readouterr().out.splitlines()
    assert "e5: trained on mrtydi, so its scores here are not zero-shot." in lines
    found = [line for line in lines if line.startswith("published, Mr. TyDi v1.1, test: ")]
    assert len(found) == 2 * len(MR_TYDI.systems)
    assert found[0].startswith("published, Mr. TyDi v1.1, test: BM25, default: MRR@100 trained 0.2")
    assert any("(trained on mrtydi): MRR@100" in line for line in found)


def test_without_them_nothing_is_said_and_notes_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    plain = report_of(result_of(["english", "mixed"], name=LABEL), notes={LABEL: [HOSTILE]})
    print_report(plain, "here")
    assert "published" not in capsys.readouterr().out
    text = render(plain)
    assert 'class="published"' not in text
    assert HOSTILE in Page(text).text
    assert not Page(text).tags["script"]
