"""The smoke test: does a model answer and stop? `python -m bot.measure.answers` is a child of its own.

A fresh process loads the folder with plain mlx_lm and answers chat prompts greedily. `verdict.judge`
then holds a quant's answers against the base's: what the base does, the quant must do.
"""

from __future__ import annotations

from pathlib import Path

from bot.child import Report, serve
from bot.measure.request import AnswersRequest
from bot.records import Answers


def answer(request: AnswersRequest, report: Report) -> Answers:
    """Raises UnsuitableBase or VerificationFailed when the folder does not load."""
    from bot.measure import chat  # imports MLX, which must come after OpenBLAS

    return chat.answers(Path(request.path), request.prompts, report)


if __name__ == "__main__":
    serve(answer, AnswersRequest)
