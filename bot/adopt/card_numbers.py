"""The numbers in an old card's own tables and lists, kept as reported: nobody measured them here. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from bot.adopt.adopted import Reported
from bot.card.board import subject_name
from bot.card.facts import Facts

MOST = 400
"""Numbers kept of one card; a family of ten on seven tasks has a hundred."""

_NUMBER = re.compile(r"\d{0,6}\.\d{1,8}|\d{1,6}")


def reported(text: str, known: Facts) -> tuple[Reported, ...]:
    """Each number with the model it is said of and the line where it stands."""
    lines, mine = _lines(text), subject_name(known)
    found = (
        Reported(model=model[:200], what=what[:80], value=value, own=model == mine, line=_line(lines, value))
        for model, what, value in itertools.islice(_numbers(known), MOST)
    )
    return tuple(found)


def _numbers(known: Facts) -> Iterator[tuple[str, str, float]]:
    for model, tasks in known.scores.items():
        for task, value in tasks.items():
            if value is not None and not isinstance(value, bool) and not tasks.get("derived"):
                yield model, task, float(value)
    for quant in known.quants:
        if quant.perplexity is not None:
            yield quant.quant, "perplexity", quant.perplexity
        if quant.tokens_per_second is not None:
            yield quant.quant, "tokens_per_second", quant.tokens_per_second
    if known.perplexity is not None:
        yield subject_name(known), "perplexity", known.perplexity.value


def _lines(text: str) -> dict[str, int]:
    """The first line of each number that the text writes."""
    found: dict[str, int] = {}
    for at, line in enumerate(text.splitlines(), 1):
        for number in _NUMBER.findall(line):
            found.setdefault(number.rstrip("0") if "." in number else number, at)
    return found


def _line(lines: dict[str, int], value: float) -> int | None:
    """Where 0.453 stands: as 0.453, .453 or 45.3 %."""
    plain = f"{value:.6f}".rstrip("0")
    spellings = (plain, plain.lstrip("0"), f"{value * 100:.4f}".rstrip("0"), f"{value:g}")
    return next((lines[each] for each in spellings if each in lines), None)
