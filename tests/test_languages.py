"""Languages at the door: codes and English names in, ISO 639-3 out."""

import pytest

from raytrain.corpus import cldr
from raytrain.errors import UserError
from raytrain.languages import to_iso639_3

TYDI = {
    "arabic": "ara",
    "bengali": "ben",
    "english": "eng",
    "finnish": "fin",
    "indonesian": "ind",
    "japanese": "jpn",
    "korean": "kor",
    "russian": "rus",
    "swahili": "swa",
    "telugu": "tel",
    "thai": "tha",
}
TWO_LETTERS = dict(zip(TYDI.values(), ["ar", "bn", "en", "fi", "id", "ja", "ko", "ru", "sw", "te", "th"], strict=True))


@pytest.mark.parametrize(("name", "code"), TYDI.items())
def test_every_tydi_language_by_name_and_by_both_codes(name: str, code: str) -> None:
    given = (name, name.title(), name.upper(), f" {name} ", code, code.upper(), TWO_LETTERS[code])
    assert {to_iso639_3(text) for text in given} == {code}


@pytest.mark.parametrize(
    ("name", "code"),
    [("de", "deu"), ("ger", "deu"), ("fre", "fra"), ("zh", "zho"), ("chinese", "zho"), ("no", "nor"), ("fa", "fas")],
)
def test_other_codes_and_names(name: str, code: str) -> None:
    assert to_iso639_3(name) == code


@pytest.mark.parametrize("code", sorted({*cldr.LANGUAGES, "tgl", "fil", "nob", "nno", "srp", "hrv", "lav", "msa"}))
def test_a_code_of_iso_639_3_stays_as_it_is(code: str) -> None:
    assert to_iso639_3(code) == code


@pytest.mark.parametrize("name", ["", " ", "e", "xx", "xxx", "419", "finish", "train", "eng-deu", "en_US"])
def test_what_is_no_language_is_refused_by_name(name: str) -> None:
    with pytest.raises(UserError) as caught:
        to_iso639_3(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
