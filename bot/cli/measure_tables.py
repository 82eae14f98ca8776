"""What was measured, as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bot.card.numbers import NOT_MEASURED, perplexity, score, size, task_title, tokens_per_second
from bot.cli.show import plain_table
from bot.measure.statistics import says_nothing
from bot.records import Measurement, TaskScore

MARK = "†"


def report(items: Sequence[Measurement]) -> Iterable[RenderableType]:
    """Each model a column, the base last: scores, what marks them, and the other numbers."""
    models = sorted(items, key=lambda each: each.recipe is None)
    if not models:
        return
    names = _headings(models)
    for model, name in zip(models, names, strict=True):
        yield Text(model.name if len(models) == 1 else f"{name}: {model.name}")
    yield from map(Text, dict.fromkeys(model.device for model in models))
    yield from _tasks([model.tasks for model in models], names)
    yield from _tasks([model.tasks_without_template for model in models], names)
    yield Text()
    yield _others(models, names)


def _headings(models: Sequence[Measurement]) -> list[str]:
    return [model.recipe or "base" for model in models] if len(models) > 1 else ["score"]


def _tasks(columns: Sequence[tuple[TaskScore, ...]], names: Sequence[str]) -> Iterable[RenderableType]:
    """A row for each task, and a line for each score that says nothing."""
    first = next((column for column in columns if column), ())
    if not first:
        return
    table = plain_table("task", "metric", "n", *names, "chance", "majority")
    said = []
    for task in first:
        found = [_same(task, column) for column in columns]
        reasons = [says_nothing(each) if each else None for each in found]
        shown = [
            f"{score(each)} {MARK if reason else ' '}" for each, reason in zip(found, reasons, strict=True)
        ]
        rates = (f"{rate:.3f}" if rate is not None else "" for rate in (task.chance, task.majority))
        table.add_row(task_title(task.task), task.metric, str(task.n), *shown, *rates)
        said += [
            f"{MARK} {task_title(task.task)}{f', {name}' if len(names) > 1 else ''} says nothing: {reason}"
            for name, reason in zip(names, reasons, strict=True)
            if reason
        ]
    yield Text()
    yield Text(_asked(first), style="bold")
    yield table
    yield from map(Text, said)


def _asked(scores: Sequence[TaskScore]) -> str:
    first = scores[0].chat_template
    if first is None or any(task.chat_template != first for task in scores):
        return "tasks"
    return f"tasks, with{'' if first else 'out'} the chat template"


def _same(task: TaskScore, column: tuple[TaskScore, ...]) -> TaskScore | None:
    return next((each for each in column if (each.task, each.metric) == (task.task, task.metric)), None)


def _others(models: Sequence[Measurement], names: Sequence[str]) -> Table:
    """Only the rows in which something stands."""
    table = Table(box=None, pad_edge=False, show_header=len(models) > 1)
    table.add_column("")
    for name in names:
        table.add_column(name, overflow="fold")
    for row, words in _ROWS.items():
        cells = [words(model) for model in models]
        if any(cells):
            table.add_row(row, *map(Text, cells))
    return table


def _perplexity(found: Measurement) -> str:
    return perplexity(found.perplexity) if found.perplexity else ""


def _by_documents(found: Measurement) -> str:
    of = found.perplexity
    if of is None or of.document_stderr is None:
        return ""
    return f"± {of.document_stderr:.3f} ({of.documents} documents)"


def _divergence(found: Measurement) -> str:
    of = found.divergence
    return f"{of.mean:.4f} ± {of.stderr:.4f} nats a token" if of else ""


def _divergence_spread(found: Measurement) -> str:
    of = found.divergence
    return f"median {of.median:.4f}, 99 % below {of.p99:.4f}; same first choice {of.top1:.1%}" if of else ""


def _generating(found: Measurement) -> str:
    if found.speed is None:
        return f"{NOT_MEASURED}: {found.speed_withheld}" if found.speed_withheld else ""
    return _tps(found.speed.generation_tps, found.speed.generation_spread, found.speed.trials)


def _reading(found: Measurement) -> str:
    return _tps(found.speed.prompt_tps, found.speed.prompt_spread, found.speed.trials) if found.speed else ""


def _tps(median: float, spread: float, trials: int) -> str:
    shown = f"{tokens_per_second(median)} tokens/s"
    return f"{shown} (median of {trials}, spread {spread:,.1f})" if trials > 1 else shown


def _bits(found: Measurement) -> str:
    return f"{found.bits_per_weight:.2f}" if found.bits_per_weight else ""


def _computed(found: Measurement) -> str:
    return found.computation.why if found.computation and found.computation.why else found.compute_dtype


_ROWS: dict[str, Callable[[Measurement], str]] = {
    "perplexity": _perplexity,
    "by documents": _by_documents,
    "KL to the base": _divergence,
    "KL spread": _divergence_spread,
    "generating": _generating,
    "reading": _reading,
    "peak memory": lambda found: size(found.peak_memory_bytes) if found.peak_memory_bytes else "",
    "size on disk": lambda found: size(found.size_bytes),
    "bits per weight": _bits,
    "computed": _computed,
}
"""In this order; what is nowhere measured has no row."""
