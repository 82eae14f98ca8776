"""Events as a message: a title that says it all, a short line for each, the command to type. Plain text."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from bot.journal.timeline import EventKind, Happened
from bot.notify.decide import is_over
from bot.records import Record
from bot.redaction import one_line, redacted

LINES = 15
"""Events that are written out in one message; of more it is said how many there are."""

LONGEST = 300
"""Characters of one line: some services take few (a text message, a push note)."""

Mood = Literal["good", "plain", "ask", "bad"]


class Message(Record, frozen=True, kw_only=True):
    """What a service is sent. `mood` picks its colour or sign."""

    title: str
    body: str
    mood: Mood


LEAD: dict[EventKind, str] = {
    "found": "New", "waiting": "Waits for your yes", "decided": "Decided", "started": "Started",
    "published": "Published", "failed": "Failed", "stopped": "Stopped by the gate", "patched": "Patched",
    "frozen": "Frozen", "gone": "Gone", "repair": "To repair", "recalled": "Recalled", "trouble": "Trouble",
    "digest": "Digest",
}  # fmt: skip
"""How a line begins."""

COUNTED: dict[EventKind, tuple[str, str]] = {
    "found": ("{n} new base", "{n} new bases"),
    "waiting": ("{n} waits for your yes", "{n} wait for your yes"),
    "published": ("{n} published", "{n} published"), "failed": ("{n} failed", "{n} failed"),
    "stopped": ("{n} stopped by the gate", "{n} stopped by the gate"),
    "trouble": ("trouble", "{n} troubles"), "repair": ("{n} to repair", "{n} to repair"),
}  # fmt: skip
MOODS: tuple[tuple[Mood, frozenset[EventKind]], ...] = (
    ("bad", frozenset({"failed", "trouble"})),
    ("ask", frozenset({"waiting", "stopped", "frozen", "repair", "recalled"})),
    ("good", frozenset({"published"})),
)
"""The first that holds for any event is the message's."""


def message(events: Sequence[Happened]) -> Message:
    """One message of one or more events, oldest first."""
    if len(events) == 1 and events[0].kind == "digest":
        return _digest(events[0])
    told = {event.kind for event in events if not is_over(event)}
    mood: Mood = next((mood for mood, kinds in MOODS if told & kinds), "plain")
    lines = [line for event in events[:LINES] for line in lines_of(event)]
    if len(events) > LINES:
        lines.append(f"… and {len(events) - LINES} more: bot history")
    return Message(title=f"qx-bot: {_title(events)}", body="\n".join(lines), mood=mood)


def lines_of(event: Happened) -> list[str]:
    """What happened, and the command that answers it where there is one and the text does not name it."""
    text = plain(event.text)
    subject = plain(event.subject)
    said = text if subject and subject in text else f"{subject}: {text}" if text else subject
    command = None if "`bot " in text else command_of(event)
    lead = "Over" if is_over(event) else LEAD[event.kind]
    return [cut(f"{lead}: {said}"), *([f"  {command}"] if command else [])]


def command_of(event: Happened) -> str | None:
    """What a person would type next. `data` of an event may name its plan, or the command itself."""
    data = event.data or {}
    named = plain(str(data.get("command") or ""))
    if named.startswith("bot "):
        return cut(named)
    if event.kind in ("waiting", "frozen"):
        return _command("approve", data.get("plan") or event.subject)
    if event.kind == "stopped":
        return _command("approve", event.subject)
    if event.kind == "failed":
        return "bot status"
    return "bot doctor" if event.kind == "trouble" and not is_over(event) else None


def _command(word: str, name: object) -> str:
    return f"bot {word} {shlex.quote(plain(str(name)))}"


def plain(text: str) -> str:
    """Text of strangers on one line, without secrets, and calling nobody: @everyone would ring at each phone
    of a chat."""
    tamed = re.sub(r"@(?=everyone|here|channel|all)", "@ ", one_line(redacted(text)))
    return re.sub(r"<(?=[!@#])", "< ", tamed)


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def _title(events: Sequence[Happened]) -> str:
    """`2 published, 1 failed`. That a plan is over (`state`) is no event to be counted beside its quants."""
    if len(events) == 1:
        lead = "over" if is_over(events[0]) else LEAD[events[0].kind].lower()
        return cut(f"{lead}: {plain(events[0].subject)}")[:120]
    counted = [event for event in events if not is_over(event) and not _sums_up(event)] or events
    parts = []
    for kind, count in Counter(event.kind for event in counted).items():
        one, many = COUNTED.get(kind, (f"{{n}} {LEAD[kind].lower()}",) * 2)
        parts.append((one if count == 1 else many).format(n=count))
    return ", ".join(parts)


def _sums_up(event: Happened) -> bool:
    return (event.data or {}).get("state") == "over"


def _digest(event: Happened) -> Message:
    """The digest's event carries its lines, made by `bot.notify.digest`."""
    lines = (event.data or {}).get("lines") or []
    mood: Mood = "ask" if (event.data or {}).get("asks") else "plain"
    body = "\n".join(cut(plain(str(line))) for line in lines)
    return Message(title=f"qx-bot: {cut(plain(event.text))}", body=body or plain(event.text), mood=mood)
