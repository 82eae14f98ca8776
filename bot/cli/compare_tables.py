"""What `bot compare` shows in a terminal of a hundred columns: a table for each model, and notes below."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bot.card.markdown import clean
from bot.card.numbers import bits, difference, listed, percent, size
from bot.measure.statistics import SIGNIFICANCE
from bot.review.side_by_side import Compared, Mean, PerplexityRow, Row, SideBySide

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NONE = "–"
STYLES = {"gain": "green", "loss": "red"}
UNPAIRED = (
    "* unpaired, from scores and standard errors alone: the outcomes of the single questions are not known "
    "on both sides. It takes the answers as independent, which makes it cautious."
)


def report(compared: Compared) -> Iterator[RenderableType]:
    """Who is who, then each model against the reference, then how to read it."""
    letters = [LETTERS[i] if i < len(LETTERS) else f"#{i + 1}" for i in range(len(compared.others) + 1)]
    yield Text(f"{letters[0]}  {clean(compared.reference)}, {size(compared.size_bytes)} (the reference)")
    for letter, other in zip(letters[1:], compared.others, strict=True):
        width = f", {bits(other.bits_per_weight)} bits per weight" if other.bits_per_weight else ""
        yield Text(f"{letter}  {clean(other.name)}, {size(other.size_bytes)}{width}")
    for letter, other in zip(letters[1:], compared.others, strict=True):
        yield ""
        yield _table(letters[0], letter, other)
        yield ""
        yield from map(Text, _totals(letters[0], letter, other))
    yield from _notes(compared)


def _table(a: str, b: str, other: SideBySide) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("task", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for name in ("n", a, b, f"{b} - {a}", "95 % interval", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in other.rows:
        table.add_row(*_task(row), style=STYLES.get(row.verdict, "" if row.difference else "dim"))
    if other.mean is not None:
        table.add_row(*_mean(other.mean), style="bold")
    if other.perplexity is not None:
        table.add_row(*_perplexity(other.perplexity), style=STYLES.get(other.perplexity.verdict, ""))
    for cells in _divergence(other):
        table.add_row(*cells)
    return table


def _task(row: Row) -> list[str]:
    d = row.difference
    return [
        clean(row.task),
        clean(row.metric),
        f"{row.n}",
        f"{row.reference:.3f}",
        f"{row.value:.3f}",
        difference(d.value) if d else "",
        f"{difference(d.low)} to {difference(d.high)}" if d else "",
        _p(row.p),
        f"{row.verdict} *" if d and not d.paired else row.verdict,
    ]


def _mean(mean: Mean) -> list[str]:
    shown = mean.non_inferiority
    return [
        f"mean of {shown.tasks}",
        "accuracy",
        f"{shown.questions}",
        f"{mean.reference:.3f}",
        f"{mean.value:.3f}",
        difference(shown.value),
        f"{difference(shown.low)} to {difference(shown.high)}",
        "",
        "",
    ]


def _perplexity(row: PerplexityRow) -> list[str]:
    d = row.difference
    return [
        "perplexity", "", "", f"{row.reference.value:.3f}", f"{row.value.value:.3f}",
        percent(d.value) if d else "", f"{percent(d.low)} to {percent(d.high)}" if d else "",
        _p(d.p) if d else "", row.verdict,
    ]  # fmt: skip


def _divergence(other: SideBySide) -> Iterator[list[str]]:
    """KL from each one's base, in nats a token; the reference has one only where it is a quant as well."""
    both = (other.reference_divergence, other.divergence)
    if not any(both):
        return
    for name, field in (("KL to base, mean", "mean"), ("KL to base, p99", "p99"), ("same top token", "top1")):
        cells = [f"{getattr(found, field):.4f}" if found else NONE for found in both]
        yield [name, "nats" if field != "top1" else "share", "", *cells, "", "", "", ""]


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _totals(a: str, b: str, other: SideBySide) -> Iterator[str]:
    told = [
        f"{other.gains} {'gain' if other.gains == 1 else 'gains'}",
        f"{other.losses} {'loss' if other.losses == 1 else 'losses'}",
        f"{other.within_noise} within noise",
        *([f"{other.says_nothing} saying nothing"] if other.says_nothing else []),
        *([f"{other.not_compared} not compared"] if other.not_compared else []),
    ]
    yield f"{b} against {a}: {listed(told)}."
    if other.mean is None:
        return
    shown = other.mean.non_inferiority
    if shown.verdict == "inferior":
        yield f"{b} is shown to be worse than {a} by more than {shown.margin:g} of mean accuracy."
        return
    shows = "is shown" if shown.verdict == "non-inferior" else "is not shown"
    yield (
        f"That {b} is no worse than {a} by {shown.margin:g} of mean accuracy {shows} "
        f"(of two equals it would be with probability {shown.power:.2f})."
    )


def _notes(compared: Compared) -> Iterator[RenderableType]:
    paired = any(row.difference and row.difference.paired for other in compared.others for row in other.rows)
    lines = []
    if paired:
        lines.append("p: exact McNemar test on the same questions, adjusted over the tasks (Holm).")
    if any(other.unpaired for other in compared.others):
        lines.append(UNPAIRED if paired else f"{UNPAIRED} p is adjusted over the tasks (Holm).")
    if lines:
        lines.append(f"A gain or a loss needs p below {SIGNIFICANCE:g}; intervals are each task's own.")
    for letter, other in zip(LETTERS[1:], compared.others, strict=False):
        lines.extend(_reasons(letter, other))
    if lines:
        yield ""
        yield from (Text(clean(line), style="dim") for line in lines)


def _reasons(letter: str, other: SideBySide) -> Iterator[str]:
    """Why rows have no verdict; tasks with the same reason in one line."""
    silent = {row.task: row.why for row in other.rows if row.verdict == "says nothing"}
    yield from (f"{letter}: {task} says nothing: {why}" for task, why in silent.items())
    apart = {row.task: row.why for row in other.rows if row.verdict == "not compared"}
    for why in dict.fromkeys(apart.values()):
        tasks = listed([task for task, reason in apart.items() if reason == why])
        yield f"{letter}: not compared on {tasks}: {why}"
    if other.perplexity is not None and other.perplexity.why:
        yield f"{letter}: perplexity is not compared: {other.perplexity.why}"
    if other.perplexity is not None and other.other_base:
        yield (
            f"{letter}: another base than the reference's: perplexities can be compared only where both have "
            "the same tokenizer"
        )
    if other.only_one:
        yield f"{letter}: measured on one side only: {listed(list(other.only_one))}"
