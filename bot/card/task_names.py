"""How people write the names of tasks: in headings of tables, in prompts, in whole texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPELLINGS = {
    "arc_challenge": "arc challenge|arc c|arcc|arc chal|arc_challenge|challenge set of arc|ai2 arc challenge",
    "arc_easy": "arc easy|arc e|arce|arc_easy|ai2 arc easy",
    "boolq": "boolq|bool q|super glue boolq",
    "hellaswag": "hellaswag|hella swag|hswag",
    "openbookqa": "openbookqa|open book qa|openbook qa|obqa|openbook",
    "piqa": "piqa|physical iqa",
    "winogrande": "winogrande|wino grande|wino",
    "mmlu": "mmlu",
    "mmlu_pro": "mmlu pro",
    "gsm8k": "gsm8k|gsm 8k",
    "truthfulqa_mc2": "truthfulqa|truthful qa",
    "humaneval": "humaneval|human eval",
    "ifeval": "ifeval|if eval",
    "lambada_openai": "lambada",
    "commonsense_qa": "commonsenseqa|csqa|commonsense qa",
    "social_iqa": "siqa|social iqa",
    "bbh": "bbh|big bench hard",
    "math": "math 500",
    "gpqa": "gpqa|gpqa diamond",
}
BOTH_ARCS = ("arc_challenge", "arc_easy")
_PLAIN = re.compile(r"[^a-z0-9]")


def task_named(text: str) -> str | None:
    """`ARC-C`, `HellaSwag ↑` or `arc_challenge` -> lm-eval's name; None for no task, or for two (`ARC`)."""
    return _BY_SPELLING.get(_PLAIN.sub("", text.lower()))


def spellings(tasks: Sequence[str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Phrase -> tasks of a board that has `tasks`.

    A known task that it lacks is there too: what is said of it cannot be checked.
    """
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for task in tasks:
        found[tuple(task.lower().replace("-", "_").split("_"))] = (task,)
        found[(task.lower(),)] = (task,)
    for task, written in _SPELLINGS.items():
        mine = _on_board(tasks, task)
        for phrase in written.split("|"):
            found.setdefault(tuple(phrase.split()), (mine,))
    arcs = tuple(_on_board(tasks, task) for task in BOTH_ARCS)
    known = tuple(task for task in arcs if task in tasks) or arcs
    for phrase in ("arc", "both arc", "both arcs", "the arc tasks", "both arc tasks", "arc tasks"):
        found.setdefault(tuple(phrase.split()), known)
    for phrase in (
        "arc challenge easy",
        "arc c e",
        "arc easy challenge",
        "arc challenge and easy",
        "arc easy and challenge",
    ):
        found.setdefault(tuple(phrase.split()), arcs)
    return found


def _on_board(tasks: Sequence[str], task: str) -> str:
    """The board's own key for a task that it may call otherwise (`arc-c`, `ARC_Challenge`)."""
    wanted = {_bare(spelling) for spelling in _SPELLINGS.get(task, task).split("|")} | {_bare(task)}
    return next((each for each in tasks if _bare(each) in wanted), task)


def _bare(name: str) -> str:
    return _PLAIN.sub("", name.lower())


_BY_SPELLING = {
    _bare(spelling): task for task, written in _SPELLINGS.items() for spelling in (task, *written.split("|"))
}
