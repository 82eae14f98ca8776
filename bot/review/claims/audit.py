"""A card held against its own tables, and the diff that would mend it."""

from __future__ import annotations

import difflib

from bot.card.board import board
from bot.card.facts import Facts
from bot.records import Record
from bot.review.claims.check import check
from bot.review.claims.findings import Finding
from bot.review.claims.own_tables import facts_of


class Audit(Record, frozen=True, kw_only=True):
    """What a card says of itself: the facts of its tables, and the findings in its text."""

    facts: Facts
    findings: tuple[Finding, ...]

    @property
    def false(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.verdict == "false")


def audit(text: str, name: str = "") -> Audit:
    """Read the tables of a card and check its text against them. `name`: the repo's, if the card has none."""
    facts = facts_of(text, name)
    return Audit(facts=facts, findings=check(text, board(facts)))


def mended(text: str, findings: tuple[Finding, ...]) -> str:
    """The text with false numbers, signs, leaders and counts set right, and other false claims marked.

    A mark is a comment behind the claim's line: only a person can say what the sentence should be.
    """
    done = 0
    pieces: list[str] = []
    notes: list[str] = []
    for finding in _apart(findings):
        pieces.append(_with_notes(text[done : finding.start], notes))
        if finding.fix is not None:
            pieces.append(finding.fix)
        else:
            pieces.append(finding.quote)
            notes.append(_note(finding))
        done = finding.end
    pieces.append(_with_notes(text[done:], notes, last=True))
    return "".join(pieces)


def _with_notes(piece: str, notes: list[str], *, last: bool = False) -> str:
    """The text up to the next claim, with what is to be noted at the end of the line."""
    line, ends, rest = piece.partition("\n")
    if not notes or not (ends or last):
        return piece
    told = " ".join(notes)
    notes.clear()
    return f"{line} {told}{ends}{rest}"


def _note(finding: Finding) -> str:
    why = finding.why.replace("--", "- -").replace("\n", " ")
    quote = " ".join(finding.quote.split()).replace("--", "- -")
    return f'<!-- false: "{quote}": {why} -->'


def _apart(findings: tuple[Finding, ...]) -> list[Finding]:
    """The false ones without overlap; of two that overlap the one that can be mended."""
    false = [each for each in findings if each.verdict == "false"]
    chosen: list[Finding] = []
    for finding in sorted(false, key=lambda each: (each.fix is None, each.end - each.start, each.start)):
        if all(finding.end <= other.start or other.end <= finding.start for other in chosen):
            chosen.append(finding)
    return sorted(chosen, key=lambda each: each.start)


def diff(text: str, findings: tuple[Finding, ...], name: str) -> str:
    """The unified diff from the card to the mended card; empty where nothing is false."""
    lines = difflib.unified_diff(
        text.splitlines(keepends=True),
        mended(text, findings).splitlines(keepends=True),
        fromfile=name,
        tofile=f"{name} (mended)",
        n=1,
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
