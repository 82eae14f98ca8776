"""What was measured, in the words that open the recipe's file and stand in the terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.card.numbers import size
from bot.recipes.tune import Sensitivity, Text, TuneRequest, Whole
from bot.recipes.tune.choose import RARE

SHOWN = 8
"""Blocks at either end of the table of sensitivities."""


def comments(
    request: TuneRequest, text: Text, measured: Sequence[Sensitivity], said: str, versions: str
) -> tuple[str, ...]:
    """What a reader of the file wants to know, and what makes it repeatable. No date: it would never be.

    `said` is the verdict.
    """
    return (
        f"Made by `bot recipes tune` for {request.base} alone: widths chosen by what they lose there.",
        f"- base: {request.base}, {request.identity}",
        f"- like {request.like.name}, --budget {request.budget}",
        f"- text: {_origin(text)}; seed {request.seed}, {text.samples} x {text.length} tokens to choose on "
        "and as many held out",
        f"- computed with {versions}",
        "",
        said,
        "",
        *_table(measured),
    )


def _origin(text: Text) -> str:
    if text.revision:
        return f"{text.source}, revision {text.revision}"
    return f"{text.source}, sha256 {text.sha256}" if text.sha256 else text.source


def verdict(tuned: Whole, like: Whole, *, comparable: bool) -> str:
    """Both recipes as wholes on the held-out text; `comparable`: the other one fits the budget too."""
    wins = sum(a < b for a, b in zip(tuned.of_samples, like.of_samples, strict=True))
    said = (
        f"On held-out text {tuned.name} is {tuned.kl:.3g} nats a token from the base ({_weighs(tuned)}), "
        f"{like.name} {like.kl:.3g} ({_weighs(like)}); {tuned.name} is nearer in {wins} of "
        f"{len(tuned.of_samples)} samples."
    )
    if not comparable:
        return f"{said} {like.name} is over the budget."
    return said if tuned.kl < like.kl else f"{said} It is no better than {like.name}."


def _weighs(whole: Whole) -> str:
    return f"{whole.bits_per_weight:.3f} bits per weight, {whole.bytes} bytes, {size(whole.bytes)}"


def _table(measured: Sequence[Sensitivity]) -> Iterator[str]:
    """The most and the least sensitive blocks; each with what it loses at every width."""
    ordered = sorted(measured, key=lambda block: (-_loses(block), block.block))
    yield (
        f"KL from the base in nats a token (mean without the worst {RARE:.0%} of positions) with one block "
        "quantized and nothing else, by width; most sensitive first:"
    )
    left_out = len(ordered) - 2 * SHOWN
    if left_out <= 0:
        yield from map(_row, ordered)
        return
    yield from map(_row, ordered[:SHOWN])
    yield f"- ({left_out} blocks between are left out)"
    yield from map(_row, ordered[-SHOWN:])


def _row(block: Sensitivity) -> str:
    figures = ", ".join(f"{bits}: {loss:.2g}" for bits, loss in block.typical.items())
    return f"- {block.block}: {block.bits} bits chosen ({figures})"


def _loses(block: Sensitivity) -> float:
    """At the middle width, which says most about the widths in question."""
    return block.typical.get("4", max(block.typical.values()))
