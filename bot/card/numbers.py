"""How a card writes numbers. A number that was not measured is written as `NOT_MEASURED`, never guessed."""

from __future__ import annotations

from typing import Protocol

NOT_MEASURED = "not measured"


class Estimate(Protocol):
    """A number and its standard error; None where that is not known."""

    @property
    def value(self) -> float: ...

    @property
    def stderr(self) -> float | None: ...


_TITLES = {
    "arc_challenge": "ARC Challenge", "arc_easy": "ARC Easy", "boolq": "BoolQ", "hellaswag": "HellaSwag",
    "openbookqa": "OpenBookQA", "piqa": "PIQA", "winogrande": "Winogrande",
}  # fmt: skip


def task_title(task: str) -> str:
    """The task's name as people write it; lm-eval's own name for a task that has none."""
    return _TITLES.get(task, task)


def score(found: Estimate | None) -> str:
    """`0.441 ± 0.014`: accuracy or perplexity and its standard error, where that is known."""
    if found is None:
        return NOT_MEASURED
    return f"{found.value:.3f}" + ("" if found.stderr is None else f" ± {found.stderr:.3f}")


def perplexity(found: Estimate | None) -> str:
    """`12.869 ± 0.126`, like a score."""
    return score(found)


def size(count: int | None) -> str:
    """Bytes in binary units with one decimal: `8.3 GiB`, `940.2 MiB`."""
    if not count:
        return NOT_MEASURED
    unit, name = (2**30, "GiB") if count >= 2**30 else (2**20, "MiB") if count >= 2**20 else (2**10, "KiB")
    return f"{count / unit:.1f} {name}"


def tokens_per_second(value: float | None) -> str:
    """`193.0`: tokens per second with one decimal."""
    return f"{value:,.1f}" if value else NOT_MEASURED


def bits(value: float | None) -> str:
    """`6.53`: bits per weight."""
    return f"{value:.2f}" if value else NOT_MEASURED


def count(value: int | None) -> str:
    """`8.34B`: a number of parameters."""
    if not value:
        return NOT_MEASURED
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if value >= unit:
            return f"{value / unit:.2f}{name}"
    return str(value)


def significant(value: float) -> str:
    """`0.0047`: a small number with two significant digits."""
    return f"{value:.2g}"


def difference(value: float) -> str:
    """`+0.020`, `-0.014`, `±0.000`: a signed difference, whose sign is that of the printed digits."""
    shown = f"{value:+.3f}"
    return "±0.000" if float(shown) == 0 else shown


def percent(value: float) -> str:
    """`+0.5 %`: a signed share, given as a fraction."""
    shown = f"{100 * value:+.1f}"
    return "±0.0 %" if float(shown) == 0 else f"{shown} %"


def tasks(number: int) -> str:
    """`1 task`, `7 tasks`."""
    return "1 task" if number == 1 else f"{number} tasks"


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
