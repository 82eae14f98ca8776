"""What a check finds: one record for each claim, and how several readings of one claim become a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from bot.records import Record

Verdict = Literal["true", "false", "not_checkable"]


class Finding(Record, frozen=True, kw_only=True):
    """One claim of a text. `start` and `end` are character offsets: `text[start:end] == quote`.

    `fix` is the quote as it would be true, where arithmetic gives that.
    """

    quote: str
    start: int
    end: int
    verdict: Verdict
    why: str
    fix: str | None = None


class Reading(Record, frozen=True, kw_only=True):
    """One way to understand a claim. `holds`: None where the facts do not decide it."""

    holds: bool | None
    why: str
    fix: str | None = None


class Judgement(Record, frozen=True, kw_only=True):
    """The verdict on one claim before its place in the text is known."""

    verdict: Verdict
    why: str
    fix: str | None = None


def decide(readings: Iterable[Reading], *, doubtful: bool = False) -> Judgement | None:
    """True where any reading holds, false where each is refuted; None without a reading.

    A `doubtful` claim (a guess, a condition, advice) is never called false.
    """
    found = list(readings)
    if not found:
        return None
    if holds := next((each for each in found if each.holds), None):
        return Judgement(verdict="true", why=holds.why)
    if open_one := next((each for each in found if each.holds is None), None):
        return Judgement(verdict="not_checkable", why=open_one.why)
    if doubtful:
        return Judgement(verdict="not_checkable", why=f"said with a reservation; {found[0].why}")
    fix = next((each.fix for each in found if each.fix), None)
    return Judgement(verdict="false", why=found[0].why, fix=fix)


def together(parts: Iterable[Reading]) -> Reading | None:
    """All parts as one reading: refuted by one that is refuted, open where one is open."""
    found = list(parts)
    if not found:
        return None
    for wanted in (False, None):
        if hit := next((each for each in found if each.holds is wanted), None):
            return hit
    return Reading(holds=True, why="; ".join(dict.fromkeys(each.why for each in found[:8])))


def negated(reading: Reading) -> Reading:
    """The same said with "not"."""
    if reading.holds is None:
        return reading
    return Reading(holds=not reading.holds, why=reading.why)
