"""The child that runs a local model: `python -m bot.review.llm.generate`. A request in, an answer out."""

from __future__ import annotations

import time
from pathlib import Path

from bot.child import Progress, Report, serve
from bot.errors import VerificationFailed
from bot.records import Record


class GenerateRequest(Record, frozen=True, kw_only=True):
    """A model's folder or repo, and the chat that it shall answer in at most `seconds`."""

    model: str
    messages: tuple[dict[str, str], ...]
    max_tokens: int
    seconds: float


class Generated(Record, frozen=True, kw_only=True):
    """The answer; `finish` is "stop" where the model ended it, else "length"."""

    text: str
    finish: str


def generate(request: GenerateRequest, report: Report) -> Generated:
    """Answer greedily with mlx-lm. Raises what loading a model or fetching it raises."""
    from jinja2 import TemplateError  # everything here imports MLX, which must come after OpenBLAS
    from mlx_lm import stream_generate
    from mlx_lm.utils import _download

    from bot.hub_errors import translate_errors
    from bot.measure import model as models

    ends = time.monotonic() + request.seconds
    with translate_errors(f"the model {request.model}"):
        folder = Path(_download(request.model))
    model, tokenizer, _ = models.load(folder)
    prompt = "\n\n".join(message["content"] for message in request.messages)
    if tokenizer.has_chat_template:
        try:
            prompt = tokenizer.apply_chat_template(list(request.messages), add_generation_prompt=True)
        except TemplateError as error:
            raise VerificationFailed(
                f"the chat template of {folder.name} renders no chat ({error})"
            ) from error
    pieces, finish = [], "length"
    for response in stream_generate(model, tokenizer, prompt, max_tokens=request.max_tokens):
        pieces.append(response.text)
        finish = response.finish_reason or finish
        if len(pieces) % 32 == 0:
            report(Progress(stage="review", what="write", done=len(pieces), total=request.max_tokens))
        if time.monotonic() > ends:
            break
    return Generated(text="".join(pieces), finish=finish)


if __name__ == "__main__":
    serve(generate, GenerateRequest)
