"""WebFAQ retrieval: questions of FAQ pages against all answers of their language (arXiv 2502.20936)."""

from raytrain.evaluate import beir
from raytrain.evaluate.kind import Kind

WEBFAQ = Kind(
    kind="webfaq",
    where="DIR",
    task="retrieval of the answer to a question of a FAQ page",
    metric="nDCG@10",
    passages="the deduplicated answers of a language",
    licence="that of its data set card",
    source="huggingface.co/datasets/PaDaS-Lab/webfaq-retrieval",
    languages=(
        *("ara", "dan", "deu", "eng", "fas", "fra", "hin", "ind", "ita", "jpn"),
        *("kor", "nld", "pol", "por", "rus", "spa", "swe", "tur", "vie", "zho"),
    ),
    splits=("test", "train"),
    read=beir.load,
    identity=beir.identity,
)
