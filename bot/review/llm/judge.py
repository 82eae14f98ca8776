"""Which sentences of a draft may stand: first by their form, then by what the claim checker says.

Pure. A draft is judged as a whole, because a claim may lean on the sentence before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from bot.card.board import Board
from bot.card.facts import Facts
from bot.records import Record
from bot.review.llm import english
from bot.review.llm.draft import Draft, Layout, Span, laid_out
from bot.review.llm.form import formed, sweeping
from bot.review.llm.functions import functions
from bot.review.llm.names import names, without
from bot.review.llm.reviewed import Checked, NoReview

MOST_SENTENCES = 150
"""Of one draft; a page has about thirty."""


class Finding(Protocol):
    """What the claim checker says of one statement; offsets are into the checked text."""

    @property
    def quote(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def verdict(self) -> str: ...
    @property
    def why(self) -> str: ...


Check = Callable[[str, Board], Sequence[Finding]]


class Judge(Record, frozen=True, kw_only=True):
    """All that a sentence is held against."""

    board: Board
    functions: Mapping[str, Callable[..., str]]
    names: frozenset[str]
    check: Check


def judge_for(facts: Facts, board: Board, check: Check) -> Judge:
    """A judge for the review of these facts."""
    return Judge(board=board, functions=functions(board), names=names(facts, board), check=check)


def judged(found: Draft, judge: Judge) -> Draft:
    """The draft with every sentence shown or refused. Raises NoReview for more than MOST_SENTENCES."""
    if len(found.sentences) > MOST_SENTENCES:
        raise NoReview(f"the model wrote {len(found.sentences)} sentences, more than any review has")
    sentences = tuple(formed(s, judge.board, judge.functions, judge.names) for s in found.sentences)
    whole = without(" ".join(sentence.written for sentence in found.sentences), judge.names)
    if not english.is_english(whole):
        sentences = tuple(replace(sentence, why=sentence.why or english.FOREIGN) for sentence in sentences)
    return _held_against_facts(replace(found, sentences=sentences), judge)[0]


def final(found: Draft, judge: Judge) -> tuple[Draft, Layout, Checked]:
    """The judged draft with false sentences cut until the checker finds none, its text, and what it found.

    Cutting may change what the sentences after it lean on, so the rest is checked again. Raises NoReview
    where something false stands in no sentence.
    """
    while True:
        cut, layout, findings = _held_against_facts(found, judge)
        if cut == found:
            return found, layout, _checked(found, layout, findings)
        found = cut


def _held_against_facts(found: Draft, judge: Judge) -> tuple[Draft, Layout, Sequence[Finding]]:
    """The draft with what the checker refuses, and the text and the findings that this is known from."""
    layout = laid_out(found)
    findings = judge.check(layout.text, judge.board)
    reasons = {number: _objection(layout, span, findings) for number, span in layout.spans.items()}
    sentences = tuple(
        replace(sentence, why=reasons.get(number) or sentence.why)
        for number, sentence in enumerate(found.sentences)
    )
    return replace(found, sentences=sentences), layout, findings


def _objection(layout: Layout, span: Span, findings: Sequence[Finding]) -> str | None:
    """What the findings say against the sentence there."""
    inside = _inside(span, findings)
    false = next((finding for finding in inside if finding.verdict == "false"), None)
    if false is not None:
        return f"{false.quote!r} is false: {false.why}"
    return None if inside else sweeping(layout.text[slice(*span)])


def _inside(span: Span, findings: Sequence[Finding]) -> list[Finding]:
    start, end = span
    return [finding for finding in findings if finding.start < end and finding.end > start]


def _checked(found: Draft, layout: Layout, findings: Sequence[Finding]) -> Checked:
    verdicts = [finding.verdict for finding in findings]
    if "false" in verdicts:
        raise NoReview("a false statement could not be taken out")
    silent = [
        number
        for number, span in layout.spans.items()
        if not found.is_heading(number) and not _inside(span, findings)
    ]
    return Checked(
        statements=len(verdicts),
        true=verdicts.count("true"),
        not_checkable=verdicts.count("not_checkable"),
        nothing_to_check=len(silent),
    )
