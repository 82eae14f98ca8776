"""Whether a sentence's expressions are about what its words are about. Pure.

"A scores {{ score("B", …) }}" prints a true number of the wrong model. The claim checker may read that as a
slip of the pen; here it is known where the number comes from.
"""

from __future__ import annotations

import re

from bot.card.board import Board
from bot.card.numbers import listed, task_title
from bot.review.llm.expressions import Written
from bot.review.llm.functions import model_named, task_named

_MEANS_THIS = re.compile(r"\b(?:it|its|this|here|we)\b", re.IGNORECASE)


def mismatch(written: Written, board: Board) -> str | None:
    """Why the expressions do not fit the words: they ask for a model or a task that the sentence does not
    name, while it names another. None where they fit, and where the words name none."""
    asked_models = {m.name for word in written.arguments if (m := model_named(board, word))}
    named_models = {m.name for m in board.models if _stands(written.words, m.name, m.label)}
    this = {board.subject.name} if _MEANS_THIS.search(written.words) else set()
    asked_tasks = {task for word in written.arguments if (task := task_named(board, word))}
    named_tasks = {task for task in board.tasks if _stands(written.words, task, task_title(task))}
    return _other(asked_models - this, named_models, asked_models) or _other(
        set(map(task_title, asked_tasks)),
        set(map(task_title, named_tasks)),
        set(map(task_title, asked_tasks)),
    )


def _other(wanted: set[str], named: set[str], asked: set[str]) -> str | None:
    missing, instead = wanted - named, named - asked
    if not missing or not instead:
        return None
    return (
        f"its expression is about {listed(sorted(missing))}, but its words name {listed(sorted(instead))}: "
        "name what the number belongs to"
    )


def _stands(words: str, *names: str) -> bool:
    """Whether one of the names stands in the text as a whole, not as a part of a longer one."""
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words, re.IGNORECASE) for name in names)
