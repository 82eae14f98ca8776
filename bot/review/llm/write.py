"""Have a model write a review, keep what is true of it: the story of this package on one page.

prompt -> answer -> sentences -> numbers rendered, claims checked
                       ^                 |
                       +--- refused, with the reason, up to `attempts` times; then out
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from bot.card.board import Board
from bot.card.facts import Facts
from bot.errors import BotError, Cancelled
from bot.review.llm import english, prompts
from bot.review.llm.completion import Piece
from bot.review.llm.draft import Draft, Sentence, draft
from bot.review.llm.endpoint import Message, ask
from bot.review.llm.judge import Check, Judge, final, judge_for, judged
from bot.review.llm.local import generate
from bot.review.llm.plain import parts, without_thoughts
from bot.review.llm.reviewed import Checked, Dropped, NoReview, Reviewed
from bot.review_settings import ReviewSettings

LEAST_SENTENCES = 2
LEAST_WORDS = 20
"""Less than this is no review."""

_NUMBERED = re.compile(r"^[ \t]*[-*]?[ \t]*\**(\d{1,3})\**[.):]\**(?!\d)[ \t]*(.*)$", re.MULTILINE)
_NOTHING = re.compile(r"[\s\-–—.*()]*(?:dash|drop|none|nothing|remove[d]?)?[\s\-–—.*()]*", re.IGNORECASE)

Say = Callable[[str], None]
Asked = Callable[[Sequence[Message]], Piece]


def write(
    facts: Facts,
    board: Board,
    settings: ReviewSettings,
    *,
    check: Check,
    log: Say,
    narrative: Sequence[str] = (),
    templates: Path | None = None,
    child_log: Path | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Reviewed | None:
    """A review by the model of `settings`, or None, and `log` is told in one sentence why.

    `narrative` are the computed sentences that stand on the card anyway, `templates` an account's own
    folder of templates, `child_log` where a local model's process writes what it says (None: nowhere).
    Nothing that a model or a server does raises; Cancelled does.
    """

    def asked(messages: Sequence[Message]) -> Piece:
        if settings.local:
            return generate(settings, messages, child_log, cancelled)
        return ask(settings, messages, cancelled)

    judge = judge_for(facts, board, check)
    try:
        chat = _Chat(facts, board, templates, asked, log)
        written = chat.begin(narrative, judge)
        for _ in range(settings.attempts):
            if not written.refused:
                break
            written = chat.mend(written, judge)
        return _kept(written, judge, settings.shown_model, log)
    except Cancelled:
        raise
    except BotError as error:
        log(f"No review by {settings.shown_model}, the computed sentences stand alone: {error}")
        return None


class _Chat:
    """The talk with the model. Each turn shows it the prompt and the review as it is now, nothing older."""

    def __init__(self, facts: Facts, board: Board, own: Path | None, asked: Asked, log: Say) -> None:
        self._facts, self._board, self._own, self._asked, self._log = facts, board, own, asked, log
        self._prompt = ""

    def begin(self, narrative: Sequence[str], judge: Judge) -> Draft:
        """The first draft, judged."""
        self._prompt = prompts.first(self._facts, self._board, narrative, self._own)
        answer = self._asked([_turn("user", self._prompt)])
        if english.is_refusal(without_thoughts(answer.text).strip()):
            raise NoReview("the model refused to write a review")
        return judged(draft(parts(answer.text, cut=answer.finish == "length")), judge)

    def mend(self, written: Draft, judge: Judge) -> Draft:
        """The draft with new sentences for refused ones. Where nothing usable comes, it stays as it is."""
        refused = written.refused
        so_far = "\n".join(sentence.written for sentence in written.sentences)
        question = prompts.again(self._facts, self._board, refused, self._own)
        try:
            answer = self._asked(
                [_turn("user", self._prompt), _turn("assistant", so_far), _turn("user", question)]
            )
            return judged(mended(written, refused, without_thoughts(answer.text)), judge)
        except Cancelled:
            raise
        except BotError as error:
            self._log(f"Refused sentences of the review were not written anew: {error}")
            return written


def _turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def mended(written: Draft, refused: Sequence[Sentence], answer: str) -> Draft:
    """Refused sentences replaced by the numbered ones of an answer; a dash takes one out for good. Pure."""
    new = _numbered(answer, len(refused))
    number, sentences = 0, []
    for sentence in written.sentences:
        if not sentence.sent_back:
            sentences.append(sentence)
            continue
        number += 1
        text = new.get(number)
        if text is None or _NOTHING.fullmatch(text):
            sentences.append(replace(sentence, withdrawn=text is not None))
        else:
            sentences.extend(replace(sentence, written=line, why=None) for line in _lines(text))
    return replace(written, sentences=tuple(sentences))


def _lines(text: str) -> list[str]:
    return [line for part in parts(text) for line in part.sentences]


def _numbered(answer: str, count: int) -> dict[int, str]:
    """What stands behind each number; an answer without any is for the only question there was."""
    lines = list(_NUMBERED.finditer(answer))
    if not lines:
        return {1: answer.strip()} if count == 1 else {}
    ends = [*(line.start() for line in lines[1:]), len(answer)]
    found = {int(line[1]): answer[line.start(2) : end].strip() for line, end in zip(lines, ends, strict=True)}
    return {number: text for number, text in found.items() if 1 <= number <= count}


def _kept(written: Draft, judge: Judge, model: str, log: Say) -> Reviewed:
    """What is left, if it is enough. Raises NoReview where it is not."""
    last, layout, checked = final(written, judge)
    dropped = tuple(Dropped(sentence=s.written, why=s.why) for s in last.sentences if s.why)
    told = [last.sentences[number] for number in layout.spans if not last.is_heading(number)]
    words = sum(len(sentence.shown.split()) for sentence in told)
    if len(told) < LEAST_SENTENCES or words < LEAST_WORDS:
        why = f", the first because {dropped[0].why}" if dropped else ""
        raise NoReview(f"too little is left of it ({_count(len(told))}; {len(dropped)} taken out{why})")
    if not checked.true:
        raise NoReview("nothing in it is a statement that the facts confirm")
    log(_summary(model, checked, dropped))
    return Reviewed(blocks=layout.blocks, model=model, checked=checked, dropped=dropped)


def _summary(model: str, checked: Checked, dropped: Sequence[Dropped]) -> str:
    return (
        f"Review by {model}: {_count(checked.statements, 'statement')} checked, {checked.true} true, "
        f"{checked.not_checkable} not checkable; {_count(checked.nothing_to_check)} with nothing to check; "
        f"{_count(len(dropped))} taken out."
    )


def _count(number: int, what: str = "sentence") -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
