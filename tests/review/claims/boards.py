"""Boards of invented models for the tests of claims."""

from __future__ import annotations

from bot.card.board import Board, board
from bot.card.facts import Facts, HubPage, ReportedQuant

TASKS = ("arc_challenge", "boolq", "hellaswag", "piqa", "winogrande")
SCORES: dict[str, dict[str, float | bool | None]] = {
    name: dict(zip(TASKS, values, strict=True))
    for name, values in {
        "qx65-hi": (0.431, 0.777, 0.588, 0.741, 0.634),
        "q5": (0.436, 0.777, 0.570, 0.745, 0.622),
        "Heron-8B-q4-hi": (0.402, 0.801, 0.561, 0.733, 0.601),
    }.items()
}


def facts() -> Facts:
    """A quant, a sibling and a rival on five tasks, with perplexities and sizes of the family."""
    return Facts(
        card="Wren-7B-qx65-hi-mlx",
        base_model="Hedge/Wren-7B",
        recipe="qx65-hi",
        hub=HubPage(model_size="7.2B"),
        scores=SCORES,
        quants=(
            ReportedQuant(quant="bf16", perplexity=6.500, stderr=0.05, tokens_per_second=20.0, size="14G"),
            ReportedQuant(
                quant="qx65-hi", perplexity=6.540, stderr=0.05, tokens_per_second=50.0, size="5.6G"
            ),
            ReportedQuant(quant="q5", perplexity=6.620, stderr=0.05, tokens_per_second=55.0, size="5G"),
        ),
    )


def small_board() -> Board:
    """The board of these facts."""
    return board(facts())
