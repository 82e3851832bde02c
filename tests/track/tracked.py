"""Steps as the training loop reports them."""

from typing import Any


def metrics(step: int, **other: Any) -> dict[str, Any]:
    """Of a batch in two languages; the loss says which step it was."""
    return {
        "step": step,
        "loss": step + 0.5,
        "terms": {"info_nce": step + 0.5, "info_nce@16": 1.25, "teacher": None},
        "languages": {
            "deu": {"rows": 12, "loss": 0.25, "info_nce": 0.25, "info_nce@16": 0.5},
            "deu-eng": {"rows": 4, "loss": 0.75, "info_nce": 0.75, "info_nce@16": 1.5},
        },
        "temperatures": {"info_nce": 0.05},
        "learning_rate": 1e-3,
        "gradient_norm": 2.0,
        "tokens": 400,
        "padding": 0.1,
        "recomputed": 0.0,
        "seconds": 0.6,
        "data_wait_seconds": 0.2,
        **other,
    }
