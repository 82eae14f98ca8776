"""`bot card check` and `bot card audit`: what a text claims, held against facts or against its own tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings
from bot.card.markdown import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from bot.review.claims import Finding

_TITLES = {"false": "false", "not_checkable": "cannot be checked", "true": "true"}


def check(
    text: Annotated[Path, typer.Argument(metavar="REVIEW.md", help="The text whose claims are checked.")],
    facts: Annotated[Path, typer.Option(help="JSON or YAML file of what is known about the quant.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold each claim of a text against the facts: true, false or not checkable, with the arithmetic.

    Exit code 10 when something is false.
    """
    from bot.card.board import board
    from bot.card.facts_file import read
    from bot.review.claims import check as claims_of

    known = read(facts)
    written = _read(text)
    findings = claims_of(written, board(known))
    _show(findings, written, text.name, f"the facts of {known.card}", json=json)


def audit(
    card: Annotated[
        str, typer.Argument(metavar="OWNER/NAME|README.md", help="A published card, or a file with one.")
    ],
    fix: Annotated[
        bool, typer.Option("--fix", help="Print the diff that would mend it; nothing is written.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold what a card says against its own tables, anybody's card.

    Exit code 10 when something is false. With --fix, the diff sets right what arithmetic can set right, and
    marks other false claims.
    """
    from bot.review.claims.audit import audit as audit_of
    from bot.review.claims.audit import diff

    written, name = _card(card)
    found = audit_of(written, name)
    if not fix:
        _show(found.findings, written, card, _tables(found.facts.scores, len(found.facts.quants)), json=json)
        return
    if json:
        _as_json(found.findings, diff=diff(written, found.findings, "README.md"))
    else:
        typer.echo(diff(written, found.findings, "README.md"), nl=False)
    _fail(found.findings, card, "its own tables")


def _card(card: str) -> tuple[str, str]:
    """The text of a card and the name of its repo: a file if there is one, else from the Hub."""
    from bot.errors import NotFound, UsageError
    from bot.huggingface import HubDoor

    path = Path(card).expanduser()
    if path.is_file():
        return _read(path), ""
    if card.count("/") != 1 or card.endswith((".md", ".txt")) or not all(card.split("/")):
        raise UsageError(
            f"{card!r} is neither a file nor a repo: give the path of a README.md, or owner/name"
        )
    data = HubDoor(settings.from_environment()).read(card, "README.md")
    if data is None:
        raise NotFound(f"{card} has no README.md: there is no card to audit")
    return data.decode("utf-8", errors="replace"), card.split("/")[1]


def _read(path: Path) -> str:
    from bot.errors import ConfigError, NotFound

    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise NotFound(f"{path} is not there: give the path of a text") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text: {error}") from error


def _tables(scores: dict[str, dict[str, float | bool | None]], quants: int) -> str:
    """What there was to hold a card against."""
    if not scores and not quants:
        return "its own tables (none of them could be read)"
    count = sum(1 for tasks in scores.values() for value in tasks.values() if not isinstance(value, bool))
    models = max(len(scores), quants)
    return f"its own tables ({count} scores of {models} {'model' if models == 1 else 'models'})"


def _show(findings: tuple[Finding, ...], text: str, name: str, against: str, *, json: bool) -> None:
    from bot.cli import show

    if json:
        _as_json(findings)
    else:
        for line in report(findings, text, name, against):
            show.out().print(line)
    _fail(findings, name, against)


def _as_json(findings: tuple[Finding, ...], **more: str) -> None:
    from bot.cli import show
    from bot.records import to_json

    show.as_json({"findings": [to_json(each) for each in findings], **more})


def _fail(findings: tuple[Finding, ...], name: str, against: str) -> None:
    from bot.errors import VerificationFailed

    false = sum(1 for each in findings if each.verdict == "false")
    if false:
        things = "1 claim is" if false == 1 else f"{false} claims are"
        raise VerificationFailed(f"{name}: {things} false by {against.split(' (')[0]}")


def report(findings: tuple[Finding, ...], text: str, name: str, against: str) -> Iterable[RenderableType]:
    """The findings as people read them: the false ones first, with line, quote and arithmetic."""
    from rich.text import Text

    counts = {verdict: sum(1 for each in findings if each.verdict == verdict) for verdict in _TITLES}
    yield Text(f"{name} against {against}")
    for verdict in ("false", "not_checkable"):
        if counts[verdict]:
            yield Text(f"\n{_TITLES[verdict]}", style="bold")
            yield _rows(tuple(each for each in findings if each.verdict == verdict), text)
    told = [f"{counts[verdict]} {_TITLES[verdict]}" for verdict in ("true", "false", "not_checkable")]
    yield Text(
        f"\n{len(findings)} claims: {', '.join(told)}" if findings else "\nno claim that could be checked"
    )


def _rows(findings: tuple[Finding, ...], text: str) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=2)
    table.add_column(overflow="fold", ratio=3)
    for each in findings:
        why = clean(each.why)
        if each.fix is not None:
            why += f"; right would be: {clean(each.fix)}"
        line = text.count("\n", 0, each.start) + 1
        table.add_row(f"  line {line}", Text(clean(each.quote)), Text(why))
    return table
