"""`bot history`: what happened, from the journal's timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.table import Table
    from rich.text import Text

    from bot.journal.timeline import EventKind, Happened


def history(
    since: Annotated[
        str | None, typer.Option(help="How far back, such as 12h, 7d or 4w; default: all that is kept.")
    ] = None,
    repo: Annotated[str | None, typer.Option(help="Only what is about this base or quant.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind, such as published; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many events.")] = 100,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What happened, the newest last: found, waiting, decided, started, published, failed."""
    import time

    from bot.cli import show
    from bot.journal import timeline
    from bot.journal.looking import looking
    from bot.records import to_json

    start = time.time() - _seconds(since) if since else 0.0
    kinds = _kinds(kind or [])
    with looking(settings_.from_environment()) as opened:
        found = timeline.since(opened, from_=start, kinds=kinds, limit=100_000 if repo else limit)
    mine = [one for one in found if repo is None or _about(one, repo)][:limit]
    mine.sort(key=lambda one: (one.at, one.id))
    if json:
        show.as_json([to_json(one) for one in mine])
        return
    console = show.out()
    for part in _days(mine, wrap=console.is_terminal):
        console.print(part, soft_wrap=not console.is_terminal)
    if not mine:
        console.print("Nothing happened yet." if not (since or repo or kind) else "Nothing of that happened.")


def _seconds(text: str) -> float:
    """Raises UsageError for what is no duration."""
    from bot.errors import UsageError
    from bot.watch.quantities import Duration

    try:
        return float(Duration.parse(text))
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None


def _kinds(names: list[str]) -> tuple[EventKind, ...]:
    """Raises UsageError for a kind that there is not."""
    from typing import cast, get_args

    from bot.errors import UsageError
    from bot.journal.timeline import EventKind

    known = get_args(EventKind)
    for name in names:
        if name not in known:
            raise UsageError(f"--kind {name!r} is no kind of event: it may be {', '.join(known)}")
    return cast("tuple[EventKind, ...]", tuple(names))


def _about(one: Happened, repo: str) -> bool:
    """Whether the event's subject is the repo, or a run or text that names it."""
    low = repo.lower()
    return (
        low == one.subject.lower()
        or f"{low} " in f"{one.text.lower()} ".replace(":", " ")
        or (f":{low}@" in one.subject.lower())
    )


def _days(found: Iterable[Happened], *, wrap: bool) -> Iterator[Text | Table]:
    """A heading for each day, a line for each event, in local time; with `wrap` long texts stay in their
    column."""
    from datetime import datetime
    from itertools import groupby

    from rich.text import Text

    for day, events in groupby(found, lambda one: datetime.fromtimestamp(one.at).date()):
        yield Text(f"{day:%A} {day}", style="bold")
        rows = [_row(one) for one in events]
        if wrap:
            yield _table(rows)
        else:
            for at, kind, text in rows:
                yield Text.assemble("  ", at, "  ", kind, " " * (10 - len(kind)), text)


def _row(one: Happened) -> tuple[str, Text, str]:
    from datetime import datetime

    from rich.text import Text

    from bot.cli.plan_words import printable

    text = one.text if one.subject in one.text or not one.subject else f"{one.subject}: {one.text}"
    kind = Text(one.kind, style=_COLOURS.get(one.kind, ""))
    return f"{datetime.fromtimestamp(one.at):%H:%M}", kind, printable(text)


def _table(rows: Iterable[tuple[str, Text, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=True, padding=(0, 1))
    for name in ("at", "kind"):
        table.add_column(name, no_wrap=True)
    table.add_column("text", overflow="fold")
    for at, kind, text in rows:
        table.add_row(at, kind, Text(text))
    return table


_COLOURS = {
    "published": "green",
    "patched": "green",
    "waiting": "yellow",
    "stopped": "yellow",
    "frozen": "yellow",
    "failed": "red",
    "trouble": "red",
}
