"""The gate: what keeps a finished quant from the public. Pure.

It stops what is broken, not what is merely worse: numbers that are none, a model that has drifted further
from its base than sound quants of its width do, one that does not answer as its base does. That a quant
is no worse than its base on the tasks is a label, and stops only where the publisher says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bot.measure.results import Outcomes
from bot.records import ByWidth, Gate, GateSettings, Measurement, NonInferiority, Record
from bot.review.compare import NOT_KNOWN, compare


class Width(Record, frozen=True, kw_only=True):
    """A class of quants: from so many bits per weight on. `kl` is a bound in nats a token, `perplexity`
    one on the quant's over the base's."""

    name: str
    bits: float
    kl: float
    perplexity: float


# Published, Llama 3 8B, the model that quantizing hurt most in that table: mean KL and perplexity ratio to
# its own f16 on WikiText-2 (llama.cpp, tools/perplexity/README.md, "LLaMA 3 8b Scoreboard"):
#
#     bits per weight   8.5       6.6       5.5       4.85      4.5       3.9       3.5       3.0
#     type              q8_0      q6_K      q5_0      q4_K_M    q4_0      q3_K_M    q3_K_S    q2_K
#     KL                0.0014    0.0055    0.022     0.031     0.072     0.10      0.23      0.45
#     perplexity        1.0004    1.0035    1.021     1.028     1.075     1.105     1.26      1.56
#
# Measured here, 70 quants of the five rehearsal bases (benchmarks/README.md, "The gate's bounds"): a KL of
# at most 0.001 in the class 8bit, 0.02 in 6bit, 0.15 in 4bit, 0.36 in 3bit, 0.95 in 2bit. The same quants
# with a tenth of one projection's scales four times too large: at least 0.99, 0.82, 0.82, 0.96 and 1.7.
# What falls apart in the published table (iq1_S) has a KL of 2.2 and 10 times the perplexity.
#
# So each bound lies well above the sound ones and below the damaged ones of its class: a model that is
# harder to quantize passes, one whose weights were damaged does not. Perplexity alone would not do: on text
# that a small base was not trained on, its 2-bit quants have a lower one than itself.
WIDTHS = (
    Width(name="8bit", bits=7.5, kl=0.1, perplexity=1.1),
    Width(name="6bit", bits=5.5, kl=0.2, perplexity=1.2),
    Width(name="4bit", bits=4.2, kl=0.5, perplexity=1.5),
    Width(name="3bit", bits=3.2, kl=0.7, perplexity=2.0),
    Width(name="2bit", bits=0.0, kl=1.5, perplexity=4.0),
)
"""Widest first. mxfp4 has 4.25 bits per weight and counts as 4bit, q3-hi has 4.0 and counts as 3bit."""


def width_of(bits: float, settings: GateSettings) -> Width:
    """The class of so many bits per weight, with the publisher's own bounds where there are some."""
    found = next(width for width in WIDTHS if bits >= width.bits)
    return Width(
        name=found.name,
        bits=found.bits,
        kl=_own(settings.kl, found.name) or found.kl,
        perplexity=_own(settings.perplexity, found.name) or found.perplexity,
    )


def _own(bounds: ByWidth, width: str) -> float | None:
    return {
        "8bit": bounds.bits8, "6bit": bounds.bits6, "4bit": bounds.bits4, "3bit": bounds.bits3,
        "2bit": bounds.bits2,
    }[width]  # fmt: skip


def judge(
    mine: Measurement,
    base: Measurement | None,
    bits: float,
    settings: GateSettings = GateSettings(),  # noqa: B008  frozen
    *,
    outcomes: Outcomes = NOT_KNOWN,
    base_outcomes: Outcomes = NOT_KNOWN,
    complaints: tuple[str, ...] = (),
) -> Gate:
    """Hold a quant of `bits` per weight against its base (None: that was not measured).

    `complaints` are what the smoke test said of its answers; with the outcomes of every question the test
    of non-inferiority is paired.
    """
    width = width_of(bits, settings)
    non_finite = tuple(_non_finite(mine))
    sound = base if not non_finite else None  # there is nothing to compare otherwise
    ratio = _perplexity_ratio(mine, sound)
    label = _label(mine, sound, settings.margin, outcomes, base_outcomes)
    reasons = (
        *non_finite,
        *_too_far(mine, bits, width),
        *_too_perplexed(ratio, bits, width),
        *complaints,
        *(_not_shown(label) if settings.non_inferiority == "stop" and label is not None else ()),
    )
    return Gate(
        passed=not reasons,
        reasons=reasons,
        width=width.name,
        kl_bound=width.kl,
        perplexity_bound=width.perplexity,
        non_inferiority=label,
        not_judged=tuple(_not_judged(mine, base, ratio, label)),
    )


def _perplexity_ratio(mine: Measurement, base: Measurement | None) -> float | None:
    """The quant's perplexity over the base's; None unless both were measured on the same text."""
    difference = compare(mine, "base", base).perplexity_difference if base is not None else None
    return 1 + difference.value if difference is not None else None


def _label(
    mine: Measurement, base: Measurement | None, margin: float, outcomes: Outcomes, base_outcomes: Outcomes
) -> NonInferiority | None:
    if base is None:
        return None
    return compare(mine, "base", base, outcomes, base_outcomes).non_inferiority(margin)


# ------------------------------------------------------------------ reasons


def _non_finite(mine: Measurement) -> Iterator[str]:
    numbers = {score.task: score.value for score in mine.tasks}
    if mine.perplexity is not None:
        numbers["perplexity"] = mine.perplexity.value
    if mine.divergence is not None:
        numbers["KL to the base"] = mine.divergence.mean
    for what, value in numbers.items():
        if not math.isfinite(value):
            yield (
                f"its {what} is {value}, which is no finite number: its weights are broken, quantize it "
                "again or take another recipe"
            )


def _too_far(mine: Measurement, bits: float, width: Width) -> Iterator[str]:
    if mine.divergence is None or not mine.divergence.mean > width.kl:
        return
    yield (
        f"its KL to the base is {mine.divergence.mean:.3g} nats a token, over the {width.kl:g} that a quant "
        f"of {bits:.2f} bits per weight may have: take a wider recipe, or raise `gate: kl: {width.name}`"
    )


def _too_perplexed(ratio: float | None, bits: float, width: Width) -> Iterator[str]:
    if ratio is None or not ratio > width.perplexity:
        return
    yield (
        f"its perplexity is {ratio:.4g} times the base's, over the {width.perplexity:g} that a quant of "
        f"{bits:.2f} bits per weight may have: take a wider recipe, or raise `gate: perplexity: {width.name}`"
    )


def _not_shown(label: NonInferiority) -> Iterator[str]:
    if label.verdict == "non-inferior":
        return
    yield (
        f"it is {'worse than' if label.verdict == 'inferior' else 'not shown to be as good as'} its base: "
        f"mean accuracy {label.value:+.3f} ({label.low:+.3f} to {label.high:+.3f}) over {label.questions} "
        f"questions, and the margin is {label.margin:g} (power {label.power:.2f}): take a wider recipe, "
        "measure more questions, or widen `gate: margin`"
    )


def _not_judged(
    mine: Measurement, base: Measurement | None, ratio: float | None, label: NonInferiority | None
) -> Iterator[str]:
    if base is None:
        yield "the base was not measured, so nothing is held against it"
        return
    if mine.divergence is None:
        yield "the KL to the base was not measured"
    if ratio is None:
        yield "the perplexity was not measured on both, on the same text"
    if label is None:
        yield "no task that says something was asked of both alike"
