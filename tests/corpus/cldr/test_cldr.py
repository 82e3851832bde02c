"""The generated corpus: enough of it, in the right language, and nothing of the evaluation in training."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from hashlib import md5

import pytest
from babel import Locale

from raytrain.corpus.cldr import LANGUAGES, Pair, Retrieval, held_out, pairs, version
from raytrain.corpus.cldr.facts import KINDS
from raytrain.corpus.cldr.languages import UNSPACED, babel_locale
from raytrain.corpus.cldr.names import territory_names
from raytrain.corpus.cldr.render import names_held_out
from raytrain.corpus.cldr.templates import templates
from raytrain.corpus.cldr.territories import is_held_out, territories

TYDI = {"ara", "ben", "eng", "fin", "ind", "jpn", "kor", "rus", "swa", "tel", "tha"}

LETTERS = {
    "ara": r"[\u0620-\u064a]",
    "ben": r"[\u0985-\u09b9]",
    "hin": r"[\u0905-\u0939]",
    "jpn": r"[\u3041-\u30ff]",
    "kor": r"[\uac00-\ud7a3]",
    "rus": r"[\u0410-\u044f]",
    "tel": r"[\u0c05-\u0c39]",
    "tha": r"[\u0e01-\u0e2e]",
    "zho": r"[\u4e00-\u9fff]",
}

# The slots a question may use; the answer may use these and the fact's own.
ASKED = {
    "script": {"territory", "language"},
    "endonym": {"territory", "language"},
    "number_format": {"territory", "number"},
}
ANSWERED = {
    "currency": {"territory", "currency"},
    "currency_code": {"territory", "code"},
    "former_currency": {"territory", "currency", "year"},
    "shared_currency": {"territory", "territories"},
    "official_languages": {"territory", "languages"},
    "main_language": {"territory", "language", "share"},
    "script": {"territory", "language", "script"},
    "week_start": {"territory", "day"},
    "weekend": {"territory", "days"},
    "time_zone": {"territory", "zones"},
    "number_format": {"territory", "number", "written"},
    "endonym": {"territory", "language", "endonym"},
    "country_code": {"territory", "alpha2", "alpha3"},
}

each_language = pytest.mark.parametrize("language", LANGUAGES)


@cache
def training(language: str) -> tuple[Pair, ...]:
    return tuple(pairs(language))


@cache
def benchmark(language: str) -> Retrieval:
    return held_out(language)


def territory_of(url: str) -> str:
    return url.removeprefix("cldr:").split("/")[0]


def slots_of(template: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", template))


def test_languages_are_tydi_and_at_least_eight_more() -> None:
    assert set(LANGUAGES) >= TYDI
    assert len(LANGUAGES) >= len(TYDI) + 8
    assert list(LANGUAGES) == sorted(LANGUAGES)


def test_the_whole_corpus_is_large() -> None:
    assert sum(len(training(language)) for language in LANGUAGES) >= 40_000


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"xyz.*ara.*zho"):
        pairs("xyz")
    with pytest.raises(ValueError, match="xyz"):
        held_out("xyz")


def test_about_15_percent_of_territories_are_held_out() -> None:
    share = sum(map(is_held_out, territories())) / len(territories())
    assert len(territories()) == 249
    assert 0.12 < share < 0.18


def test_version_names_babel_and_cldr() -> None:
    assert re.fullmatch(r"\d+\+babel[\d.]+\+cldr\d+", version())


@each_language
def test_templates_are_complete(language: str) -> None:
    assert tuple(templates(language)) == KINDS
    for kind, (questions, answers) in templates(language).items():
        assert len(set(questions)) == len(questions) >= 3
        assert len(set(answers)) == len(answers) >= 2
        for question in questions:
            assert slots_of(question) == ASKED.get(kind, {"territory"}), question
        for answer in answers:
            optional = {"number"} if kind == "number_format" else set()
            assert slots_of(answer) | optional == ANSWERED[kind], answer


@each_language
def test_pairs_are_many_unique_and_well_formed(language: str) -> None:
    found = training(language)
    assert len(found) >= 1200
    assert len({pair.question for pair in found}) == len(found)
    assert len({pair.id for pair in found}) == len(found)
    assert {pair.url.split("/")[1] for pair in found} == set(KINDS)
    assert {pair.origin for pair in found} == {"cldr"}
    assert all(pair.id == md5(f"{pair.question} {pair.answer}".encode()).hexdigest() for pair in found)
    lines = "\n".join(f"{pair.question}\n{pair.answer}" for pair in found)
    assert [mark for mark in ("{", "}", "None", "..", "  ", "\n ", " \n") if mark in lines] == []


@each_language
def test_texts_are_in_the_language(language: str) -> None:
    letters = re.compile(LETTERS.get(language, r"[a-z]"))
    for pair in training(language):
        assert letters.search(pair.question), pair
        assert letters.search(pair.answer), pair


@each_language
def test_day_names_are_the_language_s_own(language: str) -> None:
    # Read in a loop over all languages on purpose: one locale's names have shown up in another's texts.
    locale = Locale.parse(str(babel_locale(language)))
    days = {"fin": "stand-alone"}.get(language, "format")
    known = {name.casefold() for name in locale.days[days]["wide"].values()}
    for pair in training(language):
        if pair.url.endswith("/week_start"):
            assert any(name in pair.answer.casefold() for name in known), pair


@each_language
def test_training_is_not_about_held_out_territories(language: str) -> None:
    assert not any(is_held_out(territory_of(pair.url)) for pair in training(language))


@each_language
def test_training_does_not_name_held_out_territories(language: str) -> None:
    names = territory_names(language, territories())
    others = [name for code, name in names.items() if not is_held_out(code)]
    # Short names occur inside other words; a name inside a longer name ("Guinea") is not the territory.
    # So do unspaced ones, which the plain search below cannot tell.
    shortest = 3 if language in UNSPACED else 6
    forbidden = [
        name
        for code, name in names.items()
        if is_held_out(code) and len(name) >= shortest and not any(name in other for other in others)
    ]
    assert len(forbidden) >= 8
    text = "\n".join(f"{pair.question}\n{pair.answer}" for pair in training(language))
    assert [n for n in forbidden if n in text and re.search(rf"(?<!\w){re.escape(n)}", text)] == []


def test_a_held_out_name_is_seen_with_an_ending_but_not_inside_a_longer_name() -> None:
    assert is_held_out("IN")
    assert is_held_out("TH")
    assert names_held_out("eng", "the money of India")
    assert names_held_out("fin", "Intian rupia")
    assert not names_held_out("eng", "British Indian Ocean Territory")
    assert names_held_out("jpn", "タイの通貨")
    assert not names_held_out("jpn", "タイムゾーン")


@each_language
def test_every_query_has_one_relevant_passage(language: str) -> None:
    found = benchmark(language)
    assert len(found.queries) >= 300
    assert 600 <= len(found.passages) <= 1500
    assert len(set(found.passages.values())) == len(found.passages)
    assert len(set(found.queries.values())) == len(found.queries)
    assert found.relevant.keys() == found.queries.keys()
    for query, grades in found.relevant.items():
        assert list(grades.values()) == [1]
        (passage,) = grades
        assert passage in found.passages
        assert passage.removeprefix("p:") == query.removeprefix("q:")
        assert is_held_out(territory_of(query.removeprefix("q:")))


@each_language
def test_no_held_out_question_or_answer_is_trained_on(language: str) -> None:
    found = benchmark(language)
    answers = {found.passages[passage] for grades in found.relevant.values() for passage in grades}
    assert not {pair.question for pair in training(language)} & set(found.queries.values())
    assert not {pair.answer for pair in training(language)} & answers


DIGEST = """
import hashlib, json, sys
from raytrain.corpus.cldr import held_out, pairs
def digest(language):
    found = held_out(language)
    text = json.dumps([list(map(vars, pairs(language))), found.queries, found.passages, found.relevant])
    return hashlib.sha256(text.encode()).hexdigest()
print(json.dumps({language: digest(language) for language in sys.argv[1:]}))
"""


def digests(seed: str, *languages: str) -> dict[str, str]:
    run = subprocess.run(
        [sys.executable, "-c", DIGEST, *languages],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(run.stdout)
    return found


def test_output_depends_neither_on_hash_seed_nor_on_the_languages_made_before() -> None:
    some = ("ben", "fin", "jpn", "swa", "tel")
    forward = digests("1", *some)
    assert digests("2", *reversed(some)) == forward
    assert digests("3", "tel")["tel"] == forward["tel"]
