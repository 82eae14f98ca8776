"""`bot check`: is a quant, anybody's, what its base and its recipe make of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from bot.quantize.check import Verdict
    from bot.quantize.findings import Finding


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
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold a quant against its base: tensors, config, tokenizer, license, files. Downloads no weights."""
    from bot.cli import show
    from bot.errors import VerificationFailed
    from bot.huggingface import HubDoor
    from bot.quantize import check as edge
    from bot.recipes.names import parse

    known = settings.from_environment()
    with show.err().status(f"checking {quant}"):
        verdict = edge.check(HubDoor(known), known, quant, against, parse, recipe)
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
    for title, findings in (("wrong", verdict.violations), ("worth knowing", verdict.remarks)):
        if findings:
            yield Text(f"\n{title}", style="bold")
            yield _table(findings)
    if verdict.not_checked:
        yield Text("\nnot checked", style="bold")
        yield from (Text(f"  {each}") for each in verdict.not_checked)
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


def _table(findings: tuple[Finding, ...]) -> RenderableType:
    """Kind, place, sentence; findings that differ in their place only are one row."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=2)
    table.add_column(overflow="fold", ratio=3)
    alike: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        alike.setdefault((finding.kind, finding.text), []).append(finding.where)
    for (kind, text), places in alike.items():
        more = f" (and {len(places) - 1} more like it)" if len(places) > 1 else ""
        table.add_row(f"  {kind}", escape(places[0]), escape(f"{text}{more}"))
    return table
