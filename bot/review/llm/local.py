"""Ask a model on this machine, in a child process of its own: MLX stays out of the daemon."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bot import child
from bot.errors import Cancelled
from bot.review.llm.completion import Piece
from bot.review.llm.endpoint import Message
from bot.review.llm.generate import Generated, GenerateRequest
from bot.review.llm.reviewed import NoReview
from bot.review_settings import ReviewSettings


def generate(
    settings: ReviewSettings,
    messages: Sequence[Message],
    log: Path | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Piece:
    """The local model's answer. Raises NoReview when it takes too long, Cancelled, and what loading does."""
    ends = time.monotonic() + settings.timeout

    def stop() -> bool:
        return cancelled() or time.monotonic() > ends

    request = GenerateRequest(
        model=settings.local or "",
        messages=tuple(messages),
        max_tokens=settings.max_tokens,
    )
    try:
        answer = child.run(
            "bot.review.llm.generate", request, Generated, log=log or Path(os.devnull), cancelled=stop
        )
    except Cancelled:
        if cancelled():
            raise
        raise NoReview(f"the local model took more than {settings.timeout:g} seconds") from None
    return Piece(text=answer.text, finish=answer.finish)
