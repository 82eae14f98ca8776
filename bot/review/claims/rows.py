"""Tables of a text held against the board: scores, signs, leaders, arrows, and what cells say in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from bot.card.board import Model
from bot.review.claims.arrows import arrows
from bot.review.claims.claim import Claim, Work
from bot.review.claims.clause import clauses
from bot.review.claims.columns import SCORE, Column, column
from bot.review.claims.context import Context, of
from bot.review.claims.findings import Reading
from bot.review.claims.judge import differs, fits
from bot.review.claims.kinds import ALL
from bot.review.claims.metrics import MEAN, SIZE, Scale, shown, signed, title
from bot.review.claims.quantities import Quantity
from bot.review.claims.repeated import Memory, around
from bot.review.claims.scan import Scanner, Token
from bot.review.claims.tables import Cell, Table


class Reader:
    """Reads the tables of one text."""

    def __init__(self, text: str, scale: Scale, scanner: Scanner) -> None:
        self.text = text
        self.scale = scale
        self.scanner = scanner

    def shown(self, table: Table) -> tuple[str, ...]:
        """The models that a table shows side by side."""
        cells = [*table.header, *(row[0] for row in table.rows if row)]
        names = [name for cell in cells for token in self._tokens(cell) for name in token.models]
        return tuple(dict.fromkeys(names))

    def claims(self, table: Table, context: Context) -> Iterator[Claim]:
        """The claims of all cells."""
        if not table.header:
            for row in table.rows:
                yield from self._prose(row[0].start, row[-1].end, context)
            return
        columns = [column(self.text, cell, self._tokens(cell)) for cell in table.header]
        context = replace(context, strangers=False)
        yield from arrows(self.text, self.scale, table, self._tokens)
        judged = Memory[tuple[int, tuple[Claim, ...]]]()
        for row in table.rows:

            def made(row: tuple[Cell, ...] = row) -> tuple[int, tuple[Claim, ...]]:
                return row[0].start, tuple(self._of_row(table, columns, row, context))

            start, claims = judged.get(around(self.text, row[0].start, row[-1].end), made)
            yield from (claim.moved(row[0].start - start) for claim in claims)

    def _of_row(
        self, table: Table, columns: list[Column], row: tuple[Cell, ...], context: Context
    ) -> Iterator[Claim]:
        if len(row) == 1 or len(table.header) == 1:
            yield from self._in_order(table, row, context)
        else:
            yield from self._row(table, columns, row, context)

    def _tokens(self, cell: Cell) -> tuple[Token, ...]:
        return self.scanner.tokens(self.text, cell.start, cell.end)

    def _in_column(self, table: Table, index: int) -> tuple[str, ...]:
        """The models that a column names: without columns of scores, the better one is one of these."""
        cells = (row[index] for row in table.rows if index < len(row))
        return tuple(dict.fromkeys(n for cell in cells for t in self._tokens(cell) for n in t.models))

    def _row(
        self, table: Table, columns: list[Column], row: tuple[Cell, ...], context: Context
    ) -> Iterator[Claim]:
        label = self._tokens(row[0])
        tasks = tuple(dict.fromkeys(task for token in label for task in token.tasks))
        loose = any(token.loose for token in label)
        models = tuple(dict.fromkeys(name for token in label for name in token.models))
        metric = next((t.word.value for t in label if t.word and t.word.kind == "metric"), "")
        compared = tuple(dict.fromkeys(name for column in columns for name in column.models))
        base = replace(context, tasks=tasks, loose=loose, metric=metric, borrowed=False)
        subject = models or next((c.models for c in columns[1:] if c.models), ()) or context.subjects
        subject = subject or (self.scale.board.subject.name,)
        leading: tuple[str, ...] = ()
        for index, cell in enumerate(row[1:], start=1):
            column = columns[index] if index < len(columns) else Column()
            told = self._told(base, column, subject, leading, compared)
            if column.leader:
                named = [name for token in self._tokens(cell) for name in token.models]
                leading = tuple(dict.fromkeys(named)) or leading
                if len(leading) == 1 and tasks:
                    among = compared or self._in_column(table, index)
                    yield from self._leads(cell, leading, tasks, among, loose)
                    continue
            yield from self._cell(cell, column, told, label, columns)

    @staticmethod
    def _told(
        base: Context,
        column: Column,
        subject: tuple[str, ...],
        leading: tuple[str, ...],
        compared: tuple[str, ...],
    ) -> Context:
        """Whom and what a cell speaks of: the column's model and rivals, else those of the row."""
        mine = leading or column.models or subject
        rivals = column.rivals or tuple(name for name in compared if name not in mine) or base.rivals
        return replace(
            base,
            subjects=mine,
            rivals=rivals,
            tasks=base.tasks or column.tasks,
            metric=base.metric or column.metric,
            fixed=bool(column.rivals or len(compared) > 1),
        )

    def _cell(
        self, cell: Cell, column: Column, context: Context, label: tuple[Token, ...], columns: list[Column]
    ) -> Iterator[Claim]:
        tokens = self._tokens(cell)
        number = tokens[0].quantity if tokens and tokens[0].start == cell.start else None
        rest = cell.start
        if number is not None and (context.tasks or context.metric):
            if column.delta:
                made = self._difference(cell, tokens, number, context, column, columns)
                if made is not None:
                    yield made
                    return
            elif (
                not number.sign
                and number.kind in ("plain", "size", "percent", "speed")
                and self._is_value(column, label, number, context)
            ):
                yield self._value(tokens[0], number, context)
                rest = tokens[0].end
        if rest < cell.end and (made_of := self.scanner.tokens(self.text, rest, cell.end)):
            summary = label if not context.tasks or any(t.superlative for t in label) else ()
            yield from self._prose(rest, cell.end, context, summary, made_of)

    @staticmethod
    def _is_value(column: Column, label: tuple[Token, ...], number: Quantity, context: Context) -> bool:
        if column.others or not column.plain or len(context.subjects) != 1:
            return False
        if context.metric and context.metric != MEAN and not context.tasks:
            return bool(number.places) and not any(t.relation for t in label)
        hundredths = number.places >= 1 and 1.5 < number.low <= 100
        scored = number.fits_a_score or (number.kind in ("percent", "plain") and hundredths)
        return (
            scored
            and bool(column.models or column.tasks or column.metric == MEAN or SCORE.fullmatch(column.text))
            and not any(t.relation for t in label)
        )

    def _value(self, token: Token, number: Quantity, context: Context) -> Claim:
        """A score in its column: it must be the board's, within the printed digits."""
        model = of(self.scale, context.subjects)[0]
        metrics = context.tasks or (context.metric,)
        of_scores = bool(context.tasks) or context.metric == MEAN
        hundredths = number.kind == "percent" or (of_scores and number.low > 1.5)
        found = []
        for metric in metrics:
            value = self.scale.value(model, metric)
            if value is None:
                found.append(Reading(holds=None, why=f"no {title(metric)} of {model.label} is known"))
                continue
            scales = (2.0**-30, 1e-9) if metric == SIZE else (100.0 if hundredths else 1.0,)
            right = any(fits(number, value, "", each) for each in scales)
            fix = None if metric == SIZE or hundredths else f"{value:.{max(3, number.places)}f}"
            told = f"{title(metric)} of {model.label} is {shown(metric, value)}"
            found.append(Reading(holds=right, why=told, fix=None if right else fix))
        return Claim(start=token.start, end=token.end, readings=tuple(found))

    def _difference(
        self, cell: Cell, tokens: tuple[Token, ...], number: Quantity, context: Context, column: Column,
        columns: list[Column],
    ) -> Claim | None:  # fmt: skip
        """`-0.001 (unsloth)`: the difference, its sign, and the leader in the brackets."""
        if not (number.sign or number.kind in ("plain", "percent", "points")) or len(context.tasks) != 1:
            return None
        compared = [name for each in columns for name in each.models]
        names = (
            *(column.models or tuple(compared[:1]) or context.subjects)[:1],
            *(column.rivals or tuple(compared[1:2]))[:1],
        )
        pair = of(self.scale, names)
        if len(pair) != 2:
            return None
        mine, theirs = pair
        task = context.tasks[0]
        reading = differs(self.scale, mine, theirs, task, number, number.sign, "")
        leader = next((of(self.scale, t.models) for t in tokens[1:] if t.models), ())
        gap = self.scale.gap(mine, theirs, task)
        first = mine if (gap.delta or 0.0) > 0 else theirs
        if leader and gap.delta and leader[0] is not first:
            reading = Reading(holds=False, why=f"{reading.why}: {first.label} leads", fix=reading.fix)
        fix = None
        if reading.holds is False and gap.delta is not None:
            fix = signed(task, gap.delta) if number.kind == "plain" else reading.fix
            named = next((self.text[t.start : t.end] for t in tokens[1:] if t.models), None)
            if fix and named:
                fix = f"{fix} ({self._called(first, columns)})"
        return Claim(start=cell.start, end=cell.end, readings=(replace(reading, fix=fix),))

    @staticmethod
    def _called(model: Model, columns: list[Column]) -> str:
        """As the table's own heading calls it."""
        return next(
            (each.text for each in columns if each.models == (model.name,) and each.plain), model.label
        )

    def _leads(
        self,
        cell: Cell,
        leading: tuple[str, ...],
        tasks: tuple[str, ...],
        compared: Iterable[str],
        loose: bool,
    ) -> Iterator[Claim]:
        """A column that names the better one: it must have the highest score of those shown."""
        others = [m for m in (of(self.scale, compared) or self.scale.scored) if m.name not in leading]
        (mine,) = of(self.scale, leading) or (None,)
        if mine is None or not others:
            return
        found = []
        for task in tasks:
            values = [(o, v) for o in others if (v := self.scale.value(o, task)) is not None]
            value = self.scale.value(mine, task)
            if value is None or not values:
                found.append(Reading(holds=None, why=f"no {title(task)} of {mine.label} is known"))
                continue
            best, top = max(values, key=lambda each: each[1])
            told = f"{title(task)}: {mine.label} {value:.3f} against {top:.3f} of {best.label}"
            right = value >= top - 1e-9
            found.append(Reading(holds=right, why=told, fix=None if right else best.label))
        if not loose and len(found) > 1:
            found = [next((each for each in found if each.holds is False), found[0])]
        yield Claim(start=cell.start, end=cell.end, readings=tuple(found))

    def _prose(
        self, start: int, end: int, context: Context, label: tuple[Token, ...] = (),
        tokens: tuple[Token, ...] | None = None,
    ) -> Iterator[Claim]:  # fmt: skip
        """What a cell says in words, after what its row's heading says (`Best gain`)."""
        own = self.scanner.tokens(self.text, start, end) if tokens is None else tokens
        for clause in clauses(self.text, own, start, end):
            whole = replace(clause, tokens=(*label, *clause.tokens)) if label else clause
            work = Work(self.scale, whole, context)
            for kind in ALL:
                for claim in kind(work):
                    if claim.end > start:
                        yield replace(claim, start=max(claim.start, start))

    def _in_order(self, table: Table, row: tuple[Cell, ...], context: Context) -> Iterator[Claim]:
        """Rows without columns: the numbers belong to the tasks or models of the heading, in their order."""
        heads = [t for cell in table.header for t in self._tokens(cell) if t.tasks or t.models]
        tokens = [t for cell in row for t in self._tokens(cell)]
        numbers = [t for t in tokens if t.quantity is not None and t.quantity.fits_a_score]
        label = next((t for t in tokens if t.models or t.tasks), None)
        if label is None or len(numbers) != len(heads) or not heads:
            return
        for head, number in zip(heads, numbers, strict=True):
            told = replace(context, subjects=label.models or head.models, tasks=head.tasks or label.tasks)
            if told.tasks and len(told.subjects) == 1 and number.quantity:
                yield self._value(number, number.quantity, told)
