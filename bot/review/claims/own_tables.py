"""The facts that a card states in its own tables and lists, so that its text can be held against them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.card.facts import Facts, HubPage, ReportedPerplexity, ReportedQuant
from bot.records import Record
from bot.review.claims.blocks import Block, blocks
from bot.review.claims.names import RECIPE, UNKNOWN
from bot.review.claims.plain import Plain
from bot.review.claims.tables import Cell, Table
from bot.review.claims.task_names import spellings

_TASKS = {re.sub(r"\W|_", "", " ".join(phrase)): tasks for phrase, tasks in spellings(()).items()}
_NUMBER = re.compile(r"([+\-\u00b1])?(\d{0,4}\.\d{1,6}|\d{1,3}(?=\s?%))(\s?%)?")
_CARD = re.compile(r"(?<![\w/.-])[\w.]+(?:-[\w.]+)+-mlx\b")
_CONVERTED = re.compile(r"converted to MLX format from\s+\[?([\w.-]+/[\w.-]+)")
_BASE = re.compile(r"^base_model:\s*(?:-\s*)?([\w.-]+/[\w.-]+)", re.MULTILINE)
_LISTED = re.compile(r"[ \t>]*[-\u2022+][ \t]+([\w /-]{2,30}):\s*(\d?\.\d{2,6}|\d{1,2}\.\d{1,2}\s?%)")
_PERPLEXITY = re.compile(
    r"perplexity\s*(?:is|of|[:=])\s*(\d{1,4}\.\d{1,5})(?:\s*\u00b1\s*(\d?\.\d{1,5}))?", re.IGNORECASE
)
_PARAMETERS = re.compile(r"Model size\s+(\d{1,5}(?:\.\d{1,3})?[BM])\b")
_FULL = re.compile(
    r"(?:full(?:[ -]precision)?|bf16|fp16|unquantized)\s*\(?\s*(?:at|of|:)?\s*(\d?\.\d{2,6})", re.IGNORECASE
)
_NAME = re.compile(r"[\w.]+(?:[-+][\w.]+)+")
_VERSUS = re.compile(r"\b(?:vs\.?|versus|over|against|to)\s+([\w.+-]{2,60})", re.IGNORECASE)
_PAIR = re.compile(r"([\w.+-]{2,60})\s*[:=]\s*(\d?\.\d{2,6})")
_NO_TASK = re.compile(r"average|mean|avg|overall|total|win|gain|loss|perplexity", re.IGNORECASE)
_NO_NAME = re.compile(
    r"metric|task|benchmark|model|quant|factor|diff|delta|\u0394|winner|why|comment|note|other", re.IGNORECASE
)

Scores = dict[str, dict[str, float | bool | None]]


class _Names:
    """One spelling for each model: the card's name, a recipe, or the one long name that holds a short one."""

    def __init__(self, text: str, card: str) -> None:
        found = dict.fromkeys(
            name.removesuffix("-mlx") for name in _NAME.findall(text[:400_000]) if _is_name(name)
        )
        self.card = card.removesuffix("-mlx")
        self.recipe = _recipe(card)
        self._long = [self.card, *(name for name in list(found)[:200] if name != self.card)]
        self.subject: str | None = None

    def of(self, written: str, near: str = "") -> str:
        """The model that is written so; `near` is the heading above, where a longer name may stand."""
        name = re.sub(r"\([^)]*\)|[\u0394\u2190-\u21ff*`]", " ", written).strip(" :.")
        name = re.sub(r"\s+", " ", re.sub(r"\s*\+\s*", "-", name))
        parts = _parts(name)
        if name.lower() == self.recipe or (
            parts and parts <= _parts(self.card) and not RECIPE.fullmatch(name)
        ):
            self.subject = self.subject or name
            return self.subject
        if parts <= _parts(self.card) and name.lower() in self.card.lower():
            self.subject = self.subject or name
            return self.subject
        nearby = [long for long in _NAME.findall(near) if parts and parts < _parts(long)]
        if len(nearby) == 1:
            return str(nearby[0]).removesuffix("-mlx")
        holders = [long for long in self._long if parts and parts < _parts(long) and long != self.card]
        return holders[0] if len(holders) == 1 else name


