"""Language identification: what is filed under the wrong language is named, and doubtful cases are left alone."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.config import LanguageId
from raytrain.corpus.language_id import check_language, identify, known_to_model

PAIRS = {
    "ara": ("كم يستغرق توصيل الطلب إلى المنزل؟", "يصل الطلب عادة خلال ثلاثة أيام عمل بعد تأكيد الدفع."),
    "ben": ("আমার অর্ডার কখন পৌঁছাবে?", "সাধারণত তিন কার্যদিবসের মধ্যে আপনার ঠিকানায় পৌঁছে যায়।"),
    "deu": ("Wie lange dauert der Versand?", "Die Lieferung erfolgt in der Regel innerhalb von drei Werktagen."),
    "ell": ("Πόσο διαρκεί η αποστολή;", "Η παραγγελία φτάνει συνήθως μέσα σε τρεις εργάσιμες ημέρες."),
    "eng": ("How long does delivery take?", "Your order usually arrives within three working days."),
    "fas": ("ارسال سفارش چقدر طول می‌کشد؟", "سفارش شما معمولاً ظرف سه روز کاری به دستتان می‌رسد."),
    "fin": ("Kuinka kauan toimitus kestää?", "Tilaus saapuu yleensä kolmen arkipäivän kuluessa."),
    "hrv": (
        "Što učiniti ako zaboravim lozinku?",
        "Kliknite na poveznicu za promjenu lozinke i slijedite upute koje smo vam poslali.",
    ),
    "ind": ("Berapa lama pengiriman berlangsung?", "Pesanan Anda biasanya tiba dalam tiga hari kerja."),
    "jpn": ("配送にはどのくらいかかりますか？", "ご注文の商品は通常、三営業日以内にお届けします。"),
    "nob": (
        "Når åpner butikken?",
        "Butikken åpner klokken ti om morgenen og stenger klokken seks, men på søndager holder vi stengt.",
    ),
    "rus": ("Сколько времени занимает доставка?", "Заказ обычно приходит в течение трёх рабочих дней."),
    "swa": ("Mji mkuu wa Tanzania ni upi?", "Mji mkuu wa Tanzania ni Dodoma, uliopo katikati ya nchi hiyo."),
    "tur": ("Teslimat ne kadar sürer?", "Siparişiniz genellikle üç iş günü içinde elinize ulaşır."),
    "zho": ("配送需要多长时间？", "您的订单通常会在三个工作日内送达您的地址。"),
}


def reasons(*rows: tuple[str, str, str], threshold: float = 0.63) -> list[str | None]:
    """Of rows (label, question, answer)."""
    columns = dict(zip(("language", "question", "answer"), map(list, zip(*rows, strict=True)), strict=True))
    return list(check_language(pa.table(columns), LanguageId(threshold=threshold)).to_pylist())


@pytest.mark.parametrize("language", PAIRS)
def test_a_pair_filed_right_stays(language: str) -> None:
    assert reasons((language, *PAIRS[language])) == [None]


@pytest.mark.parametrize("language", PAIRS)
def test_a_pair_filed_under_any_other_language_is_caught(language: str) -> None:
    others = [other for other in PAIRS if other != language]
    assert reasons(*((other, *PAIRS[language]) for other in others)) == ["language_other"] * len(others)


@pytest.mark.parametrize(("language", "code"), [("fin", "fin"), ("jpn", "jpn"), ("fas", "fas"), ("swa", "swa")])
def test_identify_gives_iso_639_3(language: str, code: str) -> None:
    codes, confidences = identify([" ".join(PAIRS[language])])
    assert codes == [code]
    assert confidences.dtype == np.float32
    assert 0.63 < confidences[0] <= 1


@pytest.mark.parametrize(
    ("filed", "text"),
    [
        *(("arb", "ara"), ("arz", "ara"), ("cmn", "zho"), ("yue", "zho"), ("nor", "nob"), ("nno", "nob")),
        *(("msa", "ind"), ("zsm", "ind"), ("pes", "fas"), ("prs", "fas"), ("swh", "swa")),
        *(("srp", "hrv"), ("bos", "hrv"), ("hbs", "hrv")),
    ],
)
def test_a_macro_language_and_its_members_are_one_language(filed: str, text: str) -> None:
    assert reasons((filed, *PAIRS[text])) == [None]


def test_members_share_their_confidence() -> None:
    serbian_croatian = "Grad leži na rijeci i ima dva milijuna stanovnika, a jezik je srpski."
    (code,), (confidence,) = identify([serbian_croatian])
    assert code in ("hrv", "srp", "bos", "hbs")
    assert confidence > 0.9


def test_names_of_wikipedias_are_no_iso_codes() -> None:
    alemannic = (
        "D Schwyz isch es Land z Mittleuropa, wo a Dütschland, Frankrich, Italie, Öschtrich und Liechtestei gränzt."
    )
    assert identify([alemannic])[0] == ["gsw"]
    assert reasons(("als", alemannic, alemannic)) == ["language_other"]  # als is Albanian of the south


def test_an_unsure_pair_is_named_and_the_threshold_decides() -> None:
    row = ("eng", "OK 12 34?", "A1 B2 C3 D4 E5")
    assert reasons(row) == ["language_unsure"]
    assert reasons(row, threshold=0.0) != ["language_unsure"]


def test_a_language_the_model_does_not_know_is_not_checked() -> None:
    assert not known_to_model("zul")
    assert not known_to_model("zul-eng")
    assert reasons(("zul", *PAIRS["eng"])) == [None]


@pytest.mark.parametrize(
    "label", [*PAIRS, "deu-eng", "cmn", "ekk", "lvs", "azj", "als", "uzn", "khk", "ydd", "tgl", "fil"]
)
def test_known_languages(label: str) -> None:
    assert known_to_model(label)


def test_question_and_answer_of_a_bitext_are_identified_apart() -> None:
    (german, auf_deutsch), (english, in_english) = PAIRS["deu"], PAIRS["eng"]
    assert reasons(("deu-eng", german, in_english), ("deu-eng", english, auf_deutsch)) == [None, "language_other"]
    assert reasons(("deu-eng", german, auf_deutsch), ("deu-eng", english, in_english)) == ["language_other"] * 2
    assert reasons(("zul-eng", german, in_english), ("zul-eng", german, auf_deutsch)) == [None, "language_other"]


@pytest.mark.parametrize("blank", ["\n", "\r\n", "\n\n\t", "\u2028", "\v", "  "])
def test_blanks_and_line_breaks_do_not_matter(blank: str) -> None:
    plain = " ".join(PAIRS["fin"])
    (first, second), confidences = identify([plain, blank + plain.replace(" ", blank)])
    assert first == second == "fin"
    assert confidences[0] == confidences[1]


def test_capitals_do_not_matter() -> None:
    plain = " ".join(PAIRS["deu"]).lower()
    assert identify([plain])[1] == identify([plain.upper()])[1]


def test_a_blank_text_is_undetermined() -> None:
    codes, confidences = identify(["", " \n"])
    assert codes == ["und", "und"]
    assert confidences.tolist() == [0, 0]


def test_no_rows() -> None:
    empty = pa.table({name: pa.array([], pa.string()) for name in ("language", "question", "answer")})
    assert check_language(empty, LanguageId()).equals(pa.array([], pa.string()))


TEXTS = [text for pair in PAIRS.values() for text in pair]


@given(st.lists(st.sampled_from(TEXTS) | st.text(), max_size=20), st.integers(0, 20))
def test_the_result_is_the_same_on_any_batch_cut(texts: list[str], cut: int) -> None:
    codes, confidences = identify(texts)
    first, second = identify(texts[:cut]), identify(texts[cut:])
    assert codes == first[0] + second[0]
    assert confidences.tolist() == [*first[1].tolist(), *second[1].tolist()]
    assert ((confidences >= 0) & (confidences <= 1)).all()


def test_the_network_is_never_asked() -> None:
    program = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        raise SystemExit(f"asked the network: {event}")
sys.addaudithook(refuse)
from raytrain.corpus.language_id import identify
print(*identify(["Kuinka kauan toimitus yleensä kestää?"])[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("fin\n", 0), done.stderr
