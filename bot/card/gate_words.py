"""What the gate found, in sentences for a card. Pure."""

from __future__ import annotations

from bot.card.facts import Measured
from bot.card.numbers import percent, tasks
from bot.records import Gate, NonInferiority

LABELS = {
    "non-inferior": "It is shown to be no worse than its base",
    "not shown": "It is not shown to be no worse than its base",
    "inferior": "It is worse than its base",
}


def gate_words(measured: Measured | None) -> tuple[str, ...]:
    """What was held against the base before the quant became public, the label, and what was not judged."""
    if measured is None or (gate := measured.gate) is None:
        return ()
    held = _held(measured, gate)
    label = (_label(gate.non_inferiority),) if gate.non_inferiority is not None else ()
    tasks_to_come = measured.measuring and not label
    missing = () if tasks_to_come else tuple(f"Not judged: {sentence}." for sentence in gate.not_judged)
    return (*held, *label, *missing)


def _held(measured: Measured, gate: Gate) -> tuple[str, ...]:
    """The KL and the perplexity beside what the gate allows a quant of this width."""
    mine, base = measured.measurement, measured.base_measurement
    words = []
    if mine.divergence is not None:
        found = mine.divergence
        words.append(
            f"mean KL to the base {found.mean:.4f} nats a token (median {found.median:.4f}, 99th percentile "
            f"{found.p99:.3f}; at most {gate.kl_bound:g}), the same token first in {found.top1:.1%}"
        )
    if mine.perplexity is not None and base is not None and base.perplexity is not None:
        ratio = mine.perplexity.value / base.perplexity.value - 1
        words.append(f"perplexity {percent(ratio)} (at most {percent(gate.perplexity_bound - 1)})")
    if not words:
        return ()
    return (f"Held against its base, with what the gate allows: {'; '.join(words)}.",)


def _label(label: NonInferiority) -> str:
    paired = "the same questions on both sides" if label.paired else "unpaired, from the scores alone"
    return (
        f"{LABELS[label.verdict]} by a margin of {label.margin:g}: mean accuracy {label.value:+.3f} "
        f"({label.low:+.3f} to {label.high:+.3f}, one-sided 97.5 % bounds) over {tasks(label.tasks)} and "
        f"{label.questions:,} questions, {paired}. Were there no difference at all, this test would show it "
        f"with a probability of {label.power:.2f}."
    )