class Gathered(Record, frozen=True, kw_only=True):
    """What one table gives."""

    scores: tuple[tuple[str, str, float], ...] = ()
    derived: tuple[tuple[str, str, float], ...] = ()
    quants: tuple[ReportedQuant, ...] = ()


def facts_of(text: str, name: str = "") -> Facts:
    """The facts in a card's own tables. `name` is that of the repo, where the card does not say it. Pure."""
    plain = Plain(text).text
    named = _CARD.search(plain)
    card = name or (named[0] if named else "") or "this-model"
    names = _Names(plain, card)
    scores: Scores = {}
    quants: dict[str, ReportedQuant] = {}
    derived: Scores = {}
    heading = ""
    for block in blocks(plain):
        if block.table is not None:
            found = _read(block.table, names, heading)
            _keep(scores, found.scores)
            _keep(derived, found.derived)
            quants |= {quant.quant: quant for quant in found.quants if quant.quant not in quants}
        elif block.kind == "label" and (name_there := _heading_name(plain, block)):
            heading = name_there
        elif listed := _LISTED.match(plain, block.start, block.end):
            _keep(scores, _from_list(listed, heading, names))
            _keep(scores, _of_base(listed, plain[listed.end() : block.end]))
    for model, tasks in derived.items():
        if model not in scores:
            scores[model] = {**tasks, "derived": True}
    return _facts(plain, card, names, scores, quants)


def _facts(plain: str, card: str, names: _Names, scores: Scores, quants: dict[str, ReportedQuant]) -> Facts:
    converted, base = _CONVERTED.search(plain), _BASE.search(plain)
    parameters, perplexity = _PARAMETERS.search(plain), _PERPLEXITY.search(plain)
    subject = names.subject if names.subject in scores or names.subject in quants else None
    if subject is None and (scores or quants):
        subject = next(iter(scores or quants))
    told = None
    if perplexity:
        told = ReportedPerplexity(
            value=float(perplexity[1]), stderr=float(perplexity[2]) if perplexity[2] else None
        )
    return Facts(
        card=card,
        base_model=converted[1].rstrip(".") if converted else base[1] if base else card.removesuffix("-mlx"),
        recipe=_recipe(card) or subject or card,
        subject=subject,
        scores=scores,
        quants=tuple(quants.values()),
        perplexity=told if subject not in quants else None,
        hub=HubPage(model_size=parameters[1]) if parameters else None,
    )


def _keep(scores: Scores, found: tuple[tuple[str, str, float], ...]) -> None:
    """What was said first stands; a later contradiction will be found by the check."""
    for model, task, value in found:
        scores.setdefault(model, {}).setdefault(task, value)


def _heading_name(plain: str, block: Block) -> str:
    line = plain[block.start : block.end]
    return line if any(_is_name(name) for name in _NAME.findall(line)) else ""


def _from_list(listed: re.Match[str], heading: str, names: _Names) -> tuple[tuple[str, str, float], ...]:
    task = _task(listed[1])
    long = [name for name in _NAME.findall(heading) if _is_name(name)]
    value = _value(listed[2])
    if task is None or value is None or len(long) != 1:
        return ()
    return ((names.of(long[0]), task, value),)


def _of_base(listed: re.Match[str], rest: str) -> tuple[tuple[str, str, float], ...]:
    """`ARC-C: 0.393, a drop from full precision (0.421)`: a score of the unquantized base."""
    task, found = _task(listed[1]), _FULL.search(rest)
    value = _value(found[1]) if found else None
    return (("full-precision", task, value),) if task and value is not None else ()


def _read(table: Table, names: _Names, heading: str) -> Gathered:
    header = table.header
    if not header or not table.rows:
        return Gathered()
    if len(header) == 1:
        return Gathered(scores=tuple(_rows_in_order(table, names)))
    kinds = [_kind(cell.text) for cell in header]
    if any(kind in ("perplexity", "speed", "size") for kind in kinds):
        return Gathered(quants=tuple(_quants(table, kinds, names)))
    tasks_across = sum(_task(cell.text) is not None for cell in header[1:])
    if tasks_across >= 2:
        return Gathered(scores=tuple(_models_down(table, names, heading)))
    if sum(_task(row[0].text) is not None for row in table.rows if row) >= 1:
        return _tasks_down(table, names, heading)
    return Gathered()


