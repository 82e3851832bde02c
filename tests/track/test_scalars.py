"""The numbers of a step under flat names."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from raytrain.track.scalars import scalars
from track.tracked import metrics


def test_the_scalars_of_a_step() -> None:
    found = scalars(metrics(3))
    rates = {name: found.pop(name) for name in ("pairs_per_second", "tokens_per_second")}
    assert {name: round(rate, 9) for name, rate in rates.items()} == {
        "pairs_per_second": 20.0,
        "tokens_per_second": 500.0,
    }
    assert found == {
        "loss": 3.5,
        "terms/info_nce": 3.5,
        "terms/info_nce@16": 1.25,
        "languages/deu/pairs": 12.0,
        "languages/deu/loss": 0.25,
        "languages/deu/terms/info_nce": 0.25,
        "languages/deu/terms/info_nce@16": 0.5,
        "languages/deu-eng/pairs": 4.0,
        "languages/deu-eng/loss": 0.75,
        "languages/deu-eng/terms/info_nce": 0.75,
        "languages/deu-eng/terms/info_nce@16": 1.5,
        "temperature/info_nce": 0.05,
        "learning_rate": 1e-3,
        "gradient_norm": 2.0,
        "tokens": 400.0,
        "padding": 0.1,
        "recomputed": 0.0,
        "seconds": 0.6,
        "data_wait_seconds": 0.2,
        "skipped_steps": 0.0,
    }


def test_a_step_left_out_has_no_loss_and_counts() -> None:
    found = scalars(metrics(3, loss=None, gradient_norm=None, skipped="loss", skipped_steps=2, warning="look"))
    assert found["skipped_steps"] == 2.0
    assert not {"loss", "gradient_norm", "skipped", "warning", "step"} & found.keys()


def test_other_numbers_are_named_as_they_are() -> None:
    """A score between steps is no training step."""
    assert scalars({"step": 5, "validation": {"ndcg@10": {"deu": 0.5}}}) == {"validation/ndcg@10/deu": 0.5}


numbers = st.none() | st.floats() | st.integers(-(10**9), 10**9) | st.booleans() | st.text(max_size=3)
names = st.sampled_from(["loss", "pairs", "rows", "terms", "info_nce", "a.b", "x@16"])


@given(
    terms=st.dictionaries(names, numbers),
    languages=st.dictionaries(st.sampled_from(["deu", "deu-eng", "small"]), st.dictionaries(names, numbers)),
    seconds=st.floats(0, 10),
    wait=st.floats(0, 10),
)
def test_all_values_are_finite_and_no_name_hides_another(
    terms: dict[str, Any], languages: dict[str, Any], seconds: float, wait: float
) -> None:
    languages = {label: {**found, "rows": 3, "loss": 0.5} for label, found in languages.items()}
    found = scalars(metrics(1, terms=terms, languages=languages, seconds=seconds, data_wait_seconds=wait))
    assert all(type(value) is float and math.isfinite(value) for value in found.values())
    for name, value in terms.items():
        finite = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        assert found.get(f"terms/{name}") == (float(value) if finite else None)
    for label in languages:
        assert (found[f"languages/{label}/pairs"], found[f"languages/{label}/loss"]) == (3.0, 0.5)
