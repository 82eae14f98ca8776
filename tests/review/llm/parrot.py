"""A tiny model for mlx-lm that knows one text by heart: a sentence is a token, a token knows its next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.utils import _get_classes
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.measure import tiny

WIDTH = 64


def folder(where: Path, says: Sequence[str]) -> Path:
    """A model folder that mlx_lm loads; asked anything, it answers with these texts and ends."""
    words = _tokenizer(says)
    config = {
        "model_type": "qwen3",
        "vocab_size": WIDTH,
        **tiny.ARCHITECTURES["qwen3"],
        "tie_word_embeddings": False,
    }
    model_class, arguments_class = _get_classes(config)
    weights = dict(tree_flatten(model_class(arguments_class.from_dict(config)).parameters()))
    for name in weights:
        if name.endswith(
            ("o_proj.weight", "down_proj.weight")
        ):  # no layer adds anything: a token sees itself
            weights[name] = mx.zeros_like(weights[name])
    chain = [words.unk_token_id, *(words.convert_tokens_to_ids(text) for text in says), words.eos_token_id]
    following = mx.zeros((WIDTH, WIDTH))
    for this, after in pairwise(chain):
        following[after, this] = 1.0
    weights |= {"model.embed_tokens.weight": mx.eye(WIDTH), "lm_head.weight": following}
    where.mkdir(parents=True)
    mx.save_safetensors(str(where / "model.safetensors"), weights, metadata={"format": "mlx"})
    (where / "config.json").write_text(json.dumps(config))
    words.save_pretrained(where)
    return where


def _tokenizer(says: Sequence[str]) -> PreTrainedTokenizerFast:
    """Every word that is not one of the texts is unknown, so every chat ends with an unknown word."""
    known = Tokenizer(models.WordLevel({"<unk>": 0, "<|im_end|>": 1}, unk_token="<unk>"))
    known.pre_tokenizer = pre_tokenizers.Whitespace()
    known.decoder = decoders.Fuse()
    known.add_tokens([AddedToken(text, normalized=False) for text in says])
    fast = PreTrainedTokenizerFast(tokenizer_object=known, eos_token="<|im_end|>", unk_token="<unk>")
    fast.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}answer ?"
    return fast
