"""An invented card, a review that is true of it, and a checker that understands two phrases."""

from __future__ import annotations

import re

from bot.card.board import Board, board
from bot.card.facts import Facts, ReportedQuant
from bot.records import Record

THIS, OTHER, BASE = "qx75-hi", "mxfp4", "bf16"

FACTS = Facts(
    card="Marmot3-9B-qx75-hi-mlx",
    repo="somebody/Marmot3-9B-qx75-hi-mlx",
    base_model="Burrow/Marmot3-9B",
    recipe=THIS,
    scores={
        THIS: {"arc_challenge": 0.512, "boolq": 0.801, "piqa": 0.702},
        OTHER: {"arc_challenge": 0.488, "boolq": 0.811, "piqa": 0.702},
        BASE: {"arc_challenge": 0.515, "boolq": 0.809},
    },
    quants=(
        ReportedQuant(quant=THIS, perplexity=5.125, stderr=0.041, tokens_per_second=61.5, size="7.9G"),
        ReportedQuant(quant=OTHER, perplexity=5.410, size="4.6G"),
        ReportedQuant(quant=BASE, perplexity=5.101, tokens_per_second=33.0, size="17.2G"),
    ),
)
BOARD: Board = board(FACTS)

AHEAD = 'qx75-hi is ahead of mxfp4 on ARC Challenge, at {{ score("this", "arc_challenge") }}.'
BEHIND = "On the yes and no questions there is a price to pay: qx75-hi is behind mxfp4 on BoolQ."
TAKE = 'It takes {{ size("qx75-hi") }} on disk and it runs at {{ speed("this") }}.'
GOOD = f"{AHEAD} {BEHIND}\n\n- {TAKE}\n- Take it where the questions are hard and there is room for it."
GOOD_SHOWN = (
    "qx75-hi is ahead of mxfp4 on ARC Challenge, at 0.512. On the yes and no questions there is a price to "
    "pay: qx75-hi is behind mxfp4 on BoolQ.\n\n- It takes 7.9 GiB on disk and it runs at 61.5 tokens per "
    "second.\n- Take it where the questions are hard and there is room for it."
)
LIE = "qx75-hi is ahead of mxfp4 on BoolQ."
TRUTH = "It is not the choice for every question: qx75-hi is behind mxfp4 on BoolQ."


class Found(Record, frozen=True, kw_only=True):
    """A finding as the claim checker gives it."""

    quote: str
    start: int
    end: int
    verdict: str
    why: str


_CLAIM = re.compile(r"(\S+) is (ahead of|behind) (\S+) on (ARC Challenge|BoolQ|PIQA)")
_TASKS = {"ARC Challenge": "arc_challenge", "BoolQ": "boolq", "PIQA": "piqa"}


def check(text: str, known: Board) -> tuple[Found, ...]:
    """Knows "A is ahead of B on TASK" and "A is behind B on TASK", and that advice cannot be checked."""
    found = []
    for claim in _CLAIM.finditer(text):
        task = _TASKS[claim[4]]
        gap = known.model(claim[1]).scores[task].value - known.model(claim[3]).scores[task].value
        true = gap > 0 if claim[2] == "ahead of" else gap < 0
        why = f"the difference is {gap:+.3f}"
        found.append(_found(claim, "true" if true else "false", why))
    found += [_found(advice, "not_checkable", "advice") for advice in re.finditer(r"Take it", text)]
    return tuple(sorted(found, key=lambda finding: finding.start))


def _found(match: re.Match[str], verdict: str, why: str) -> Found:
    return Found(quote=match.group(), start=match.start(), end=match.end(), verdict=verdict, why=why)
