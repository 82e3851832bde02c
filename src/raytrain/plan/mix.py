"""The mix: what share of the batches, or of the rows, each language gets."""

from collections.abc import Mapping


def mix_weights(
    rows: Mapping[str, int],
    *,
    weights: Mapping[str, float] | None = None,
    temperature: float = 1.0,
) -> dict[str, float]:
    """Shares by language, in order of language code, sum 1; languages of weight 0 are left out.

    With ``weights`` those, normalised; else proportional to rows^(1/temperature): 1 is as in the corpus,
    larger is more even (the temperature sampling of arXiv 1907.05019).
    Raises ValueError if nothing is left.
    """
    if weights is None:
        weights = {language: n ** (1.0 / temperature) for language, n in rows.items() if n > 0}
    kept = {language: float(weights[language]) for language in sorted(weights) if weights[language] > 0}
    if not kept:
        raise ValueError("the mix has no language with a weight above 0")
    total = sum(kept.values())
    return {language: weight / total for language, weight in kept.items()}
