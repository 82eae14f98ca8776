"""A text held against a board: each checkable claim with its verdict and the arithmetic.

text -> plain -> blocks -> sentences and rows -> clauses of tokens -> claims -> findings
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from bot.card.board import Board
from bot.records import Record
from bot.review.claims.blocks import Block, blocks
from bot.review.claims.claim import Claim, Work
from bot.review.claims.clause import Clause, clauses
from bot.review.claims.context import Context, opened
from bot.review.claims.findings import Finding, decide
from bot.review.claims.judge import fits
from bot.review.claims.kinds import ALL
from bot.review.claims.metrics import Scale
from bot.review.claims.parties import parties
from bot.review.claims.plain import Plain
from bot.review.claims.repeated import Memory, around
from bot.review.claims.rows import Reader
from bot.review.claims.scan import Scanner, Token

# "full precision on data paths" speaks of bits, not of a model
_OF_PARTS = re.compile(
    r"\s(?:on|in|for|across)\s[\w\s]{0,24}(?:paths?|layers?|weights|data|attention|heads?)\b"
)


def check(text: str, board: Board) -> tuple[Finding, ...]:
    """The claims of `text` about the models of `board`, in the order of the text. Pure and deterministic."""
    plain = Plain(text)
    examiner = _Examiner(plain.text, board)
    found: dict[tuple[int, int], Finding] = {}
    for claim in examiner.claims():
        judgement = decide(claim.readings, doubtful=claim.doubtful)
        if judgement is None or claim.end <= claim.start:
            continue
        start, end = plain.origin(claim.start, claim.end)
        finding = Finding(
            quote=text[start:end],
            start=start,
            end=end,
            verdict=judgement.verdict,
            why=judgement.why,
            fix=_mended(plain, claim, judgement.fix) if judgement.verdict == "false" else None,
        )
        found.setdefault((start, end), finding)
    return tuple(sorted(found.values(), key=lambda each: (each.start, each.end)))


def _mended(plain: Plain, claim: Claim, fix: str | None) -> str | None:
    """The whole quote with the right number in the place of the wrong one."""
    if fix is None or claim.number is None:
        return fix
    start, end = plain.origin(claim.start, claim.end)
    first, last = plain.origin(*claim.number)
    return plain.original[start:first] + fix + plain.original[last:end]


_TO_ANOTHER = re.compile(r"\s*(?:to|down to|up to|vs\.?|against|->|\u2192|\u2013|-|<|>)\s*\.?\d")


class _Sentence(Record, frozen=True, kw_only=True):
    """What one sentence claims, where it stood, and the context that it leaves behind."""

    start: int
    claims: tuple[Claim, ...]
    after: Context


class _Examiner:
    """Walks through the blocks and remembers what was said: headings, subjects, rivals."""

    def __init__(self, text: str, board: Board) -> None:
        self.text = text
        self.scale = Scale(board)
        self.scanner = Scanner(board)
        self.reader = Reader(text, self.scale, self.scanner)
        self.blocks = list(blocks(text))
        shown = (self.reader.shown(block.table) for block in self.blocks if block.table)
        self.start = Context(sets=tuple(dict.fromkeys(names for names in shown if len(names) > 1)))
        self.section = self.start
        self.paragraph, self.at = -1, 0
        self._scanned: dict[int, tuple[Token, ...]] = {}
        self._judged = Memory[_Sentence]()
        self.spoken = self.start

    def claims(self) -> Iterator[Claim]:
        """All claims, in the order of the blocks."""
        for at, block in enumerate(self.blocks):
            self.at = at
            if block.table is not None:
                yield from self.reader.claims(block.table, self.section)
                continue
            yield from self._sentence(block)

    def _sentence(self, block: Block) -> Iterator[Claim]:
        tokens = self._tokens(block)
        if block.kind == "label":
            self._open(block, tokens)
        if not tokens:
            return
        if block.paragraph != self.paragraph:
            self.paragraph, self.spoken = block.paragraph, self.section
        context = self._with_strangers(block)
        key = (*around(self.text, block.start, block.end), block.kind, context)
        known = self._judged.get(key, lambda: self._clauses(block, tokens, context))
        yield from (claim.moved(block.start - known.start) for claim in known.claims)
        context = known.after
        if any(token.unknown and not _OF_PARTS.match(self.text, token.end) for token in tokens):
            self.section = replace(self.section, strangers=True)
            context = replace(context, strangers=True)
        self.spoken = replace(
            context,
            said=self._said(block, tokens),
            tasks=self.section.tasks,
            loose=self.section.loose,
            metric="",
            borrowed=False,
            fixed=False,
        )

    def _clauses(self, block: Block, tokens: tuple[Token, ...], context: Context) -> _Sentence:
        """The claims of one sentence, clause by clause, and what it leaves to the next."""
        parts = list(clauses(self.text, tokens, block.start, block.end))
        everyone = [parties(part) for part in parts]
        rivals = tuple(dict.fromkeys(n for found in everyone for p in found if p.rival for n in p.models))
        claims: list[Claim] = []
        for clause, found in zip(parts, everyone, strict=True):
            told = self._told(clause, context, rivals if not any(p.rival for p in found) else ())
            made = list(self._clause(clause, told))
            claims += made
            context = self._after(clause, context, silent=not made)
        return _Sentence(start=block.start, claims=tuple(claims), after=context)

    def _said(self, block: Block, tokens: tuple[Token, ...]) -> tuple[str, ...]:
        """The tasks of this sentence; behind a semicolon also those before it."""
        goes_on = self.text[max(0, block.start - 2) : block.start].strip().endswith(";")
        before = self.spoken.said if goes_on else ()
        return tuple(dict.fromkeys((*before, *(task for token in tokens for task in token.tasks))))

    def _with_strangers(self, block: Block) -> Context:
        """What was said so far; a list that speaks of a model that the board lacks is all about it."""
        if block.kind != "item" or self.spoken.strangers or self.spoken.rivals:
            return self.spoken
        around = self.blocks[max(0, self.at - 6) : self.at + 7]
        strange = any(token.unknown for each in around if each.kind == "item" for token in self._tokens(each))
        return replace(self.spoken, strangers=strange)

    def _tokens(self, block: Block) -> tuple[Token, ...]:
        if block.start not in self._scanned:
            self._scanned[block.start] = self.scanner.tokens(self.text, block.start, block.end)
        return self._scanned[block.start]

    def _open(self, block: Block, tokens: tuple[Token, ...]) -> None:
        """A heading says whom and what the text under it is about."""
        clause = Clause(text=self.text, start=block.start, end=block.end, tokens=tokens)
        about = opened(self.scale, clause, self.section)
        tasks = tuple(dict.fromkeys(task for token in clause.tokens for task in token.tasks))
        numbers = any(token.quantity for token in clause.tokens)
        if about is not None:
            self.section = replace(about, sets=self.start.sets)
        elif block.level:
            self.section = self.start
        alone = tasks and not numbers and not any(t.relation or t.superlative for t in clause.tokens)
        self.section = replace(self.section, tasks=tasks if alone and block.level else ())
        self.spoken = self.section

    def _told(self, clause: Clause, context: Context, rivals: tuple[str, ...]) -> Context:
        """The context of one clause: the sentence's rivals, and the model whose score it quotes."""
        if rivals:
            context = replace(context, rivals=rivals, fixed=True)
        mine = {name for party in parties(clause) if not party.rival for name in party.models}
        if mine and context.subjects and not context.rivals and not mine & set(context.subjects):
            context = replace(context, rivals=context.subjects)  # `A leads here; B leads there`
        owner = self._by_score(clause)
        if owner and owner not in context.subjects and not any(not p.rival for p in parties(clause)):
            context = replace(context, subjects=(owner,))
        return context

    def _by_score(self, clause: Clause) -> str:
        """`BoolQ: 0.751` speaks of the only model that has this score."""
        for task, number in zip(clause.tokens, clause.tokens[1:], strict=False):
            if not (task.tasks and number.quantity and number.quantity.fits_a_score) or len(task.tasks) > 1:
                continue
            gap = clause.between(task, number).strip()
            if _TO_ANOTHER.match(self.text, number.end):
                continue  # `0.651 to 0.644`: where it came from
            if gap not in (":", "-", "\u2013", "=", "at", "of", "", "("):
                continue
            known = ((model, model.scores.get(task.tasks[0])) for model in self.scale.scored)
            having = [model.name for model, score in known if score and fits(number.quantity, score.value)]
            return having[0] if len(having) == 1 else ""
        return ""

    def _clause(self, clause: Clause, context: Context) -> Iterator[Claim]:
        work = Work(self.scale, clause, context)
        for kind in ALL:
            yield from kind(work)

    def _after(self, clause: Clause, context: Context, *, silent: bool) -> Context:
        """What the next clause, or the next sentence of the paragraph, may leave unsaid."""
        everyone = parties(clause)
        mine = tuple(dict.fromkeys(n for p in everyone if not p.rival for n in p.models))
        rivals = tuple(dict.fromkeys(n for p in everyone if p.rival for n in p.models))
        tasks = tuple(dict.fromkeys(task for token in clause.tokens for task in token.tasks))
        metric = next(
            (t.word.value for t in clause.tokens if t.word and t.word.kind == "metric"), context.metric
        )
        context = replace(context, metric=metric)
        if mine:
            context = replace(context, subjects=mine[:1] if len(mine) == 1 else context.subjects)
        if rivals:
            context = replace(context, rivals=rivals)
        if tasks:
            loose = any(token.loose for token in clause.tokens)
            context = replace(context, tasks=tasks, loose=loose, borrowed=not silent)
        return context
