"""demo:cldr: generated questions about territories that no training pair of demo:cldr names."""

from collections.abc import Iterator, Mapping

from raytrain.evaluate.kind import Asked, Kind
from raytrain.evaluate.retrieval import Retrieval, chosen


def identity(asked: Asked) -> Mapping[str, str]:
    """The version of what generates it."""
    from raytrain.corpus import cldr

    return {asked.name: cldr.version()}


def load(asked: Asked) -> Iterator[Retrieval]:
    """Its languages. Raises UserError for one that it lacks."""
    from raytrain.corpus import cldr

    for language in chosen(asked.name, asked.languages, set(cldr.LANGUAGES)):
        part = cldr.held_out(language)
        yield Retrieval(language, part.queries, part.passages, part.relevant)


DEMO = Kind(
    kind="demo",
    where="cldr",
    task="retrieval, generated from templates",
    metric="none: it is an illustration",
    passages="1,200 generated answers a language",
    licence="Unicode-3.0 (CLDR)",
    read=load,
    identity=identity,
)
