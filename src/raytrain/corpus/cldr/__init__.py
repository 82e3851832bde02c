"""`demo:cldr`: question-answer pairs on the world's territories, generated from CLDR through Babel."""

from raytrain.corpus.cldr.generate import Pair, pairs
from raytrain.corpus.cldr.languages import LANGUAGES
from raytrain.corpus.cldr.retrieval import Retrieval, held_out
from raytrain.corpus.cldr.version import version

__all__ = ["LANGUAGES", "Pair", "Retrieval", "held_out", "pairs", "version"]
