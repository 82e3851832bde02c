"""Tokenizers: training one on the corpus, and token ids of texts."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from raytrain.errors import UserError, one_line

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
ALPHABET_SHARE = 0.4


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """A BPE tokenizer of ``vocab_size`` tokens; a character it does not know becomes its UTF-8 bytes.

    The same texts give the same tokenizer: the alphabet is chosen here, because the library breaks ties between
    equally frequent characters at random.
    """
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    split = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    alphabet = _alphabet((normalizer.normalize_str(text) for text in texts), int(vocab_size * ALPHABET_SHARE))
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", byte_fallback=True))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[*SPECIAL, *_BYTES],
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        ),
        length=len(texts),
    )
    tokenizer = _without_special_bytes(tokenizer)
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", cls), ("[SEP]", sep)]
    )
    return tokenizer


def _alphabet(texts: Iterable[str], size: int) -> list[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    counts.pop(" ", None)
    best = sorted(counts, key=lambda char: (-counts[char], char))[: max(size - 1, 1)]
    return ["▁", *sorted(best)]


def _without_special_bytes(tokenizer: Tokenizer) -> Tokenizer:
    """Byte tokens are there for fallback alone: as special tokens they would match ``<0x41>`` in a text."""
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] in SPECIAL]
    return Tokenizer.from_str(json.dumps(data))


def save_tokenizer(tokenizer: Tokenizer, folder: Path, max_len: int) -> None:
    """Writes a trained tokenizer in the Hugging Face layout."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=max_len,
    ).save_pretrained(folder)


def tokenizer_json(name_or_path: str | Path, revision: str | None = None) -> tuple[str, int]:
    """The tokenizer of a Hugging Face model as one JSON text, and the id that pads.

    Raises UserError if there is none, or none that works without Python code.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(name_or_path), revision=revision, trust_remote_code=False)
        text = tokenizer.backend_tokenizer.to_str()
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"model {name_or_path}: no fast tokenizer (tokenizer.json): {one_line(error)}") from error
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        # Without tokenizer files transformers makes an empty one, to which every text is unknown.
        raise UserError(f"model {name_or_path}: has no tokenizer files (tokenizer.json)")
    if tokenizer.pad_token_id is None:
        raise UserError(f"model {name_or_path}: the tokenizer has no padding token")
    return text, int(tokenizer.pad_token_id)


def encode(tokenizer: str, texts: Sequence[str], prompt: str, max_len: int) -> pa.ListArray:
    """Token ids of texts, special ones included, cut at ``max_len``: a list<int32> array of length n.

    ``tokenizer`` is JSON text; each process parses it once.
    """
    ready = _ready(tokenizer, max_len)
    encoded = ready.encode_batch_fast([prompt + text for text in texts])
    ids = [np.asarray(e.ids, np.int32) for e in encoded]
    offsets = np.zeros(len(ids) + 1, np.int32)
    np.cumsum([len(i) for i in ids], out=offsets[1:])
    values = np.concatenate(ids) if ids else np.zeros(0, np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))


@lru_cache(maxsize=8)
def _ready(tokenizer: str, max_len: int) -> Tokenizer:
    ready = Tokenizer.from_str(tokenizer)
    ready.no_padding()
    ready.enable_truncation(max_len)
    return ready
