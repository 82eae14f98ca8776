"""Boards of invented models for the tests of claims."""

from __future__ import annotations

from bot.card.board import Board, board
from bot.card.facts import Facts, HubPage, ReportedQuant

SCORES: dict[str, dict[str, float | bool | None]] = {
    "qx65-hi": {"arc_challenge": 0.431, "boolq": 0.777, "hellaswag": 0.588, "piqa": 0.741, "winogrande": 0.634},
    "q5": {"arc_challenge": 0.436, "boolq": 0.777, "hellaswag": 0.570, "piqa": 0.745, "winogrande": 0.622},
    "Heron-8B-q4-hi": {"arc_challenge": 0.402, "boolq": 0.801, "hellaswag": 0.561, "piqa": 0.733, "winogrande": 0.601},
}  # fmt: skip


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
            ReportedQuant(quant="qx65-hi", perplexity=6.540, stderr=0.05, tokens_per_second=50.0, size="5.6G"),
            ReportedQuant(quant="q5", perplexity=6.620, stderr=0.05, tokens_per_second=55.0, size="5G"),
        ),
    )


def small_board() -> Board:
    """The board of these facts."""
    return board(facts())
