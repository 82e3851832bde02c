"""The mix: what share of the batches, or of the rows, each language or group gets."""

from collections.abc import Mapping

from raytrain.plan.batches import Batching, rows_needed


def mix_weights(
    rows: Mapping[str, int],
    *,
    weights: Mapping[str, float] | None = None,
    temperature: float = 1.0,
    factors: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Shares by language, in order of language code, sum 1; languages of weight 0 are left out.

    With ``weights`` those, normalised; else proportional to rows^(1/temperature): 1 is as in the corpus,
    larger is more even (the temperature sampling of arXiv 1907.05019); and to the language's factor, where it has one.
    Raises ValueError if nothing is left.
    """
    if weights is None:
        factors = factors or {}
        weights = {name: n ** (1.0 / temperature) * factors.get(name, 1.0) for name, n in rows.items() if n > 0}
    kept = {language: float(weights[language]) for language in sorted(weights) if weights[language] > 0}
    if not kept:
        raise ValueError("the mix has no language with a weight above 0")
    total = sum(kept.values())
    return {language: weight / total for language, weight in kept.items()}


def with_group(
    mix: Mapping[str, float], rows: Mapping[str, int], name: str, *, batch_size: int, batching: Batching
) -> tuple[dict[str, float], dict[str, tuple[str, ...]]]:
    """The mix with all languages that are too small for batches of their own in one group, and who is in it.

    The group gets the sum of their shares. ``mix`` sums to 1; where no language is too small there is no group.
    """
    small = tuple(
        language
        for language, share in sorted(mix.items())
        if rows.get(language, 0) < rows_needed(share, batch_size, batching)
    )
    if not small:
        return dict(mix), {}
    large = {language: share for language, share in mix.items() if language not in small}
    return large | {name: sum(mix[language] for language in small)}, {name: small}
