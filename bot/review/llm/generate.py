"""The child that runs a local model: `python -m bot.review.llm.generate`. A request in, an answer out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from bot.child import Report, serve
from bot.errors import NotFound, VerificationFailed
from bot.records import Record

_REPO = re.compile(r"[\w.-]+/[\w.-]+")


class GenerateRequest(Record, frozen=True, kw_only=True):
    """A model's folder or repo, and the chat that it shall answer."""

    model: str
    messages: tuple[dict[str, str], ...]
    max_tokens: int


class Generated(Record, frozen=True, kw_only=True):
    """The answer; `finish` is "stop" where the model ended it, else "length"."""

    text: str
    finish: str


def generate(request: GenerateRequest, _: Report) -> Generated:
    """Answer greedily with mlx-lm. Raises what fetching or loading a model raises."""
    from mlx_lm import stream_generate  # imports MLX, which must come after OpenBLAS

    from bot.measure import model as models

    folder = _folder(request.model)
    model, tokenizer, _config = models.load(folder)
    prompt = _prompt(tokenizer, request.messages, folder.name)
    # Nothing is reported on the way: the parent looks for an end only while its child is silent.
    answer = list(stream_generate(model, tokenizer, prompt, max_tokens=request.max_tokens))
    return Generated(
        text="".join(response.text for response in answer),
        finish=(answer[-1].finish_reason if answer else None) or "stop",
    )


def _folder(model: str) -> Path:
    """The folder itself, or the repo's files, fetched where they are not here yet."""
    from mlx_lm.utils import _download

    from bot.hub_errors import translate_errors

    if (folder := Path(model).expanduser()).is_dir():
        return folder
    if not _REPO.fullmatch(model):
        raise NotFound(f"{model} is no folder and no repo (owner/name): mend `local`")
    with translate_errors(f"the model {model}"):
        return Path(_download(model))


def _prompt(tokenizer: Any, messages: tuple[dict[str, str], ...], name: str) -> list[int] | str:
    """The chat as the model's own template writes it; a model without one reads the turns one by one."""
    if not tokenizer.has_chat_template:
        return "\n\n".join(message["content"] for message in messages)
    try:
        tokens: list[int] = tokenizer.apply_chat_template(list(messages), add_generation_prompt=True)
    except TemplateError as error:
        raise VerificationFailed(f"the chat template of {name} renders no chat ({error})") from error
    return tokens


if __name__ == "__main__":
    serve(generate, GenerateRequest)
