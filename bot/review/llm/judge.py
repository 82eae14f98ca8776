"""Which sentences of a draft may stand: first by their form, then by what the claim checker says.

Pure. A draft is judged as a whole, because a claim may lean on the sentence before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from bot.card.board import Board
from bot.card.facts import Facts
from bot.card.markdown import clean
from bot.records import Record
from bot.review.llm import english
from bot.review.llm.expressions import Refused, Written, rendered
from bot.review.llm.functions import functions
from bot.review.llm.mentions import mismatch
from bot.review.llm.names import names, raw_number, without
from bot.review.llm.plain import Part
from bot.review.llm.reviewed import Block, Checked, Kind, NoReview, joined

_LINK = re.compile(r"://|\bwww\.|\S@\S|\bmailto:|\b[\w-]+\.[a-z]{2,10}/\S", re.IGNORECASE)


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
_Placed = tuple[Block, list[tuple[int, int, int]]]


class Sentence(Record, frozen=True, kw_only=True):
    """A sentence of block number `block`: as written, as shown, and why it cannot stand (None: it can).

    `withdrawn`: the model had nothing to put in its place.
    """

    block: int
    written: str
    shown: str = ""
    why: str | None = None
    withdrawn: bool = False

    @property
    def sent_back(self) -> bool:
        return self.why is not None and not self.withdrawn


class Draft(Record, frozen=True, kw_only=True):
    """A review in the making."""

    kinds: tuple[Kind, ...]
    sentences: tuple[Sentence, ...]

    @property
    def refused(self) -> tuple[Sentence, ...]:
        """The sentences that go back to the model."""
        return tuple(sentence for sentence in self.sentences if sentence.sent_back)

    @property
    def standing(self) -> frozenset[int]:
        """The numbers of the sentences that stand; a heading with nothing left below it does not."""
        fine = [number for number, sentence in enumerate(self.sentences) if sentence.why is None]
        told, standing = False, set()
        for number in reversed(fine):
            heading = self.kinds[self.sentences[number].block] == "heading"
            if told or not heading:
                standing.add(number)
            told = not heading
        return frozenset(standing)


class Judge(Record, frozen=True, kw_only=True):
    """All that a sentence is held against."""

    board: Board
    functions: Mapping[str, Callable[..., str]]
    names: frozenset[str]
    check: Check


def judge_for(facts: Facts, board: Board, check: Check) -> Judge:
    """A judge for the review of these facts."""
    return Judge(board=board, functions=functions(board), names=names(facts, board), check=check)


def draft(parts: Sequence[Part]) -> Draft:
    """The parts of an answer as a draft that nobody has judged."""
    sentences = [Sentence(block=n, written=text) for n, part in enumerate(parts) for text in part.sentences]
    return Draft(kinds=tuple(part.kind for part in parts), sentences=tuple(sentences))


def judged(found: Draft, judge: Judge) -> Draft:
    """The draft with every sentence shown or refused. Raises NoReview for more than MOST_SENTENCES."""
    if len(found.sentences) > MOST_SENTENCES:
        raise NoReview(f"the model wrote {len(found.sentences)} sentences, more than any review has")
    formed = tuple(_formed(sentence, judge) for sentence in found.sentences)
    if not english.is_english(
        without(" ".join(sentence.written for sentence in found.sentences), judge.names)
    ):
        formed = tuple(replace(sentence, why=sentence.why or english.FOREIGN) for sentence in formed)
    return _held_against_facts(replace(found, sentences=formed), judge)[0]


def final(found: Draft, judge: Judge) -> tuple[Draft, Checked]:
    """The judged draft with false sentences cut until the checker finds none, and what it found at last.

    Raises NoReview where one cannot be cut.
    """
    while True:
        cut, findings = _held_against_facts(found, judge)
        if cut == found:
            verdicts = [finding.verdict for finding in findings]
            if "false" in verdicts:  # it stands in no sentence, so cutting does not help
                raise NoReview("a false statement could not be taken out")
            return found, Checked(
                statements=len(verdicts),
                true=verdicts.count("true"),
                not_checkable=verdicts.count("not_checkable"),
                nothing_to_check=_nothing_to_check(found, findings),
            )
        found = cut


def blocks(found: Draft) -> tuple[Block, ...]:
    """The standing sentences, put together again."""
    return tuple(block for block, _ in _placed(found))


def _formed(sentence: Sentence, judge: Judge) -> Sentence:
    """Shown, or refused for what can be seen without knowing whether it is true."""
    if sentence.withdrawn:
        return sentence
    try:
        written = rendered(sentence.written, judge.functions)
    except Refused as refused:
        return replace(sentence, shown="", why=str(refused))
    words = without(written.words, judge.names)
    number = raw_number(words, frozenset())
    if number is not None:
        why: str | None = f"it has the number {number!r} as text; numbers are written as expressions"
    elif _LINK.search(words):
        why = "it has an address; links do not belong into a review"
    else:
        why = _other_objection(written, words, judge.board)
    return replace(sentence, shown=clean(written.shown).strip(), why=why)


def _other_objection(written: Written, words: str, board: Board) -> str | None:
    if not any(map(str.isalpha, written.shown)):
        return "it has no words"
    return english.objection(words) or mismatch(written, board)


def _held_against_facts(found: Draft, judge: Judge) -> tuple[Draft, Sequence[Finding]]:
    """The draft, its false sentences refused with what the checker says, and all that the checker found."""
    placed = _placed(found)
    text, starts = joined(tuple(block for block, _ in placed))
    findings = judge.check(text, judge.board)
    reasons: dict[int, str] = {}
    for finding in findings:
        if finding.verdict == "false":
            for (_, spans), start in zip(placed, starts, strict=True):
                for number, first, last in spans:
                    if finding.start < start + last and finding.end > start + first:
                        reasons.setdefault(number, f"{finding.quote!r} is false: {finding.why}")
    sentences = tuple(
        replace(sentence, why=reasons.get(number, sentence.why))
        for number, sentence in enumerate(found.sentences)
    )
    return replace(found, sentences=sentences), findings


def _nothing_to_check(found: Draft, findings: Sequence[Finding]) -> int:
    """How many standing sentences hold no statement that the checker sees; headings are none of them."""
    placed = _placed(found)
    starts = joined(tuple(block for block, _ in placed))[1]
    return sum(
        not any(finding.start < start + last and finding.end > start + first for finding in findings)
        for (block, spans), start in zip(placed, starts, strict=True)
        for _, first, last in spans
        if block.kind != "heading"
    )


def _placed(found: Draft) -> list[_Placed]:
    """Each block of which something stands, with number, start and end of each sentence in it."""
    made: list[_Placed] = []
    standing = found.standing
    for number, kind in enumerate(found.kinds):
        text, spans = "", []
        for place, sentence in enumerate(found.sentences):
            if sentence.block == number and place in standing:
                text = f"{text} {sentence.shown}".strip()
                spans.append((place, len(text) - len(sentence.shown), len(text)))
        if text:
            made.append((Block(kind=kind, text=text), spans))
    return made
