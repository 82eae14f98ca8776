"""`bot check`: is a quant, anybody's, what its base and its recipe make of it?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings
from bot.card.markdown import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from bot.check.check import Verdict
    from bot.check.findings import Finding


def check(
    quant: Annotated[
        str, typer.Argument(metavar="DIR_OR_REPO", help="The quant: a folder, or owner/name[@revision].")
    ],
    against: Annotated[
        str, typer.Option(metavar="DIR_OR_REPO", help="Its base: a folder, or owner/name[@revision].")
    ],
    recipe: Annotated[
        str | None, typer.Option(help="The recipe; default: what its manifest or its name says.")
    ] = None,
    recipes: Annotated[
        list[Path] | None, typer.Option(help="A folder of your own recipe files; may be repeated.")
    ] = None,
    watchlist: Annotated[Path | None, typer.Option(help="Take recipe folders from this watchlist.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold a quant against its base: tensors, config, tokenizer, license, files. Downloads no weights."""
    from bot.check import check as edge
    from bot.cli import show
    from bot.errors import VerificationFailed
    from bot.huggingface import HubDoor
    from bot.watch.watchlist import book_for

    known = settings.from_environment()
    book = book_for(recipes or [], watchlist or known.watchlist)
    with show.err().status(f"checking {quant}"):
        verdict = edge.check(HubDoor(known), known, quant, against, book, recipe)
    if json:
        show.as_json(verdict)
    else:
        for line in report(verdict):
            show.out().print(line)
    if not verdict.ok:
        count = len(verdict.violations)
        things = "1 thing is" if count == 1 else f"{count} things are"
        raise VerificationFailed(f"{verdict.quant} is not what {verdict.base} gives: {things} wrong")


def report(verdict: Verdict) -> Iterable[RenderableType]:
    """The verdict as people read it, equal findings in one row."""
    from rich.text import Text

    yield Text(f"{verdict.quant} against {verdict.base}")
    yield Text(_recipe(verdict))
    if verdict.violations or verdict.remarks:
        yield _table({"wrong": verdict.violations, "worth knowing": verdict.remarks})
    if verdict.not_checked:
        yield Text("\nnot checked", style="bold")
        yield from (Text(f"  {clean(each)}") for each in verdict.not_checked)
    if verdict.ok:
        yield Text("\nit conforms")


def _recipe(verdict: Verdict) -> str:
    has = f"{verdict.bits_per_weight:.2f} bits per weight" if verdict.bits_per_weight else ""
    if verdict.recipe is None:
        return "; ".join(filter(None, ("no recipe is named", has)))
    source = {"option": "as asked", "manifest": "from its manifest", "name": "from its name", "none": ""}
    gives = verdict.expected_bits_per_weight
    wanted = f"the recipe gives {gives:.2f}" if gives else ""
    return "; ".join(filter(None, (f"{verdict.recipe} ({source[verdict.recipe_source]})", has, wanted)))


def _table(sections: dict[str, tuple[Finding, ...]]) -> RenderableType:
    """Kind, place, sentence; findings that differ in their place only are one row."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=2)
    table.add_column(overflow="fold", ratio=3)
    for title, findings in sections.items():
        if findings:
            table.add_row()
            table.add_row(Text(title, style="bold"))
        for (kind, text), places in _alike(findings).items():
            more = f" (and {len(places) - 1} more like it)" if len(places) > 1 else ""
            table.add_row(f"  {kind}", Text(clean(places[0])), Text(clean(f"{text}{more}")))
    return table


def _alike(findings: tuple[Finding, ...]) -> dict[tuple[str, str], list[str]]:
    """Where each thing is found, by kind and sentence."""
    groups: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        groups.setdefault((finding.kind, finding.text), []).append(finding.where)
    return groups
