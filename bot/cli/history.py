"""`bot history`: what happened, from the journal's timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    for line in _lines(mine):
        console.print(line, soft_wrap=not console.is_terminal)
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


def _lines(found: Iterable[Happened]) -> Iterator[Text]:
    """A heading for each day, a line for each event; local time."""
    from datetime import datetime

    from rich.text import Text

    from bot.cli.plan_words import printable

    day = ""
    for one in found:
        at = datetime.fromtimestamp(one.at).astimezone()
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            yield Text(f"{at:%A} {day}", style="bold")
        text = one.text if one.subject in one.text or not one.subject else f"{one.subject}: {one.text}"
        line = Text(f"  {at:%H:%M}  ")
        line.append(f"{one.kind:<10}", style=_COLOURS.get(one.kind, ""))
        line.append(printable(text))
        yield line


_COLOURS = {
    "published": "green",
    "patched": "green",
    "waiting": "yellow",
    "stopped": "yellow",
    "frozen": "yellow",
    "failed": "red",
    "trouble": "red",
}
