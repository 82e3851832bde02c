"""TyDi QA: every official passage byte for byte, the rule of two annotators, and what is wrong is named."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytrain.errors import UserError
from raytrain.evaluate import json_lines
from raytrain.evaluate.benchmark import load_benchmark
from raytrain.evaluate.retrieval import Retrieval
from raytrain.storage import Location

TINY = Path(__file__).parents[1] / "data" / "tydiqa" / "tiny_dev.jsonl.gz"
TINY_SHA256 = "b4f3d90db4c83456415680e085558a9e56d897f9e5ca24dc5c2b2f714818b631"
ELEVEN = {
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

Edit = Callable[[dict[str, Any]], None]


def load(kind: str, place: Path, languages: list[str] | None = None) -> list[Retrieval]:
    return list(load_benchmark(f"tydiqa-{kind}:{place}", languages, Location.of))


def refusal(kind: str, place: Path, languages: list[str] | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load(kind, place, languages)
    line = str(caught.value)
    assert "\n" not in line
    return line


def write(place: Path, data: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(gzip.compress(data) if place.name.endswith(".gz") else data)
    return place


def write_lines(place: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows]
    return write(place, b"".join(line + b"\n" for line in lines))


# ---- the primary task


def example(name: int | str, text: str, spans: list[tuple[int, int]], chosen: list[int], **more: Any) -> dict[str, Any]:
    return {
        "example_id": name,
        "language": "finnish",
        "document_url": "https://example.org/a",
        "document_title": "A",
        "document_plaintext": text,
        "question_text": f"{name}?",
        "passage_answer_candidates": [{"plaintext_start_byte": a, "plaintext_end_byte": b} for a, b in spans],
        "annotations": [{"passage_answer": {"candidate_index": index}, "yes_no_answer": "NONE"} for index in chosen],
        **more,
    }


def hub_row(row: dict[str, Any]) -> dict[str, Any]:
    """As the hub has it: objects of lists, and no example_id."""
    return {key: value for key, value in row.items() if key != "example_id"} | {
        "passage_answer_candidates": {
            key: [item[key] for item in row["passage_answer_candidates"]]
            for key in ("plaintext_start_byte", "plaintext_end_byte")
        },
        "annotations": {
            "passage_answer_candidate_index": [a["passage_answer"]["candidate_index"] for a in row["annotations"]]
        },
    }


TEXT = "äö one two"  # the first two letters are two bytes each
SPANS = [(0, 4), (5, 8), (9, 12), (8, 8)]


def test_the_real_file_is_whole() -> None:
    assert hashlib.sha256(TINY.read_bytes()).hexdigest() == TINY_SHA256


def test_all_languages_and_every_passage_is_the_official_candidate_byte_for_byte() -> None:
    expected: dict[str, dict[str, bytes]] = {}
    for line in gzip.decompress(TINY.read_bytes()).decode("utf-8").split("\n"):
        if line:
            row = json.loads(line)
            article = bytes(row["document_plaintext"], "utf-8")
            expected[ELEVEN[row["language"]]] = {
                f"{row['example_id']}#{number}": article[c["plaintext_start_byte"] : c["plaintext_end_byte"]]
                for number, c in enumerate(row["passage_answer_candidates"])
            }
    found = load("primary", TINY)
    assert [part.language for part in found] == sorted(ELEVEN.values())
    assert {p.language: {name: bytes(t, "utf-8") for name, t in p.passages.items()} for p in found} == expected
    assert sum(len(part.passages) for part in found) == 314
    swahili = next(part for part in found if part.language == "swa")
    assert swahili.passages["981216329755920732#0"].startswith("Rijili Kantori , Rijili Kantarusi au ing. Alpha Cent")


def test_three_languages_of_the_real_file_have_an_answered_question_and_all_are_there() -> None:
    found = {part.language: part for part in load("primary", TINY)}
    assert {language: dict(part.relevant) for language, part in found.items() if part.relevant} == {
        "ara": {"2387335860751143628": {"2387335860751143628#1": 1}},
        "ind": {"1906590851264221380": {"1906590851264221380#1": 1}},
        "rus": {"-8230455546809992713": {"-8230455546809992713#75": 1, "-8230455546809992713#79": 1}},
    }
    assert {language: part.left_out for language, part in found.items()} == {
        language: int(language not in ("ara", "ind", "rus")) for language in ELEVEN.values()
    }
    assert all(part.queries.keys() == part.relevant.keys() for part in found.values())
    assert found["ind"].queries["1906590851264221380"] == "Siapakah yang menemuka benua Amerika ?"


def test_languages_are_chosen_and_a_missing_one_is_refused_with_those_there_are() -> None:
    assert [part.language for part in load("primary", TINY, ["swa", "ara"])] == ["ara", "swa"]
    assert load("primary", TINY, ["swa"])[0] == next(p for p in load("primary", TINY) if p.language == "swa")
    line = refusal("primary", TINY, ["swa", "fra"])
    assert line.startswith(f"evaluate.languages: tydiqa-primary:{TINY} has no fra; it has ara, ben, eng, fin, ind,")


def test_the_hubs_rows_are_the_same_but_for_their_names(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in gzip.decompress(TINY.read_bytes()).splitlines()]
    lines = write_lines(tmp_path / "hub.jsonl", [hub_row(row) for row in rows])
    pq.write_table(pa.Table.from_pylist([hub_row(row) for row in rows]), tmp_path / "hub.parquet")
    names = {f"row{number}": str(row["example_id"]) for number, row in enumerate(rows, 1)}

    def official(name: str) -> str:
        row, mark, candidate = name.partition("#")
        return names[row] + mark + candidate

    renamed = [
        Retrieval(
            part.language,
            {official(name): text for name, text in part.queries.items()},
            {official(name): text for name, text in part.passages.items()},
            {official(name): {official(p): n for p, n in grades.items()} for name, grades in part.relevant.items()},
            part.left_out,
        )
        for part in load("primary", lines)
    ]
    assert renamed == load("primary", TINY)
    assert load("primary", tmp_path / "hub.parquet") == load("primary", lines)


@pytest.mark.parametrize(
    ("chosen", "relevant"),
    [
        ([0], {"1#0": 1}),  # the training split has one annotation
        ([-1], {}),
        ([], {}),
        ([0, -1, -1], {}),
        ([0, 0, -1], {"1#0": 1}),
        ([0, 2, -1], {"1#0": 1, "1#2": 1}),
        ([2, 2, 0], {"1#0": 1, "1#2": 1}),
        ([1, 1, 1], {"1#1": 1}),
        ([-1, -1], {}),
        ([1, -1], {}),
        ([1, 0], {"1#0": 1, "1#1": 1}),
        ([0, -1, -1, -1, 0], {"1#0": 1}),
    ],
)
def test_a_question_is_answered_when_two_chose_a_passage_or_the_only_one_did(
    tmp_path: Path, chosen: list[int], relevant: dict[str, int]
) -> None:
    (found,) = load("primary", write_lines(tmp_path / "dev.jsonl", [example(1, TEXT, SPANS, chosen)]))
    assert found.passages == {"1#0": "äö", "1#1": "one", "1#2": "two", "1#3": ""}
    assert found.relevant == ({"1": relevant} if relevant else {})
    assert found.queries == ({"1": "1?"} if relevant else {})
    assert found.left_out == (0 if relevant else 1)


def test_questions_on_one_article_share_its_passages(tmp_path: Path) -> None:
    rows = [
        example(-7, TEXT, SPANS, [-1]),
        example(8, TEXT, SPANS, [1]),
        example(9, TEXT, SPANS, [2], document_url="https://example.org/b"),
        example(10, f"{TEXT}!", SPANS, [0]),
        example(11, TEXT, SPANS[1:], [0]),  # its numbers mean other passages
        example(12, TEXT, SPANS, [2], language="swahili"),
    ]
    fin, swa = load("primary", write_lines(tmp_path / "dev.jsonl.gz", rows))
    assert list(fin.passages) == [
        *(f"{name}#{number}" for name in (-7, 9, 10) for number in range(4)),
        *(f"11#{number}" for number in range(3)),
    ]
    assert fin.relevant == {"8": {"-7#1": 1}, "9": {"9#2": 1}, "10": {"10#0": 1}, "11": {"11#0": 1}}
    assert fin.passages["11#0"] == "one"
    assert swa.relevant == {"12": {"12#2": 1}}
    assert swa.passages["12#2"] == "two"


def test_passage_selection_asks_every_question_among_the_candidates_of_its_article(tmp_path: Path) -> None:
    rows = [
        example(7, TEXT, SPANS, [-1, 2, -1]),
        example(8, TEXT, SPANS, [1]),
        example(9, TEXT, SPANS, [2], document_url="https://example.org/b"),
        example(10, "", [], []),
    ]
    (found,) = load("passages", write_lines(tmp_path / "dev.jsonl", rows))
    own, other = [f"7#{number}" for number in range(4)], [f"9#{number}" for number in range(4)]
    assert found.candidates == {"7": own, "8": own, "9": other, "10": []}
    assert list(found.candidates) == ["7", "8", "9", "10"]
    assert found.queries == {"8": "8?", "9": "9?"}
    assert found.relevant == {"8": {"7#1": 1}, "9": {"9#2": 1}}
    assert found.unanswered == {"7": "7?", "10": "10?"}
    assert found.left_out == 2
    (as_retrieval,) = load("primary", tmp_path / "dev.jsonl")
    assert (as_retrieval.candidates, as_retrieval.unanswered) == ({}, {})
    assert as_retrieval.passages == found.passages


def test_passage_selection_of_the_real_file_in_all_eleven_languages() -> None:
    found = {part.language: part for part in load("passages", TINY)}
    assert sorted(found) == sorted(ELEVEN.values())
    for line in gzip.decompress(TINY.read_bytes()).decode("utf-8").split("\n"):
        if line:
            row = json.loads(line)
            part, name = found[ELEVEN[row["language"]]], str(row["example_id"])
            article = row["document_plaintext"].encode()
            official = [
                article[c["plaintext_start_byte"] : c["plaintext_end_byte"]].decode()
                for c in row["passage_answer_candidates"]
            ]
            assert [part.passages[passage] for passage in part.candidates[name]] == official
            assert {**part.queries, **part.unanswered}[name] == row["question_text"]


def test_a_language_that_the_official_scorer_does_not_know_is_refused(tmp_path: Path) -> None:
    place = write_lines(tmp_path / "dev.jsonl", [example(1, TEXT, SPANS, [0], language="german")])
    assert refusal("passages", place) == f"{place} holds deu, which is no language of TyDi QA"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text("aä中😀\n", max_size=4), min_size=1, max_size=8),
    st.sampled_from(["dev.jsonl", "dev.jsonl.gz", "dev.parquet"]),
)
def test_passages_of_any_script_are_cut_at_their_bytes(tmp_path: Path, pieces: list[str], name: str) -> None:
    ends = [len("".join(pieces[: i + 1]).encode()) for i in range(len(pieces))]
    row = example(1, "".join(pieces), list(zip([0, *ends], ends, strict=False)), [0])
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / name)
    else:
        write_lines(tmp_path / name, [row])
    (found,) = load("primary", tmp_path / name)
    assert list(found.passages.values()) == pieces


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(-3, 16), st.integers(-3, 16))
def test_a_span_is_a_part_of_the_text_or_refused(tmp_path: Path, start: int, end: int) -> None:
    text = "aä中😀b"
    letters = {len(text[:i].encode()): i for i in range(6)}  # by byte
    place = write_lines(tmp_path / "dev.jsonl", [example(1, text, [(start, end)], [0])])
    if start in letters and end in letters and start <= end:
        assert load("primary", place)[0].passages == {"1#0": text[letters[start] : letters[end]]}
    elif start == end and 0 <= start <= 11:
        assert load("primary", place)[0].passages == {"1#0": ""}  # nothing is cut
    else:
        assert refusal("primary", place).startswith(f"{place}: line 1: example_id 1: candidate 0: bytes {start} to")


def _set(**fields: Any) -> Edit:
    return lambda row: row.update(fields)


def _span(number: int, **fields: Any) -> Edit:
    return lambda row: row["passage_answer_candidates"][number].update(fields)


def _without(key: str) -> Edit:
    def edit(row: dict[str, Any]) -> None:
        del row[key]

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_without("example_id"), " has no example_id"),
        (_without("language"), " has no language"),
        (_set(language="x-1"), ": language 'x-1' is no language"),
        (_set(example_id=1), ": example_id 1 is there twice"),
        (_set(example_id=None), " has no example_id"),
        (_set(example_id=[2]), ": example_id is no string"),
        (_without("document_plaintext"), ": example_id 2 has no document_plaintext"),
        (_without("document_url"), ": example_id 2 has no document_url"),
        (_without("question_text"), ": example_id 2 has no question_text"),
        (_without("passage_answer_candidates"), ": example_id 2 has no list passage_answer_candidates"),
        (_without("annotations"), ": example_id 2 has no annotations"),
        (_set(question_text=5), ": example_id 2: question_text is no string"),
        (_set(passage_answer_candidates=[1]), ": example_id 2: candidate 0 is no object"),
        (_set(annotations=[1]), ": example_id 2: annotations[0] is no object"),
        (_set(annotations=[{}]), ": example_id 2: annotations[0] has no passage_answer"),
        (_set(annotations=[{"passage_answer": {}}]), ": example_id 2: annotations[0] has no candidate_index"),
        (
            _set(annotations=[{"passage_answer": {"candidate_index": 4}}]),
            ": example_id 2: annotations[0]: candidate_index 4 is none of the 4 candidates",
        ),
        (_set(annotations=[{"passage_answer": {"candidate_index": -2}}]), ": example_id 2: annotations[0]: candidate"),
        (_span(1, plaintext_start_byte=-1), ": example_id 2: candidate 1: bytes -1 to 8 are no part of the 12"),
        (_span(1, plaintext_end_byte=-1), ": example_id 2: candidate 1: bytes 5 to -1 are no part of the 12"),
        (_span(2, plaintext_end_byte=13), ": example_id 2: candidate 2: bytes 9 to 13 are no part of the 12"),
        (_span(2, plaintext_end_byte=8), ": example_id 2: candidate 2: bytes 9 to 8 are no part of the 12"),
        (_span(0, plaintext_start_byte=1), ": example_id 2: candidate 0: bytes 1 to 4 of document_plaintext cut"),
        (_span(0, plaintext_end_byte=3), ": example_id 2: candidate 0: bytes 0 to 3 of document_plaintext cut"),
        (_span(3, plaintext_end_byte=None), ": example_id 2: candidate 3 has no plaintext_end_byte"),
        (_span(3, plaintext_end_byte="8"), ": example_id 2: candidate 3: plaintext_end_byte is no whole number"),
        (_set(document_plaintext="\ud83d"), ": example_id 2: document_plaintext holds half a character"),
        (
            lambda row: row.update(hub_row(row) | {"passage_answer_candidates": {"plaintext_start_byte": [1]}}),
            ": example_id 2: passage_answer_candidates has no plaintext_end_byte",
        ),
        (
            _set(passage_answer_candidates={"plaintext_start_byte": [0, 1], "plaintext_end_byte": [1]}),
            ": example_id 2: passage_answer_candidates has 2 starts and 1 ends",
        ),
        (_set(annotations={}), ": example_id 2: annotations has no passage_answer_candidate_index"),
        (
            _set(annotations={"passage_answer_candidate_index": [0, 9]}),
            ": example_id 2: annotation 1: candidate_index 9 is none of the 4 candidates",
        ),
    ],
)
def test_a_wrong_example_is_named_with_its_line(tmp_path: Path, edit: Edit, words: str) -> None:
    wrong = example(2, TEXT, SPANS, [0], document_url="b")
    edit(wrong)
    rows = [example(1, TEXT, SPANS, [0]), b"", json.dumps(wrong).encode()]
    place = write_lines(tmp_path / "dev.jsonl.gz", rows)
    assert refusal("primary", place).startswith(f"{place}: line 3{words}")


# ---- GoldP


def squad(*paragraphs: tuple[str, list[tuple[str, str]]]) -> dict[str, Any]:
    return {
        "version": "TyDiQA-GoldP-1.1-for-SQuAD-1.1",
        "data": [
            {
                "title": "",
                "paragraphs": [
                    {
                        "context": context,
                        "qas": [
                            {"id": name, "question": text, "answers": [{"text": context[:3], "answer_start": 0}]}
                            for name, text in questions
                        ],
                    }
                ],
            }
            for context, questions in paragraphs
        ],
    }


GOLDP = squad(
    ("Helsinki on Suomen pääkaupunki.", [("finnish--763-0", "Mikä on pääkaupunki?"), ("finnish-5-1", "Missä?")]),
    ("서울은 대한민국의 수도이다.", [("korean-12-3", "수도는?")]),
    ("Turku on kaupunki.", [("finnish-9-0", "Mikä Turku on?")]),
    ("Helsinki on Suomen pääkaupunki.", [("finnish-11-2", "Onko Helsinki?"), ("english--1-2-0", "What is it?")]),
)


def flat(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": question["id"],
            "title": article["title"],
            "context": paragraph["context"],
            "question": question["question"],
            "answers": {key: [answer[key] for answer in question["answers"]] for key in ("text", "answer_start")},
        }
        for article in data["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def test_gold_passages_are_the_distinct_contexts_of_a_language(tmp_path: Path) -> None:
    place = write(tmp_path / "tydiqa-goldp-v1.1-dev.json", json.dumps(GOLDP).encode())
    eng, fin, kor = load("goldp", place)
    assert [part.language for part in (eng, fin, kor)] == ["eng", "fin", "kor"]
    assert sorted(fin.passages.values()) == ["Helsinki on Suomen pääkaupunki.", "Turku on kaupunki."]
    assert list(fin.queries) == ["finnish--763-0", "finnish-5-1", "finnish-9-0", "finnish-11-2"]
    assert {name: [fin.passages[p] for p in grades] for name, grades in fin.relevant.items()} == {
        "finnish--763-0": ["Helsinki on Suomen pääkaupunki."],
        "finnish-5-1": ["Helsinki on Suomen pääkaupunki."],
        "finnish-9-0": ["Turku on kaupunki."],
        "finnish-11-2": ["Helsinki on Suomen pääkaupunki."],
    }
    assert {grade for grades in fin.relevant.values() for grade in grades.values()} == {1}
    assert eng.queries == {"english--1-2-0": "What is it?"}
    assert list(kor.passages.values()) == ["서울은 대한민국의 수도이다."]
    assert [part.left_out for part in (eng, fin, kor)] == [0, 0, 0]
    assert [part.language for part in load("goldp", place, ["kor"])] == ["kor"]
    assert "has no tha; it has eng, fin, kor" in refusal("goldp", place, ["tha"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.text("aä中 \n", max_size=3),
            st.lists(st.tuples(st.sampled_from(["finnish", "thai"]), st.text(max_size=3)), min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_all_its_formats_are_the_same_and_a_passage_keeps_its_name_elsewhere(
    tmp_path: Path, paragraphs: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    named = [
        (context, [(f"{lang}-{i}-{j}", text) for j, (lang, text) in enumerate(questions)])
        for i, (context, questions) in enumerate(paragraphs)
    ]
    data = squad(*named)
    rows = flat(data)
    official = load("goldp", write(tmp_path / "dev.json", json.dumps(data).encode()))
    for name in ("dev.json.gz", "dev.jsonl", "dev.jsonl.gz", "dev.parquet"):
        if name.endswith("parquet"):
            pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
        elif "jsonl" in name:
            write_lines(tmp_path / name, rows)
        else:
            write(tmp_path / name, json.dumps(data, ensure_ascii=False).encode())
        assert load("goldp", tmp_path / name) == official
    backwards = load("goldp", write_lines(tmp_path / "dev.jsonl", rows[::-1]))
    assert backwards == official  # mappings are equal in any order
    for part in official:
        assert len(set(part.passages.values())) == len(part.passages)
        assert not any(letter.isspace() for name in part.passages for letter in name)


def test_a_question_without_an_answer_is_left_out_and_its_passage_stays(tmp_path: Path) -> None:
    rows = flat(GOLDP)
    rows[2]["answers"] = {"text": [], "answer_start": []}
    _, _, kor = load("goldp", write_lines(tmp_path / "dev.jsonl", rows))
    assert (kor.queries, kor.relevant, kor.left_out, len(kor.passages)) == ({}, {}, 1, 1)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_without("id"), " has no id"),
        (_without("question"), " has no question"),
        (_without("context"), " has no context"),
        (_without("answers"), " has no answers"),
        (_set(answers={"answer_start": [1]}), " has no answers"),
        (_set(id="finnish--763-0"), ": id finnish--763-0 is there twice"),
        (_set(id="56be4db0acb8001400a502ec"), ": id 56be4db0acb8001400a502ec begins with its language, and '56be4d"),
        (_set(context=["x"]), ": context is no string"),
        (_set(context="\udc80"), ": context holds half a character"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, edit: Edit, words: str) -> None:
    rows = flat(GOLDP)
    edit(rows[1])
    place = write_lines(tmp_path / "dev.jsonl", [json.dumps(row).encode() for row in rows])
    assert refusal("goldp", place).startswith(f"{place}: line 2{words}")


def test_a_wrong_row_of_parquet_is_named(tmp_path: Path) -> None:
    rows = flat(GOLDP)
    rows[3]["question"] = None
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "dev.parquet")
    assert refusal("goldp", tmp_path / "dev.parquet") == f"{tmp_path}/dev.parquet: row 4 has no question"
    pq.write_table(pa.Table.from_pylist(rows).drop_columns("context"), tmp_path / "dev.parquet")
    assert refusal("goldp", tmp_path / "dev.parquet") == f"{tmp_path}/dev.parquet: row 1 has no context"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda data: data.pop("data"), " has no data"),
        (lambda data: data.update(data={}), ": data is no list"),
        (lambda data: data["data"].insert(1, 3), ": data[1] is no object"),
        (lambda data: data["data"][1].pop("paragraphs"), ": data[1] has no paragraphs"),
        (lambda data: data["data"][1]["paragraphs"][0].pop("context"), ": data[1].paragraphs[0] has no context"),
        (lambda data: data["data"][1]["paragraphs"][0].pop("qas"), ": data[1].paragraphs[0] has no qas"),
        (lambda data: data["data"][0]["paragraphs"][0]["qas"][1].pop("id"), ": data[0].paragraphs[0].qas[1] has no id"),
        (lambda data: data.update(data=[]), " holds no example"),
    ],
)
def test_a_wrong_place_in_the_official_file_is_named(tmp_path: Path, edit: Edit, words: str) -> None:
    data = json.loads(json.dumps(GOLDP))
    edit(data)
    place = write(tmp_path / "dev.json.gz", json.dumps(data).encode())
    assert refusal("goldp", place).startswith(f"{place}{words}")


# ---- both


@pytest.mark.parametrize("kind", ["goldp", "primary"])
def test_a_broken_file_is_named(tmp_path: Path, kind: str) -> None:
    rows: list[Any] = flat(GOLDP) if kind == "goldp" else [example(i, TEXT, SPANS, [0]) for i in range(3)]
    for bad, words in [
        (b'{"id": "x', "line 3 is broken JSON: "),
        (b"[1]", "line 3 is no JSON object"),
        (b'{"question": "\xe9"}', "line 3 is no UTF-8: "),
    ]:
        for name in ("dev.jsonl", "dev.jsonl.gz"):
            place = write_lines(tmp_path / name, [*rows[:2], bad, *rows[2:]])
            assert refusal(kind, place).startswith(f"{place}: {words}")
    for empty in (b"", b"\n \n"):
        place = write(tmp_path / "dev.jsonl.gz", empty)
        assert refusal(kind, place) == f"{place} holds no example"
    place = write_lines(tmp_path / "dev.txt", rows)
    assert refusal(kind, place).startswith(f"{place}: the name says the format: ")
    place = write(tmp_path / "dev.parquet", b"PAR1 no more")
    assert refusal(kind, place).startswith(f"{place}: broken or truncated Parquet")


def test_a_broken_official_file_is_named(tmp_path: Path) -> None:
    text = json.dumps(GOLDP, ensure_ascii=False)
    place = write(tmp_path / "dev.json", text[:-20].encode())
    assert refusal("goldp", place).startswith(f"{place} is broken JSON: ")
    place = write(tmp_path / "dev.json", text.encode("latin-1", "replace"))
    assert refusal("goldp", place).startswith(f"{place} is no UTF-8: ")
    place = write(tmp_path / "dev.json", b"[]")
    assert refusal("goldp", place).startswith(f"{place} is no JSON object with data")


@pytest.mark.parametrize("buffer", [64, json_lines.BUFFER])
@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9999])
def test_the_real_file_cut_short_is_named(
    tmp_path: Path, share: float, buffer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "BUFFER", buffer)
    data = TINY.read_bytes()
    place = tmp_path / "tiny_dev.jsonl.gz"
    place.write_bytes(data[: int(len(data) * share)])
    assert refusal("primary", place).startswith(f"{place}: ends in the middle, or is no gzip: ")


def test_a_damaged_parquet_is_named(tmp_path: Path) -> None:
    place = tmp_path / "dev.parquet"
    pq.write_table(pa.Table.from_pylist(flat(GOLDP)), place, compression="none", use_dictionary=False)
    place.write_bytes(place.read_bytes().replace(b"Helsinki", b"\xff\xfelsinki"))
    assert refusal("goldp", place).startswith(f"{place}: broken Parquet after row ")
