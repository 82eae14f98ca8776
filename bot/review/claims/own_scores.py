"""The scores, perplexities, speeds and sizes in one table of a card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.card.facts import ReportedQuant
from bot.card.task_names import task_named
from bot.records import Record
from bot.review.claims.name_patterns import RECIPE
from bot.review.claims.own_names import NAME, OwnNames, without_brackets
from bot.review.claims.tables import Cell, Table

_NUMBER = re.compile(r"([+\-\u00b1])?(\d{0,4}\.\d{1,6}|\d{1,3}(?=\s?%))(\s?%)?")
_VERSUS = re.compile(r"\b(?:vs\.?|versus|over|against|to)\s+([\w.+-]{2,60})", re.IGNORECASE)
_PAIR = re.compile(r"([\w.+-]{2,60})\s*[:=]\s*(\d?\.\d{2,6})")
_NO_TASK = re.compile(r"average|mean|avg|overall|total|win|gain|loss|perplexity", re.IGNORECASE)
_NO_NAME = re.compile(
    r"metric|task|benchmark|model|quant|factor|diff|delta|\u0394|winner|why|comment|note|other", re.IGNORECASE
)


class Gathered(Record, frozen=True, kw_only=True):
    """What one table gives."""

    scores: tuple[tuple[str, str, float], ...] = ()
    derived: tuple[tuple[str, str, float], ...] = ()
    quants: tuple[ReportedQuant, ...] = ()


def gathered(table: Table, names: OwnNames, heading: Sequence[str]) -> Gathered:
    header = table.header
    if not header or not table.rows:
        return Gathered()
    if len(header) == 1:
        return Gathered(scores=tuple(_rows_in_order(table, names)))
    kinds = [_kind(cell.text) for cell in header]
    if any(kind in ("perplexity", "speed", "size") for kind in kinds):
        return Gathered(quants=tuple(_quants(table, kinds, names)))
    tasks_across = sum(task_of(cell.text) is not None for cell in header[1:])
    if tasks_across >= 2:
        return Gathered(scores=tuple(_models_down(table, names, heading)))
    if sum(task_of(row[0].text) is not None for row in table.rows if row) >= 1:
        return _tasks_down(table, names, heading)
    return Gathered()


def _tasks_down(table: Table, names: OwnNames, heading: Sequence[str]) -> Gathered:
    """A row for each task: columns of scores, of differences, and cells such as `bf16: 0.464`."""
    scores: list[tuple[str, str, float]] = []
    derived: list[tuple[str, str, float]] = []
    header = table.header
    for row in table.rows:
        task = task_of(row[0].text) or _own_task(row[0].text)
        if task is None:
            continue
        first: float | None = None
        for cell, head in zip(row[1:], header[1:], strict=False):
            number = _NUMBER.match(cell.text)
            rival = _VERSUS.search(head.text)
            if number is not None and not number[1] and _names_a_model(head, number, rival):
                value = accuracy(number[0])
                if value is not None:
                    scores.append((names.of(head.text.split(" vs")[0], heading), task, value))
                    first = value if first is None else first
            elif number is not None and rival and first is not None and number[1]:
                delta = accuracy(number[0].lstrip("+-\u00b1"))
                sign = -1 if number[1] == "-" else 1
                if delta is not None:
                    derived.append((names.of(rival[1].rstrip(".")), task, round(first - sign * delta, 6)))
            elif number is None:
                pairs = [(names.of(pair[1]), task, float(pair[2])) for pair in _PAIR.finditer(cell.text)]
                scores.extend(pair for pair in pairs if float(pair[2]) <= 1)
    return Gathered(scores=tuple(scores), derived=tuple(derived))


def _names_a_model(head: Cell, number: re.Match[str], rival: re.Match[str] | None) -> bool:
    plain = not _NO_NAME.search(without_brackets(head.text))
    return plain and rival is None and len(head.text) <= 80 and len(head.text.split()) <= 6


def _models_down(table: Table, names: OwnNames, heading: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """A row for each model, a column for each task."""
    tasks = [task_of(cell.text) for cell in table.header]
    for row in table.rows:
        for cell, task in zip(row[1:], tasks[1:], strict=False):
            number = _NUMBER.match(cell.text)
            if task and number and not number[1] and (value := accuracy(number[0])) is not None:
                yield names.of(row[0].text, heading), task, value


def _rows_in_order(table: Table, names: OwnNames) -> Iterator[tuple[str, str, float]]:
    """Single spaces only: the numbers of a row in the order of the tasks in the heading."""
    tasks = [task for word in re.split(r"\s+", table.header[0].text) if (task := task_of(word))]
    for row in table.rows:
        numbers = [
            value for each in _NUMBER.finditer(row[0].text) if (value := accuracy(each[0])) is not None
        ]
        name = NAME.match(row[0].text) or RECIPE.match(row[0].text)
        if name and tasks and len(numbers) == len(tasks):
            yield from ((names.of(name[0]), task, value) for task, value in zip(tasks, numbers, strict=True))


def _quants(table: Table, kinds: list[str], names: OwnNames) -> Iterator[ReportedQuant]:
    for row in table.rows:
        cells = {kind: cell.text for kind, cell in zip(kinds, row, strict=False) if kind}
        perplexity = re.match(
            r"(\d{1,4}\.\d{1,5})(?:\s*\u00b1\s*(\d?\.\d{1,5}))?", cells.get("perplexity", "")
        )
        speed = re.match(r"\d{1,5}(?:\.\d{1,4})?", cells.get("speed", ""))
        size = re.match(r"\d{1,4}(?:\.\d{1,3})?\s?[GMT]", cells.get("size", ""))
        if not row or not (perplexity or speed or size):
            continue
        yield ReportedQuant(
            quant=names.of(row[0].text),
            perplexity=float(perplexity[1]) if perplexity else None,
            stderr=float(perplexity[2]) if perplexity and perplexity[2] else None,
            tokens_per_second=float(speed[0]) if speed else None,
            size=size[0] if size else None,
        )


def _kind(head: str) -> str:
    for kind, pattern in (
        ("perplexity", r"perplexity|\bppl\b"),
        ("speed", r"tok(en)?s?\s?/\s?s|tokens per second|\btps\b"),
        ("size", r"\bsize\b|\bdisk\b"),
    ):
        if re.search(pattern, head, re.IGNORECASE):
            return kind
    return ""


def task_of(written: str) -> str | None:
    return task_named(without_brackets(written))


def _own_task(written: str) -> str | None:
    """A task that nobody here knows, by its own name; none for a row of means or counts."""
    bare = re.sub(r"\W+", "_", without_brackets(written.lower())).strip("_")
    return None if not bare or _NO_TASK.search(written) or len(bare) > 40 else bare


def accuracy(written: str) -> float | None:
    """An accuracy as a share; None for what is none."""
    value = float(written.rstrip("% "))
    if "%" in written or 1.5 < value <= 100:
        value = round(value / 100, 6)
    return value if 0 <= value <= 1 else None
