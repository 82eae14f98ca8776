"""What a folder's tokenizer makes of a fixed set of texts and chats, to hold a quant against its base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.check.findings import Tokens
from bot.recipes import architecture

TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "  two spaces, a\ttab\nand a new line\r\n\r\n",
    "def f(x: int) -> int:\n    return x ** 2  # 1234567890",
    "Größe, naïve, 你好，世界, Привет, مرحبا, नमस्ते, 🙂👩‍💻",
    "<|im_start|>user\n<|endoftext|></s><s>[INST]",
    "",
)
CHATS: tuple[list[dict[str, str]], ...] = (
    [{"role": "user", "content": "What is 2 + 2?"}],
    [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hello! What can I do for you?"},
        {"role": "user", "content": "Tell me a joke about {{ braces }} and <tags>."},
    ],
)


def read(folder: Path, base: str) -> Tokens:
    """Token ids, rendered chats and end tokens as `mlx_lm.load` sets them; no code of the repo is run.

    Raises UnsuitableBase where transformers cannot load the tokenizer in `folder`.
    """
    tokenizer = architecture.tokenizer(folder, base)
    with architecture.refusing_tokenizer(base):
        ids = tuple(tuple(int(token) for token in tokenizer.encode(text)) for text in TEXTS)
    chats = tuple(_rendered(tokenizer, chat) for chat in CHATS) if tokenizer.has_chat_template else ()
    return Tokens(ids=ids, chats=chats, end_ids=tuple(sorted(tokenizer.eos_token_ids)))


def _rendered(tokenizer: Any, chat: list[dict[str, str]]) -> str:
    """The chat as the template writes it, or what it raises (some refuse some roles)."""
    try:
        return str(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))
    except Exception as error:  # noqa: BLE001  # a template may raise anything; the quant's must raise the same
        return f"{type(error).__name__}: {error}"
