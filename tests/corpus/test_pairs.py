"""What a pair is: its id, and what is kept of the columns we don't know."""

import hashlib
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.pairs import LABELLED_PAIRS, PAIRS, extra_of, given_id, pair_id, text_of


def test_the_id_of_a_pair_is_that_of_webfaq() -> None:
    assert pair_id("Why?", "Because.") == hashlib.md5(b"Why? Because.", usedforsecurity=False).hexdigest()


def test_the_columns_of_a_pair() -> None:
    assert PAIRS.field("negative_scores").type == pa.list_(pa.float32())
    assert LABELLED_PAIRS.names == [*PAIRS.names, "language"]


@pytest.mark.parametrize(("value", "expected"), [("a", "a"), (" a ", "a"), (7, "7"), (0, "0"), (True, ""), (None, "")])
def test_ids_as_text(value: object, expected: str) -> None:
    assert given_id(value) == expected


@given(st.text())
def test_text_is_stripped_and_has_a_reason_only_if_nothing_is_left(value: str) -> None:
    text = text_of(value)
    assert text.value == value.strip()
    assert text.reason == (None if value.strip() else "empty")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_what_is_not_known_is_one_json_object_whatever_it_is(row: dict[str, Any]) -> None:
    text = extra_of(row, frozenset({"a"}))
    kept = {name for name, value in row.items() if name != "a" and value is not None}
    assert (text is None) == (not kept)
    if text is not None:
        found = json.loads(text, parse_constant=pytest.fail)
        assert set(found) == kept
        assert list(found) == sorted(found)
