"""A review in the making: its sentences, why some cannot stand, and the text that the others make. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.records import Record
from bot.review.llm.plain import Part
from bot.review.llm.reviewed import Block, Kind, joined

Span = tuple[int, int]


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
    """All sentences in their order, and the kind of each block."""

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
            heading = self.is_heading(number)
            if told or not heading:
                standing.add(number)
            told = not heading
        return frozenset(standing)

    def is_heading(self, number: int) -> bool:
        """Whether that sentence is a heading."""
        return self.kinds[self.sentences[number].block] == "heading"


class Layout(Record, frozen=True, kw_only=True):
    """The text of the standing sentences; `spans` says where in it each begins and ends, by its number."""

    text: str
    blocks: tuple[Block, ...]
    spans: dict[int, Span]


def draft(parts: Sequence[Part]) -> Draft:
    """The parts of an answer as a draft that nobody has judged."""
    sentences = [Sentence(block=n, written=text) for n, part in enumerate(parts) for text in part.sentences]
    return Draft(kinds=tuple(part.kind for part in parts), sentences=tuple(sentences))


def laid_out(found: Draft) -> Layout:
    """The standing sentences put together again."""
    made: list[Block] = []
    inside: list[dict[int, Span]] = []
    standing = sorted(found.standing)
    for block, kind in enumerate(found.kinds):
        text, spans = "", {}
        for number in (n for n in standing if found.sentences[n].block == block):
            shown = found.sentences[number].shown
            text = f"{text} {shown}".strip()
            spans[number] = (len(text) - len(shown), len(text))
        if text:
            made.append(Block(kind=kind, text=text))
            inside.append(spans)
    whole, starts = joined(tuple(made))
    placed = {
        number: (start + first, start + last)
        for start, spans in zip(starts, inside, strict=True)
        for number, (first, last) in spans.items()
    }
    return Layout(text=whole, blocks=tuple(made), spans=placed)
