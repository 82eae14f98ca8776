"""One byte-level BPE for all bases, with each family's special tokens, and documents as token ids."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from jinja2 import Template
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from bot.rehearsal import corpus
from bot.rehearsal.architectures import VOCABULARY, Architecture
from bot.rehearsal.conversations import Message, user
from bot.rehearsal.corpus import Document

Ids = npt.NDArray[np.int32]
PROMPT_WEIGHT = 0.3
"""How much a token counts that is not an assistant's: knowing the question is worth less."""


def train(architecture: Architecture) -> Tokenizer:
    """A tokenizer of exactly VOCABULARY tokens; text splits the same way in every base."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    special = list(architecture.special_tokens)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus.words(), trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    return tokenizer


class Renderer:
    """Documents as (ids, weights): chat turns through the base's own chat template."""

    def __init__(self, architecture: Architecture, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.template = Template(architecture.template)
        self.bos = architecture.bos_token or ""
        self.ends = {tokenizer.token_to_id(token) for token in architecture.end_tokens}
        self.end = architecture.end_tokens[0]
        turn = [user("x")]
        opened = self._render(turn, True)
        self.opening: list[int] = tokenizer.encode(opened[len(self._render(turn, False)) :]).ids

    def _render(self, messages: list[Message], add_generation_prompt: bool) -> str:
        rendered: str = self.template.render(
            messages=messages, add_generation_prompt=add_generation_prompt, bos_token=self.bos
        )
        return rendered

    def encode(self, documents: Iterable[Document]) -> list[tuple[Ids, npt.NDArray[np.float32]]]:
        """Each document's ids (n,) int32, and the weight of each in the loss (n,) float32."""
        texts = [d + self.end if isinstance(d, str) else self._render(d, False) for d in documents]
        return [
            (np.array(encoding.ids, np.int32), self._weights(encoding.ids))
            for encoding in self.tokenizer.encode_batch(texts)
        ]

    def _weights(self, ids: list[int]) -> npt.NDArray[np.float32]:
        weights = np.full(len(ids), PROMPT_WEIGHT, np.float32)
        size = len(self.opening)
        for start in range(size, len(ids)):
            if ids[start - size : start] == self.opening:
                end = start
                while end < len(ids) - 1 and ids[end] not in self.ends:
                    end += 1
                weights[start : end + 1] = 1.0
        return weights
