"""Chat with a model folder: the doing half of `bot.measure.answers`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.nn as nn
from jinja2 import TemplateError
from mlx_lm import stream_generate

from bot.child import Progress, Report
from bot.errors import VerificationFailed
from bot.measure import model as models
from bot.measure.end_tokens import end_of_turn
from bot.measure.verdict import looping
from bot.records import Answer, Answers

MOST_TOKENS = 96


def answers(folder: Path, prompts: tuple[str, ...], report: Report) -> Answers:
    """Answer each prompt greedily with up to MOST_TOKENS tokens.

    Raises VerificationFailed when the chat template does not render, and what loading raises.
    """
    model, tokenizer, _ = models.load(folder)
    given = []
    try:
        missing = missing_end_tokens(tokenizer)
        for done, prompt in enumerate(prompts):
            report(Progress(stage="answer", what=prompt, done=done, total=len(prompts), unit="prompts"))
            given.append(_answer(model, tokenizer, prompt))
    except TemplateError as error:
        raise VerificationFailed(
            f"the chat template of {folder.name} does not render a plain chat ({error}): mend it in the base"
        ) from error
    end_tokens = tokenizer.convert_ids_to_tokens(sorted(tokenizer.eos_token_ids))
    return Answers(
        answers=tuple(given),
        end_tokens=tuple(token for token in end_tokens if token is not None),
        missing_end_tokens=missing,
    )


def missing_end_tokens(tokenizer: Any) -> tuple[str, ...]:
    """End-of-turn tokens of the chat template at which generation would not stop."""
    if not tokenizer.has_chat_template:
        return ()
    special: dict[str, int] = tokenizer.get_added_vocab()
    closing = end_of_turn(lambda chat: str(tokenizer.apply_chat_template(chat, tokenize=False)), special)
    if closing is None or special[closing] in tokenizer.eos_token_ids:
        return ()
    return (closing,)


def _answer(model: nn.Module, tokenizer: Any, prompt: str) -> Answer:
    text: list[int] | str = prompt
    if tokenizer.has_chat_template:
        chat = [{"role": "user", "content": prompt}]
        text = tokenizer.apply_chat_template(chat, add_generation_prompt=True)
    responses = list(stream_generate(model, tokenizer, text, max_tokens=MOST_TOKENS))
    stopped = responses[-1].finish_reason == "stop"
    tokens = [response.token for response in responses]
    said = tokens[:-1] if stopped else tokens
    return Answer(
        prompt=prompt,
        text="".join(response.text for response in responses),
        tokens=len(said),
        stopped=stopped,
        looping=looping(said),
    )
