import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser

import matplotlib
import pytest

from made_reports import DEMO, TYDI, report_of, result_of
from raytrain.evaluate.metrics import METRICS
from raytrain.report.page import render
from raytrain.study.results import (
    PRIMARY,
    BenchmarkResult,
    Estimate,
    Failure,
    Passage,
)

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = "<script>alert(1)</script>&\"'$x_1$ {{ 7 * 7 }}"


class Page(HTMLParser):
    """A page read back; a cell is its lines.

    ``tables``: caption → (section, code or name of the row) → cells. ``rows``: caption → rows, names included.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.tables: dict[str, dict[tuple[str, str], list[list[str]]]] = {}
        self.rows: dict[str, list[list[list[str]]]] = {}
        self.labels: list[str] = []
        self.images: list[str] = []
        self._caption = self._part = ""
        self._row: list[list[str]] = []
        self._classes: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._classes = (dict(attrs).get("class") or "").split()
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._caption = ""
        elif tag == "tbody":
            self._part = ""
        elif tag == "tr":
            self._row, self._is_part = [], "part" in self._classes
        elif tag in ("td", "th"):
            self._row.append([])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "caption":
            self.tables[self._caption], self.rows[self._caption] = {}, []
        elif tag == "tr" and "thead" in self.open:
            pass
        elif tag == "tr" and self._is_part:
            self._part = self._row[0][0]
        elif tag == "tr":
            self.tables[self._caption][self._part, self._row[0][-1]] = self._row[1:]
            self.rows[self._caption].append(self._row)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if "caption" in self.open:
            self._caption += data
        elif self.open and ("td" in self.open or "th" in self.open) and data.strip():
            self._row[-1].append(data.strip())
        elif "svg" in self.open and self.open[-1] == "text":
            self.labels.append(data)
        elif "svg" in self.open and self.open[-1] == "title":
            self.images.append(data)

    def table(self, start: str) -> dict[tuple[str, str], list[list[str]]]:
        """The one table whose caption starts so."""
        (found,) = (rows for caption, rows in self.tables.items() if caption.startswith(start))
        return found


def shown(e: Estimate) -> list[str]:
    return [f"{e.mean:.3f}", f"[{e.low:.3f}, {e.high:.3f}]"]


def signed(x: float) -> str:
    return f"{x:+z.3f}".replace("-", "−")


def p_shown(p: float | None) -> str:
    return "–" if p is None else "< 0.0001" if p < 0.0001 else f"{p:.4f}"


STUDY = report_of(result_of(["english", "mixed", "sampled"]))
PAGE = render(STUDY)


def section_of(result: BenchmarkResult, language: str) -> str:
    return "trained" if result.languages[language].trained else "never trained"


def test_the_page_is_well_formed_and_its_references_lead_somewhere() -> None:
    page = Page(PAGE)
    assert page.open == []
    ids = Counter(value for _, name, value in page.attributes if name == "id")
    assert max(ids.values()) == 1
    references = {value[1:] for _, name, value in page.attributes if name == "href"}
    references |= {x for _, _, value in page.attributes for x in re.findall(r"url\(#([^)]*)\)", value)}
    references |= {x for _, name, value in page.attributes if name == "aria-labelledby" for x in value.split()}
    assert references
    assert references <= set(ids)


def test_the_page_needs_nothing_but_itself() -> None:
    page = Page(PAGE)
    assert not {"script", "link", "iframe", "img", "object", "embed", "base"} & set(page.tags)
    links = [v for _, name, v in page.attributes if name in ("src", "href", "xlink:href", "srcset", "action", "data")]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert set(re.findall(r"url\((.)", PAGE)) <= {"#"}
    assert "@import" not in PAGE
    # What has an address is text.
    assert "https://bucket.example/train/1f3a9c00aa12b7e5" in page.text
    assert not [value for _, _, value in page.attributes if "://" in value]


def test_the_headline_the_caveats_and_the_verdicts_come_first() -> None:
    text = Page(PAGE).text
    question = "How does the training mix change retrieval in each language, against english?"
    first = ["mixes", STUDY.caveats[0], question, *STUDY.results.benchmarks[0].verdicts, "95 % intervals"]
    places = [text.index(part, text.index("mixes")) for part in first]
    assert places == sorted(places)


@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_the_report(metric: str) -> None:
    result = STUDY.results.benchmarks[0]
    rows = Page(PAGE).table(f"{metric} of every system")
    assert len(rows) == len(result.languages) + len(result.groups)
    for language, count in result.languages.items():
        expected = [shown(system.languages[language][metric]) for system in result.systems]
        counts = [[f"{count.questions:,}"], [f"{count.passages:,}"]]
        assert rows[section_of(result, language), language] == counts + expected
    for group, languages in result.groups.items():
        questions = sum(result.languages[x].questions for x in languages)
        passages = sum(result.languages[x].passages for x in languages)
        expected = [shown(system.groups[group][metric]) for system in result.systems]
        assert rows["averages", group] == [[f"{questions:,}"], [f"{passages:,}"], *expected]


def test_comparisons_are_those_of_the_report() -> None:
    result = STUDY.results.benchmarks[0]
    page = Page(PAGE)
    assert {c.finding for c in result.comparisons} == {"better", "worse", "no verdict"}
    marks = {"better": "▲ better", "worse": "▼ worse", "no verdict": "no verdict"}
    for c in result.comparisons:
        rows = page.table(f"{PRIMARY} of {c.system} minus english.")
        assert len(rows) == len(result.languages) + len(result.groups)
        cells = rows[section_of(result, c.name) if c.over == "language" else "averages", c.name]
        interval = f"[{signed(c.low)}, {signed(c.high)}]"
        ps = [p_shown(p) for p in (c.p_questions, c.p_t, c.p, c.p_holm)]
        least = "–" if c.detectable is None else f"{c.detectable:.3f}"
        assert cells == [[x] for x in (signed(c.difference), interval, *ps, least, marks[c.finding])]
    corrected = [c.over for c in result.comparisons if c.p_holm is not None]
    tests = {over: corrected.count(over) for over in ("language", "group")}
    assert f"over {tests['language']} comparisons of languages, and over {tests['group']} of the averages" in page.text


def test_the_overview_has_every_system_group_and_difference() -> None:
    result = STUDY.results.benchmarks[0]
    found = {(c.system, c.name): c for c in result.comparisons if c.over == "group"}
    marks = {"better": " ▲", "worse": " ▼", "no verdict": ""}
    expected = []
    for system in result.systems:
        cells: list[list[str]] = []
        for group in result.groups:
            c = found.get((system.name, group))
            numbers = [signed(c.difference) + marks[c.finding], f"[{signed(c.low)}, {signed(c.high)}]"] if c else []
            cells += [shown(system.groups[group][PRIMARY]), numbers]
        expected.append([[system.name, "seeds 1, 2, 3"] if system.seeds else [system.name], *cells])
    assert Page(PAGE).rows[f"{PRIMARY}, averaged over the languages of each group, with 95 % intervals."] == expected


def test_seeds_and_training_pairs_are_those_of_the_report() -> None:
    result, page = STUDY.results.benchmarks[0], Page(PAGE)
    seeds = page.table(f"{PRIMARY} of every training run")
    for system in result.systems[1:]:
        for index, seed in enumerate(system.seeds):
            expected = [[f"{system.groups[group][PRIMARY].by_seed[index]:.3f}"] for group in result.groups]
            assert seeds[system.name, f"seed {seed}"] == expected
    pairs = page.table("Training pairs")
    for language in result.groups["trained"]:
        assert pairs["", language] == [[f"{system.pairs[language]:,}"] for system in result.systems[2:]]
    assert pairs["", "all"] == [[f"{sum(system.pairs.values()):,}"] for system in result.systems[2:]]
    assert len(pairs) == len(result.groups["trained"]) + 1


def test_every_plot_is_an_image_with_a_name_and_shows_every_row() -> None:
    result, page = STUDY.results.benchmarks[0], Page(PAGE)
    plots = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "role")]
    assert len(plots) == len(page.images) == 2 + 2 + 1 + 1 + 3  # forest, dots, heat map, mix, losses
    for arm in ("mixed", "sampled"):
        assert sum(f"of {arm} minus english" in title for title in page.images) == 1
    shown_in = Counter(page.labels)
    for name in ("Finnish (fin)", "Japanese (jpn)", "never trained"):
        assert shown_in[name] >= 3, name  # two arms, and the dots
    assert {f"{c.difference:+z.3f}".replace("-", "−") for c in result.comparisons} <= {
        x.split(" [")[0] for x in shown_in
    }


def test_only_findings_are_filled_in_the_forest_plot() -> None:
    comparisons = STUDY.results.benchmarks[0].comparisons
    for arm in ("mixed", "sampled"):
        (svg,) = (x for x in re.findall(r"<svg.*?</svg>", PAGE, re.DOTALL) if f"of {arm} minus english" in x)
        hollow = len(re.findall(r"<use [^>]*fill: #ffffff", svg))
        filled = len(re.findall(r"<use [^>]*fill: #(?!ffffff)", svg))
        findings = sum(c.finding != "no verdict" for c in comparisons if c.system == arm)
        total = sum(c.system == arm for c in comparisons)
        assert (hollow, filled) == (total - findings, findings)


def test_what_the_report_says_is_text_and_never_markup() -> None:
    result = result_of(["english", HOSTILE], ["eng", "fin", "rus", HOSTILE], name=HOSTILE)
    provenance = {"job": {HOSTILE: HOSTILE}, HOSTILE: HOSTILE, "command": HOSTILE, "versions": {HOSTILE: HOSTILE}}
    provenance["artifacts"] = [{"name": HOSTILE, HOSTILE: HOSTILE}]
    provenance["benchmarks"] = {HOSTILE: {"source": HOSTILE, "files": {HOSTILE: HOSTILE}}}
    curves = {f"{HOSTILE}:1": [(1, 2.0)], HOSTILE: [(1, 2.0)], "other": [(1, 2.0)]}
    passage = Passage(passage=HOSTILE, text=HOSTILE, score=0.5, relevant=True)
    where = {"system": HOSTILE, "benchmark": HOSTILE, "language": HOSTILE, "question": HOSTILE, "text": HOSTILE}
    failure = Failure(**where, score=0.1, found=[passage], missed=passage)
    changes = {"curves": curves, "provenance": provenance, "failures": [failure]}
    report = report_of(result, name=HOSTILE, caveats=[HOSTILE], **changes)
    written = render(report)
    page = Page(written)
    assert "<script" not in written
    assert page.open == []
    assert not page.tags["script"]
    assert page.text.count(HOSTILE) > 30  # unevaluated, too


def test_failures_stand_in_their_own_direction_and_language() -> None:
    gold = Passage(passage="p4", text="الجواب هنا", score=None, relevant=True)
    hit = Passage(passage="p1", text="ليس هذا", score=0.83, relevant=False)
    where = {
        "system": "mixed",
        "benchmark": STUDY.results.benchmarks[0].name,
        "language": "ara",
        "question": "q1",
        "text": "من هو؟",
    }
    failure = Failure(**where, score=0.0, found=[hit], missed=gold)
    written = render(STUDY.model_copy(update={"failures": [failure]}))
    for text in (failure.text, gold.text, hit.text):
        assert re.search(rf'<p[^>]* dir="auto" lang="ar">{text}</p>', written)
    text = Page(written).text
    places = [
        text.index(part, text.index("Failures by example")) for part in (failure.text, "not relevant, 0.830", "p4")
    ]
    assert places == sorted(places)


def test_numbers_can_be_copied_as_text() -> None:
    result = STUDY.results.benchmarks[0]
    _, found = re.findall(rf"<summary>{PRIMARY} as text to copy</summary>(.*?)</details>", PAGE, re.DOTALL)
    text = unescape(found)
    english = result.systems[0].languages["fin"][PRIMARY]
    assert f'{english.mean:.3f},"[{english.low:.3f}, {english.high:.3f}]"' in text
    assert r"\begin{tabular}" in text


def test_the_same_report_gives_the_same_bytes_whatever_the_settings() -> None:
    with matplotlib.rc_context({"font.size": 31, "svg.hashsalt": None, "axes.grid": False, "lines.linewidth": 9}):
        assert render(STUDY.model_copy(deep=True)) == PAGE
        assert matplotlib.rcParams["font.size"] == 31


def test_a_run_without_comparisons_has_no_parts_of_a_study() -> None:
    result = result_of(["trained"], seeds=(17,))
    assert not result.comparisons
    page = Page(render(report_of(result, curves={"train": [(1, 3.0), (2, 2.0)]})))
    assert "How does the trained encoder retrieve in each language, beside BM25 and untrained?" in page.text
    for absent in ("Holm", "minus", "verdict", "what a new seed changes"):
        assert absent not in page.text
    assert page.table(f"{PRIMARY} of every system")["never trained", "fin"][2] == shown(
        result.systems[0].languages["fin"][PRIMARY]
    )
    assert len(page.images) == 2 + 1 + 1 + 1


def test_a_language_without_a_question_has_a_row_and_says_why() -> None:
    result = result_of(["english", "mixed"], unscored=("kor", "tha"))
    page = Page(render(report_of(result)))
    rows = page.table(f"{PRIMARY} of every system")
    for language in ("kor", "tha"):
        cells = rows["no question with a gold passage", language]
        assert cells == [["–"], [f"{result.languages[language].passages:,}"], *[["–"]] * 4]
    assert "Not scored, with no question that has a gold passage: kor, tha." in page.text
    assert "Korean (kor)" not in page.labels
    nothing = result_of(["english"], unscored=tuple(TYDI))
    assert len(Page(render(report_of(nothing))).table(f"{PRIMARY} of every system")) == len(TYDI)


def test_one_seed_leaves_a_dash_for_what_only_seeds_can_tell() -> None:
    result = result_of(["english", "mixed"], seeds=(1,))
    rows = Page(render(report_of(result))).table(f"{PRIMARY} of mixed minus english")
    for c in result.comparisons:
        cells = next(cells for (_, row), cells in rows.items() if row == c.name)
        least = "–" if c.detectable is None else f"{c.detectable:.3f}"
        assert cells[2:4] == [[p_shown(c.p_questions)], [p_shown(c.p_t)]]
        assert cells[4:] == [["–"], ["–"], [least], ["no verdict"]]


@pytest.mark.parametrize(("languages", "arms"), [(DEMO, 3), (TYDI, 6)])
def test_wide_studies_lose_no_row_and_no_arm(languages: list[str], arms: int) -> None:
    names = ["english", *(f"temperature {index}" for index in range(1, arms))]
    result = result_of(names, languages)
    page = Page(render(report_of(result)))
    assert len(page.table(f"{PRIMARY} of every system")) == len(languages) + len(result.groups)
    assert sum("minus english" in title for title in page.images) == arms - 1
    labels = Counter(label[-4:-1] for label in page.labels if label.endswith(")"))
    assert all(labels[language] == arms + 1 for language in languages)  # forest plots, dots, and the heat map


def test_every_benchmark_has_its_own_section_and_verdicts() -> None:
    results = [result_of(["english", "mixed"], name="tydi"), result_of(["english", "mixed"], DEMO, name="demo-cldr")]
    page = Page(render(report_of(*results)))
    ids = [value for tag, name, value in page.attributes if (tag, name) == ("section", "id")]
    assert ids[:2] == ["benchmark-1", "benchmark-2"]
    assert [page.text.count(verdict) for result in results for verdict in result.verdicts] == [1] * 6


def test_curves_that_are_empty_or_diverge_do_not_stop_the_page() -> None:
    curves = {"mixed:1": [(1, 2.0), (2, float("nan")), (3, float("inf")), (4, 1.0)], "mixed:2": []}
    page = Page(render(STUDY.model_copy(update={"curves": curves})))
    assert [title for title in page.images if title.startswith("Training loss")] == [
        "Training loss by step of mixed: seed 1"
    ]
    assert "Training loss" not in Page(render(STUDY.model_copy(update={"curves": {}}))).text


def test_where_it_comes_from_is_told_as_far_as_it_is_known() -> None:
    page = Page(PAGE)
    assert "max_steps: 400" in page.text
    assert "raytrain study mixes.yaml" in page.text
    files = page.table("The files that were scored on")
    assert files["tydi: tydiqa-goldp:s3://b/dev.json", "dev.json"] == [["9f" * 32]]
    artifact = STUDY.provenance["artifacts"][0]
    cells = page.table("The artifacts")["", "english seed 1"]
    assert [cell for (cell,) in cells] == [artifact[key] for key in ("stage", "hash", "content", "uri", "created")]
    bare = Page(render(STUDY.model_copy(update={"provenance": {"cluster": {"nodes": 4}}})))
    assert "nodes: 4" in bare.text
    assert "Artifacts" not in bare.text
