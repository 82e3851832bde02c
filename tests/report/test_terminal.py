import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_reports import DEMO, TYDI, report_of, result_of
from raytrain.report.rows import Section, in_columns, language_name, sections
from raytrain.report.terminal import print_report
from raytrain.study.results import PRIMARY, Report

PLACE = f"s3://bucket/{'a' * 150}/report/page.html"


def printed(report: Report, capsys: pytest.CaptureFixture[str]) -> str:
    print_report(report, PLACE)
    return capsys.readouterr().out


def row_of(text: str, language: str) -> list[str]:
    """The cells of the first row that begins so."""
    line = next(line for line in text.splitlines() if line.startswith(f"│   {language} "))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_scores_differences_and_marks_stand_in_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    result = result_of(["english", "mixed"])
    text = printed(report_of(result), capsys)
    marks = {"better": " ▲", "worse": " ▼", "no verdict": ""}
    assert {c.finding for c in result.comparisons} == set(marks)
    for c in result.comparisons:
        cells = row_of(text[text.index("│ averages") :] if c.over == "group" else text, c.name)
        scores = [(s.languages if c.over == "language" else s.groups)[c.name][PRIMARY].mean for s in result.systems]
        assert cells[2:6] == [f"{score:.3f}" for score in scores]
        assert cells[6] == f"{c.difference:+z.3f} [{c.low:+z.3f}, {c.high:+z.3f}]{marks[c.finding]}"
    assert row_of(text, "fin")[:2] == ["fin Finnish", f"{result.languages['fin'].questions:,}"]


def test_the_order_is_caveats_never_trained_trained_averages_verdicts_place(capsys: pytest.CaptureFixture[str]) -> None:
    result = result_of(["english", "mixed"])
    report = report_of(result, caveats=["An illustration, not evidence: " + "of many words " * 20])
    text = printed(report, capsys)
    parts = [
        report.name,
        report.caveats[0],
        "│ never trained",
        "fin Finnish",
        "│ trained",
        "ara Arabic",
        "│ averages",
        *result.verdicts,
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert text.splitlines()[-1] == f"report: {PLACE}"


def test_long_verdicts_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = "mixed against english: no verdict: " + "the difference is within what new seeds would change " * 5
    result = result_of(["english", "mixed"]).model_copy(update={"verdicts": [verdict]})
    assert verdict in printed(report_of(result), capsys).splitlines()


def test_a_language_without_a_question_is_a_dash_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(report_of(result_of(["english", "mixed"], unscored=("kor", "tha"))), capsys)
    assert "│ no question with a gold passage" in text
    for language in ("kor", "tha"):
        assert row_of(text, language)[1:] == ["–"] * 6
    assert "–" not in row_of(text, "fin")


def test_a_plain_run_has_scores_and_no_differences(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(report_of(result_of(["trained"], DEMO, seeds=(17,))), capsys)
    assert "better" not in text
    assert len(row_of(text, "fin")) == 5


def test_wide_studies_are_broken_into_tables_that_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    result = result_of(["english", *(f"temperature-{index}-of-five" for index in range(5))])
    text = printed(report_of(result), capsys)
    tables = [line for line in text.splitlines() if line[:1] in "│┃┏┡├└"]
    assert max(map(len, tables)) <= 120
    for c in result.comparisons:
        assert f"{c.difference:+z.3f} [{c.low:+z.3f}, {c.high:+z.3f}]" in text
    for system in result.systems:
        assert any(f"┃ {system.name}" in line or f" {system.name} ┃" in line for line in text.splitlines())
        assert all(f"{scores[PRIMARY].mean:.3f}" in text for scores in system.languages.values())


def test_brackets_in_names_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    result = result_of(["english", "[bold]mixed[/bold]"], name="[red]eval").model_copy(
        update={"verdicts": ["[/] fine"]}
    )
    text = printed(report_of(result, caveats=["[link=x]y[/link]"]), capsys)
    for name in ("[bold]mixed[/bold]", "[red]eval", "[/] fine", "[link=x]y[/link]"):
        assert name in text


def test_sections_hold_every_language_once() -> None:
    found = sections(result_of(["english"], unscored=("kor",)))
    assert [part.title for part in found] == ["never trained", "trained", "no question with a gold passage", "averages"]
    assert sorted(name for part in found if part.over == "language" for name in part.names) == sorted(TYDI)
    assert "never trained" not in [part.title for part in sections(result_of(["english"], ["ara", "eng"]))]


def test_names_of_languages_are_english_or_nothing() -> None:
    assert language_name("fin") == "Finnish"
    assert language_name("xyz") == ""
    assert language_name("no language at all") == ""


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_two_columns_hold_every_row_in_order_and_are_about_as_long(sizes: list[int]) -> None:
    parts = [Section(str(i), "language", [f"{i}-{j}" for j in range(size)]) for i, size in enumerate(sizes)]
    columns = in_columns(parts)
    assert [n for c in columns for p in c for n in p.names] == [n for p in parts for n in p.names]
    assert all(part.names for column in columns for part in column)
    assert [p.title.removesuffix(", continued") for c in columns for p in c for _ in p.names] == [
        p.title for p in parts for _ in p.names
    ]
    rows = [sum(len(part.names) for part in column) for column in columns]
    assert len(rows) == 1 + (sum(sizes) > 6)
    if len(rows) == 2:
        assert abs(rows[0] - rows[1]) <= sum(sizes) / 4 + 2
