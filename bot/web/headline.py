"""The sentence at the top of the page: how things stand, before any table. Pure."""

from __future__ import annotations

from bot.card.numbers import listed
from bot.web.views import Overview

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def headline(seen: Overview) -> str:
    """What a person wants to know first: what waits for them, what runs, what went wrong."""
    if seen.trouble:
        return "The database cannot be read."
    said = [
        _said(len(seen.plans), "plan waits", "plans wait", "for your yes"),
        _said(len(seen.running), "run is", "runs are", "at work"),
        _said(len(seen.failed), "run ended", "runs ended", "badly"),
        _said(len(seen.stopped), "quant was", "quants were", "stopped by the gate"),
    ]
    words = listed([phrase for phrase in said if phrase])
    paused = "Paused: nothing new is started. " if seen.paused else ""
    if words:
        return f"{paused}{words[0].upper()}{words[1:]}."
    if not seen.watch.repos and not seen.families:
        return f"{paused}Nothing has happened yet."
    return f"{paused}All is quiet."


def _said(count: int, one: str, many: str, rest: str) -> str:
    if not count:
        return ""
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} {one if count == 1 else many} {rest}"
