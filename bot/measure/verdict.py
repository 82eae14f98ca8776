"""Deciding about chat answers, pure: does one loop, and does a quant answer as its base does?"""

from __future__ import annotations

from collections.abc import Sequence

from bot.records import Answers

LOOP_REPEATS = 4
LOOP_TOKENS = 16
"""An answer loops when its end repeats a piece at least so often, over at least so many tokens."""


def looping(tokens: Sequence[int]) -> bool:
    """True when the end of the answer is one piece over and over (pieces of one token and longer)."""
    for period in range(1, len(tokens) // LOOP_REPEATS + 1):
        span = max(LOOP_REPEATS * period, LOOP_TOKENS)
        if span > len(tokens):
            continue
        tail = tokens[-span:]
        if all(tail[i] == tail[i - period] for i in range(period, span)):
            return True
    return False


def judge(base: Answers | None, quant: Answers) -> list[str]:
    """What is wrong with the quant's answers, in sentences; empty when nothing is.

    Wherever the base stops without looping, the quant must too, and it must know every end token
    of the chat template that the base knows. Of a base that could not answer (None: it is too large for this
    machine) the best is assumed. Raises ValueError when the prompts differ.
    """
    whose = "the base's" if base is not None else "a sound model's"
    complaints = []
    expected = base.answers if base is not None else (None,) * len(quant.answers)
    for ours, theirs in zip(quant.answers, expected, strict=True):
        if theirs is not None and ours.prompt != theirs.prompt:
            raise ValueError(f"answers to different prompts: {ours.prompt!r} and {theirs.prompt!r}")
        if theirs is not None and (not theirs.stopped or theirs.looping):
            continue
        if ours.looping:
            complaints.append(f"its answer to {ours.prompt!r} repeats itself, {whose} does not")
        elif not ours.stopped:
            complaints.append(
                f"its answer to {ours.prompt!r} does not end within {ours.tokens} tokens, {whose} does"
            )
    forgiven = base.missing_end_tokens if base is not None else ()
    complaints += [
        f"its tokenizer does not know {token} as an end of turn, {whose} does"
        for token in quant.missing_end_tokens
        if token not in forgiven
    ]
    return complaints