def _tasks_down(table: Table, names: _Names, heading: str) -> Gathered:
    """A row for each task: columns of scores, of differences, and cells such as `bf16: 0.464`."""
    scores: list[tuple[str, str, float]] = []
    derived: list[tuple[str, str, float]] = []
    header = table.header
    for row in table.rows:
        task = _task(row[0].text) or _own_task(row[0].text)
        if task is None:
            continue
        first: float | None = None
        for cell, head in zip(row[1:], header[1:], strict=False):
            number = _NUMBER.match(cell.text)
            rival = _VERSUS.search(head.text)
            if number is not None and not number[1] and _names_a_model(head, number, rival):
                value = _value(number[0])
                if value is not None:
                    scores.append((names.of(head.text.split(" vs")[0], heading), task, value))
                    first = value if first is None else first
            elif number is not None and rival and first is not None and number[1]:
                delta = _value(number[0].lstrip("+-\u00b1"))
                sign = -1 if number[1] == "-" else 1
                if delta is not None:
                    derived.append((names.of(rival[1].rstrip("."), ""), task, round(first - sign * delta, 6)))
            elif number is None:
                pairs = [(names.of(pair[1]), task, float(pair[2])) for pair in _PAIR.finditer(cell.text)]
                scores.extend(pair for pair in pairs if float(pair[2]) <= 1)
    return Gathered(scores=tuple(scores), derived=tuple(derived))


def _names_a_model(head: Cell, number: re.Match[str], rival: re.Match[str] | None) -> bool:
    plain = not _NO_NAME.search(re.sub(r"\([^)]*\)", "", head.text))
    return plain and rival is None and len(head.text) <= 80 and len(head.text.split()) <= 6


def _models_down(table: Table, names: _Names, heading: str) -> Iterator[tuple[str, str, float]]:
    """A row for each model, a column for each task."""
    tasks = [_task(cell.text) for cell in table.header]
    for row in table.rows:
        for cell, task in zip(row[1:], tasks[1:], strict=False):
            number = _NUMBER.match(cell.text)
            if task and number and not number[1] and (value := _value(number[0])) is not None:
                yield names.of(row[0].text, heading), task, value


def _rows_in_order(table: Table, names: _Names) -> Iterator[tuple[str, str, float]]:
    """Single spaces only: the numbers of a row in the order of the tasks in the heading."""
    tasks = [task for word in re.split(r"\s+", table.header[0].text) if (task := _task(word))]
    for row in table.rows:
        numbers = [value for each in _NUMBER.finditer(row[0].text) if (value := _value(each[0])) is not None]
        name = _NAME.match(row[0].text) or RECIPE.match(row[0].text)
        if name and tasks and len(numbers) == len(tasks):
            yield from ((names.of(name[0]), task, value) for task, value in zip(tasks, numbers, strict=True))


def _quants(table: Table, kinds: list[str], names: _Names) -> Iterator[ReportedQuant]:
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


def _task(written: str) -> str | None:
    bare = re.sub(r"\([^)]*\)|[^a-z0-9]", "", written.lower())
    tasks = _TASKS.get(bare)
    return tasks[0] if tasks and len(tasks) == 1 else None


def _own_task(written: str) -> str | None:
    """A task that nobody here knows, by its own name; none for a row of means or counts."""
    bare = re.sub(r"\W+", "_", re.sub(r"\([^)]*\)", "", written.lower())).strip("_")
    return None if not bare or _NO_TASK.search(written) or len(bare) > 40 else bare


def _value(written: str) -> float | None:
    """An accuracy as a share; None for what is none."""
    value = float(written.rstrip("% "))
    if "%" in written or 1.5 < value <= 100:
        value = round(value / 100, 6)
    return value if 0 <= value <= 1 else None


def _is_name(name: str) -> bool:
    return RECIPE.search(name) is not None or UNKNOWN.fullmatch(name) is not None


def _recipe(card: str) -> str:
    found = RECIPE.findall(card)
    return str(found[-1]).lower() if found else ""


def _parts(name: str) -> set[str]:
    return {part for part in re.split(r"[-_+ ]+", name.lower()) if part}
